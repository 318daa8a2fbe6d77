"""A set in parts, opened without reading what is not asked for; `partitions` says what lies there.

Columns are read from the parts when they are asked for. Vectors and thumbnails are unpacked into
the cache folder once and stay on the disk from then on, mapped into memory page by page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd

from embedviz import partfiles
from embedviz.data import ByteArray, EmbeddingSet, FloatArray, Projection, Provenance
from embedviz.errors import SetError
from embedviz.partfiles import Footer, merged
from embedviz.partitions import AT_ONCE, INDEX, finished, parts
from embedviz.stamps import stamps
from embedviz.storage import Folder, folder, is_url
from embedviz.unpacked import Array, Progress, Shelf

Found = TypeVar("Found")


@dataclass(frozen=True)
class Partitioned:
    """A set of `rows` rows in parts; `open_partitioned` makes it."""

    where: Folder
    rows_of: Mapping[str, int]
    """Part -> its rows, in the order of the set."""
    failures: Mapping[str, str]
    """Recording name -> why it has no rows."""
    mapped_by: Mapping[str, Any] | None
    """How the coordinates in the parts were made; None where there are none."""

    @property
    def rows(self) -> int:
        """The number of rows of all parts."""
        return sum(self.rows_of.values())

    @property
    def dims(self) -> int:
        """The length of a vector."""
        return self._first.dims

    @property
    def thumbnail(self) -> tuple[int, int] | None:
        """Frames and bands of a thumbnail, if there are any."""
        return self._first.thumbnail

    @cached_property
    def state(self) -> str:
        """A text that changes whenever a part does."""
        there = stamps(self.where)
        said = json.dumps([[name, there.get(name, "")] for name in self.rows_of])
        return hashlib.sha256(said.encode()).hexdigest()

    @cached_property
    def provenance(self) -> Provenance:
        """How the rows were made, with the recordings of all parts and every failure.

        Raises
        ------
        SetError
            If a part is missing, or was made by another model or with other settings.
        """
        found = merged(self._each(partial(partfiles.footer, self.where)), self.where.address)
        return replace(found, failures={**found.failures, **self.failures})

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """What can be asked of `columns`: the times, the labels, then what the model adds."""
        labels = self.provenance.label_columns
        rest = [name for name in self._first.columns if name not in labels]
        return (*rest[:3], *labels, *rest[3:])

    def columns(self, names: Sequence[str]) -> pd.DataFrame:
        """Read these columns of the table and nothing else; a label that a part lacks is empty.

        Raises
        ------
        SetError
            If there is no such column, or a part cannot be read.
        """
        unknown = [name for name in names if name not in self.column_names]
        if unknown:
            known = ", ".join(self.column_names)
            raise SetError(f"{self.where.address} has no column {unknown[0]!r}; it has {known}.")
        return self._read(names, self.provenance.label_columns)

    def vectors(self, progress: Progress | None = None) -> FloatArray:
        """Give the vectors (N, D), which stay on the disk; the first time they are unpacked."""
        blocks = partial(partfiles.vectors, self.where)
        shape = (self.rows, self.dims)
        return self.shelf.array("vectors", shape, np.float32, partial(self._all, blocks), progress)

    def thumbnails(self, progress: Progress | None = None) -> ByteArray | None:
        """Give the thumbnails (N, frames, bands) in the same way, if there are any."""
        inside = self.thumbnail
        if inside is None:
            return None
        blocks = partial(partfiles.thumbnails, self.where, shape=inside)
        shape = (self.rows, *inside)
        return self.shelf.array("thumbnails", shape, np.uint8, partial(self._all, blocks), progress)

    def projection(self) -> Projection | None:
        """Give the coordinates in the parts, if they have any."""
        if self.mapped_by is None:
            return None
        places = self._read(self._first.axes)
        return Projection.from_json(
            self.mapped_by, np.ascontiguousarray(places.to_numpy(np.float32))
        )

    def embedding_set(self, pictures: Literal["with", "without"] = "with") -> EmbeddingSet:
        """Give all of it as a set, its vectors and thumbnails on the disk."""
        provenance = self.provenance  # first, because it refuses what does not belong together
        return EmbeddingSet(
            table=self.columns(self.column_names),
            vectors=self.vectors(),
            provenance=provenance,
            thumbnails=self.thumbnails() if pictures == "with" else None,
            projection=self.projection(),
        )

    @property
    def shelf(self) -> Shelf:
        """Where its vectors and thumbnails are unpacked."""
        return Shelf(self.where.address, self.state)

    @cached_property
    def _first(self) -> Footer:
        if not self.rows:
            raise SetError(
                f"{self.where.address} has no parts with rows; not one recording was embedded."
            )
        return partfiles.footer(self.where, next(iter(self.rows_of)))

    def _read(self, names: Sequence[str], labels: Collection[str] = ()) -> pd.DataFrame:
        read = list(self._each(partial(partfiles.table, self.where, columns=names)))
        counted = dict(zip(self.rows_of, map(len, read), strict=True))
        other = [name for name, rows in self.rows_of.items() if counted[name] != rows]
        if other:
            raise SetError(
                f"{self.where.address}/{other[0]} has {counted[other[0]]:,} rows where {INDEX} "
                f"says {self.rows_of[other[0]]:,}; run the command that wrote the set once more."
            )
        return partfiles.joined(read, labels, self.where.address)

    def _each(self, ask: Callable[[str], Found]) -> Iterator[Found]:
        """Ask the parts, many at once: storage that is far away answers slowly."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(ask, self.rows_of)

    def _all(self, blocks: Callable[[str], Iterator[Array]]) -> Iterator[Array]:
        for name in self.rows_of:
            yield from blocks(name)


def is_partitioned(where: str | Path) -> bool:
    """Tell whether a place is a folder or an address, rather than a file."""
    return is_url(where) or Path(where).is_dir()


def one_part(path: Path) -> Partitioned:
    """Open a set in one file as one of a single part; no row is read.

    Raises
    ------
    SetError
        If it cannot be read, or was not written by embedviz.
    """
    place = folder(path.parent)
    found = partfiles.footer(place, path.name)
    return Partitioned(place, {path.name: found.rows}, {}, found.info.get("projection"))


def open_partitioned(
    where: str | Path, *, unfinished: Literal["refuse", "read"] = "refuse"
) -> Partitioned:
    """Open a set in parts; no row is read.

    Parameters
    ----------
    where
        A folder, or an address that fsspec knows.
    unfinished
        What to do with a folder whose run was not finished: `read` gives the rows that are there.

    Raises
    ------
    SetError
        If there is none, or it is not finished.
    """
    place = folder(where)
    if unfinished == "read" and place.read(INDEX) is None:
        there = {name: one for name, one in finished(place).items() if one.part is not None}
        rows = {name: one.part.rows for name, one in sorted(there.items()) if one.part is not None}
        return Partitioned(place, rows, {}, None)
    listed = parts(where)
    index = json.loads(place.read(INDEX) or b"{}")
    rows = {part.name: part.rows for part in listed.parts}
    return Partitioned(place, rows, listed.failures, index.get("projection"))
