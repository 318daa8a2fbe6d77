"""One part of a set in parts: what its footer says, and its columns when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from embedviz.arrow import rows_of_bytes
from embedviz.data import Provenance, Source
from embedviz.errors import SetError
from embedviz.storage import Folder
from embedviz.store import AXES, KEY, THRIFT
from embedviz.unpacked import Array

_AGAIN = "run the command that wrote the set once more"
# What parts of one set may differ in; anything else would make their rows incomparable.
_OWN = ("recordings", "failures", "label_columns", "version")


@dataclass(frozen=True)
class Footer:
    """What a part says of itself."""

    name: str
    rows: int
    schema: pa.Schema
    info: Mapping[str, Any]
    """The JSON that `embedviz.store` keeps in a file."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its table, in order."""
        own = {"embedding", "thumbnail", *AXES}
        return tuple(name for name in self.schema.names if name not in own)

    @property
    def axes(self) -> tuple[str, ...]:
        """Its columns of coordinates."""
        return tuple(axis for axis in AXES if axis in self.schema.names)

    @property
    def dims(self) -> int:
        """The length of a vector."""
        return int(self.schema.field("embedding").type.list_size)

    @property
    def thumbnail(self) -> tuple[int, int] | None:
        """Frames and bands of a thumbnail, if there are any."""
        said = self.info.get("thumbnail")
        if said is None or "thumbnail" not in self.schema.names:
            return None
        return int(said["frames"]), int(said["bands"])


def footer(where: Folder, name: str) -> Footer:
    """Read what a part says of itself.

    Raises
    ------
    SetError
        If it is missing, broken, or was not written by embedviz.
    """
    with _opened(where, name) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    raw = (schema.metadata or {}).get(KEY)
    if raw is None or "embedding" not in schema.names:
        raise SetError(f"{where.address}/{name} was not written by embedviz; take it away.")
    return Footer(name, rows, schema, json.loads(raw))


def table(where: Folder, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read some columns of a part, in this order, or all; labels that it lacks are empty.

    Raises
    ------
    SetError
        If the part cannot be read or lacks a column that is no label.
    """
    with _opened(where, name) as file:
        if columns is None:
            return file.read()
        there = set(file.schema_arrow.names)
        found = file.read([column for column in columns if column in there])
    for column in columns:
        if column not in there:
            found = found.append_column(column, pa.array([""] * len(found), pa.large_string()))
    return found.select(list(columns))


def joined(tables: Iterable[pa.Table], labels: Collection[str], address: str) -> pd.DataFrame:
    """Give what was read of the parts as one table, in which labels are text.

    Raises
    ------
    SetError
        If a column is of one kind in one part and of another in another.
    """
    try:
        found = pa.concat_tables(
            [_with_text(table, labels) for table in tables], promote_options="permissive"
        )
    except pa.ArrowException as problem:
        raise SetError(
            f"{address} has parts whose columns do not fit ({problem}); {_AGAIN}."
        ) from problem
    frame: pd.DataFrame = found.replace_schema_metadata(None).to_pandas()
    return frame


def vectors(where: Folder, name: str) -> Iterator[Array]:
    """Give a part's vectors, (n, D) float32 at a time."""
    for column in _batches(where, name, "embedding"):
        yield column.flatten().to_numpy(zero_copy_only=False).reshape(-1, column.type.list_size)


def thumbnails(where: Folder, name: str, shape: tuple[int, int]) -> Iterator[Array]:
    """Give a part's thumbnails, (n, frames, bands) uint8 at a time."""
    size = shape[0] * shape[1]
    for column in _batches(where, name, "thumbnail"):
        if column.type.byte_width != size:
            raise SetError(f"{where.address}/{name} has other pictures than the first; {_AGAIN}.")
        yield rows_of_bytes(column, np.uint8, shape)


def merged(footers: Iterable[Footer], address: str) -> Provenance:
    """Give one provenance for all parts, with the recordings of each.

    Raises
    ------
    SetError
        If a part was made by another model or with other settings than the first.
    """
    first: Footer | None = None
    recordings: dict[str, Source] = {}
    failures: dict[str, str] = {}
    labels: dict[str, None] = {}
    versions: dict[str, None] = {}
    for one in footers:
        made = Provenance.from_json(one.info)
        if first is None:
            first, common = one, made
        _refuse_other(first, one, address)
        recordings |= made.recordings
        failures |= made.failures
        labels |= dict.fromkeys(made.label_columns)
        versions[made.version] = None
    if first is None:
        raise SetError(f"{address} has no parts; not one recording could be embedded.")
    return replace(
        common,
        recordings=recordings,
        failures=failures,
        label_columns=tuple(labels),
        version=", ".join(versions),
    )


def _with_text(found: pa.Table, labels: Collection[str]) -> pa.Table:
    """Make labels text: numbers, categories and nothing at all do not go below each other."""
    for number, name in enumerate(found.column_names):
        if name in labels:
            column = found.column(name)
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
                column = column.cast(pa.large_string())
            found = found.set_column(number, name, column.fill_null(""))
    return found


def _refuse_other(first: Footer, one: Footer, address: str) -> None:
    """Refuse rows of another kind than those of the first part."""
    here, there = _settings(one), _settings(first)
    other = [name for name in {**there, **here} if here.get(name) != there.get(name)]
    if other:
        what = ", ".join(f"{name} {here.get(name)} and {there.get(name)}" for name in other[:3])
        raise SetError(
            f"{address} mixes what cannot be compared: {one.name} and {first.name} have {what}; "
            "embed all recordings with one model and the same settings."
        )


def _settings(one: Footer) -> dict[str, Any]:
    made = Provenance.from_json(
        {key: one.info[key] for key in one.info if key not in _OWN} | {"version": ""}
    )
    labels = one.info.get("label_columns", ())
    return {
        **{key: value for key, value in made.to_json().items() if key not in _OWN},
        "dimensions": one.dims,
        "thumbnails": one.thumbnail,
        "columns": ", ".join(name for name in one.columns if name not in labels),
    }


@contextmanager
def _opened(where: Folder, name: str) -> Iterator[pq.ParquetFile]:
    try:
        with where.open(name) as file:
            yield pq.ParquetFile(file, **THRIFT)
    except FileNotFoundError as problem:
        raise SetError(f"{where.address}/{name} is missing; {_AGAIN}.") from problem
    except (OSError, pa.ArrowException) as problem:
        raise SetError(
            f"{where.address}/{name} is no part that can be read ({problem}); {_AGAIN}."
        ) from problem


def _batches(where: Folder, name: str, column: str) -> Iterator[pa.Array]:
    with _opened(where, name) as file:
        # `iter_batches` would hold all that it has read before.
        for group in range(file.num_row_groups):
            yield from file.read_row_group(group, columns=[column]).column(0).chunks
