"""Finished recordings, kept so that nothing is computed twice.

An entry is one recording heard by one model in one way, a file of its own. Its name is the SHA-256
of everything that decides the result: the recording's bytes, model, variant, weights, hop, rows,
channel, precision and the format's version. So adding recordings, or starting again after a
crash, computes only what is missing, and two runs that write the same entry write the same thing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from embedviz.arrow import bytes_column, rows_of_bytes
from embedviz.atomic import written_whole
from embedviz.data import ByteArray, FloatArray
from embedviz.errors import EmbedvizError
from embedviz.folders import cache_folder
from embedviz.heard import Column

FORMAT = 4
_INFO = b"entry"
_TIMES = ("start_s", "stop_s", "padding_s")
_BUFFERED_BYTES = 16 << 20


@dataclass(frozen=True)
class Entry:
    """Rows of one recording: times, vectors and thumbnails as a set holds them."""

    vectors: FloatArray
    start_s: npt.NDArray[np.float64]
    stop_s: npt.NDArray[np.float64]
    padding_s: npt.NDArray[np.float64]
    thumbnails: ByteArray
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.vectors)


@dataclass(frozen=True)
class Kept:
    """A finished entry at rest."""

    path: Path

    def parts(self) -> Iterator[Entry]:
        """Read the entry, some megabytes at a time.

        Raises
        ------
        EmbedvizError
            If the file is damaged; it is removed, so that the next run computes it again.
        """
        try:
            with _opened(self.path) as file:
                info = json.loads(file.schema_arrow.metadata[_INFO])
                # `iter_batches` would hold all that it has read before.
                for group in range(file.num_row_groups):
                    yield _entry(file.read_row_group(group), info["thumbnail"])
        except (OSError, pa.ArrowException) as error:
            self.path.unlink(missing_ok=True)
            raise EmbedvizError(
                f"The cache's copy of a recording was damaged and is removed ({self.path.name}); "
                "start again, and the recording is heard anew."
            ) from error


def key(parts: Mapping[str, Any]) -> str:
    """Give the name of the entry that `parts` decides."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def path_of(entry_key: str) -> Path:
    """Give the file of an entry."""
    return cache_folder() / "recordings" / entry_key[:2] / f"{entry_key}.parquet"


def load(entry_key: str) -> Kept | None:
    """Give a finished entry, or None if there is none that can be read.

    Recordings that shared a batch are finished together: where a run was killed while it kept
    them, those that made it are no more finished than the others.
    """
    path = path_of(entry_key)
    try:
        with _opened(path) as file:
            together = json.loads(file.schema_arrow.metadata[_INFO])["together"]
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return None
    return Kept(path) if all(path_of(other).exists() for other in together) else None


def save(entries: Mapping[str, Entry]) -> None:
    """Keep the entries, by their keys, of recordings that were heard together."""
    for entry_key, entry in entries.items():
        with keeping(entry_key, together=[other for other in entries if other != entry_key]) as add:
            add(entry)


@contextmanager
def keeping(entry_key: str, *, together: Sequence[str] = ()) -> Iterator[Callable[[Entry], None]]:
    """Give a function that takes an entry's rows in parts; it appears whole or not at all.

    Raises
    ------
    EmbedvizError
        If the cache cannot be written.
    """
    raised: BaseException | None = None
    try:
        with written_whole(path_of(entry_key)) as file:
            writer = _Writer(file, list(together))
            try:
                yield writer.add
            except BaseException as error:
                raised = error
                raise
            else:
                writer.close()
            finally:
                writer.give_up()
    except OSError as error:
        if error is raised:  # by a recording, say, and not by the cache
            raise
        raise _unwritten(error) from error


class Held:
    """Tables that wait until so many bytes are together."""

    def __init__(self, enough: int) -> None:
        self._tables: list[pa.Table] = []
        self._bytes, self._enough = 0, enough

    def add(self, table: pa.Table) -> bool:
        """Hold a table, and tell whether there are enough."""
        self._tables.append(table)
        self._bytes += table.nbytes
        return self._bytes >= self._enough

    def taken(self) -> pa.Table | None:
        """Give all of them as one, if there are any, and hold none."""
        tables, self._tables, self._bytes = self._tables, [], 0
        return pa.concat_tables(tables) if tables else None


def give_up(writer: pq.ParquetWriter | None) -> None:
    """Close a writer whose file will be removed, unless it is closed.

    It would close itself when nobody needs it any more, and complain that its file is closed.
    """
    if writer is not None:
        with suppress(Exception):  # what ended the writing is told already
            writer.close()
        writer.is_open = False


class _Writer:
    """Takes the rows of an entry and writes them some megabytes at a time."""

    def __init__(self, file: Any, together: list[str]) -> None:  # noqa: ANN401 (a file)
        self._file, self._together = file, together
        self._writer: pq.ParquetWriter | None = None
        self._held = Held(_BUFFERED_BYTES)

    def add(self, entry: Entry) -> None:
        info = {"together": self._together, "thumbnail": list(entry.thumbnails.shape[1:])}
        columns: dict[str, Any] = {name: getattr(entry, name) for name in _TIMES}
        columns |= {f"column:{name}": column for name, column in entry.columns.items()}
        columns["vectors"] = bytes_column(np.asarray(entry.vectors, np.float32))
        columns["thumbnails"] = bytes_column(entry.thumbnails)
        if self._held.add(pa.table(columns, metadata={_INFO: json.dumps(info).encode()})):
            try:
                self._write()
            except OSError as error:
                raise _unwritten(error) from error

    def close(self) -> None:
        self._write()
        assert self._writer is not None  # a recording has at least one row
        self._writer.close()

    def give_up(self) -> None:
        give_up(self._writer)

    def _write(self) -> None:
        table = self._held.taken()
        if table is None:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._file,
                table.schema,
                compression="none",
                use_dictionary=False,
                write_statistics=False,
                write_page_checksum=True,
            )
        self._writer.write_table(table)


def _unwritten(error: OSError) -> EmbedvizError:
    return EmbedvizError(
        f"The cache at {cache_folder()} could not be written ({error.strerror or error}); free "
        "some space, or set EMBEDVIZ_CACHE to another folder."
    )


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        yield file


def _entry(rows: pa.Table, picture: list[int]) -> Entry:
    named = {name: rows.column(name).combine_chunks() for name in rows.column_names}
    vectors, thumbnails = named.pop("vectors"), named.pop("thumbnails")
    times = {name: named.pop(name).to_numpy() for name in _TIMES}
    return Entry(
        vectors=rows_of_bytes(vectors, np.float32, (vectors.type.byte_width // 4,)),
        thumbnails=rows_of_bytes(thumbnails, np.uint8, tuple(picture)),
        columns={
            name.removeprefix("column:"): column.to_numpy(zero_copy_only=False)
            for name, column in named.items()
        },
        **times,
    )
