"""A set written while it is made: row group by row group, in constant memory."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedviz.arrow import bytes_column, vectors_column
from embedviz.atomic import written_whole
from embedviz.cache import Entry, Held, give_up
from embedviz.data import Provenance, Recording
from embedviz.errors import SetError
from embedviz.store import FORMAT, KEY

GROUP_BYTES = 32 << 20
"""Of a row group: so much is held in memory."""


@dataclass(frozen=True)
class Written:
    """A set that lies in a file."""

    path: Path
    rows: int
    dimensions: int
    provenance: Provenance


class SetWriter:
    """Takes the rows of a set in order; the file appears whole, or not at all.

    A context manager: what is not finished when it ends is removed.

    Parameters
    ----------
    path
        The Parquet file to be.
    label_columns
        Names of the labels that recordings may carry.

    Raises
    ------
    SetError
        From `add` and `finish`, if the file cannot be written.
    """

    def __init__(self, path: Path, label_columns: tuple[str, ...]) -> None:
        self._path, self._labels = path, label_columns
        self._open: AbstractContextManager[BinaryIO] | None = None
        self._writer: pq.ParquetWriter | None = None
        self._held = Held(GROUP_BYTES)
        self._rows = self._dimensions = 0
        self._picture: tuple[int, ...] = ()

    def __enter__(self) -> SetWriter:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove what was not finished."""
        if self._open is not None:
            give_up(self._writer)
            try:
                self._open.__exit__(_Abandoned, _Abandoned(), None)
            except _Abandoned:
                self._open = None

    def add(self, recording: Recording, entry: Entry) -> None:
        """Take rows of a recording."""
        self._rows += len(entry)
        self._dimensions = entry.vectors.shape[1]
        self._picture = entry.thumbnails.shape[1:]
        if self._held.add(self._table(recording, entry)):
            self._write()

    def finish(self, provenance: Provenance) -> Written:
        """Complete the file with what is known of all rows."""
        frames, bands = self._picture
        info = {
            "format": FORMAT,
            **provenance.to_json(),
            "thumbnail": {"frames": frames, "bands": bands},
        }
        self._write()
        assert self._writer is not None  # a set has at least one row
        assert self._open is not None
        try:
            self._writer.add_key_value_metadata(_metadata(self._writer.schema, info))
            self._writer.close()
            self._open.__exit__(None, None, None)
        except OSError as error:
            raise self._failed(error) from error
        self._open = None
        return Written(self._path, self._rows, self._dimensions, provenance)

    def _table(self, recording: Recording, entry: Entry) -> pa.Table:
        columns: dict[str, Any] = {
            "recording": _repeated(recording.name, len(entry)),
            "start_s": entry.start_s,
            "stop_s": entry.stop_s,
        }
        for name in self._labels:
            columns[name] = _repeated(recording.labels.get(name, ""), len(entry))
        columns["padding_s"] = entry.padding_s
        for name, column in entry.columns.items():
            columns[name] = pa.array(np.asarray(column))
        columns["embedding"] = vectors_column(entry.vectors)
        columns["thumbnail"] = bytes_column(entry.thumbnails)
        return pa.table(columns)

    def _write(self) -> None:
        table = self._held.taken()
        if table is None:
            return
        try:
            if self._writer is None:
                self._open = written_whole(self._path)
                file = self._open.__enter__()
                self._writer = pq.ParquetWriter(
                    file,
                    table.schema,
                    compression="zstd",
                    use_dictionary=[f.name for f in table.schema if pa.types.is_string(f.type)],
                    store_schema=False,
                )
            self._writer.write_table(table, row_group_size=len(table))
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> SetError:
        return SetError(f"{self._path} could not be written: {error.strerror or error}.")


class _Abandoned(Exception):  # noqa: N818 (no error)
    """The set was not finished."""


def _metadata(schema: pa.Schema, info: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Give what stands at the end of the file.

    Arrow's own schema tells that the vectors are of fixed size and holds the metadata once more;
    Arrow would write it at the beginning, when not all is known.
    """
    about = {KEY: json.dumps(info).encode()}
    whole = schema.with_metadata(about).serialize().to_pybytes()
    return {**about, b"ARROW:schema": base64.b64encode(whole)}


def _repeated(text: str, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), rows)
