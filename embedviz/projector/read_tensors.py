"""Vectors of a bundle as the projector would find them, from text or from bytes."""

from __future__ import annotations

from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from embedviz.data import FloatArray
from embedviz.errors import BundleError
from embedviz.imported import check_size
from embedviz.projector.findings import Notes
from embedviz.projector.reading import Lines, javascript_number, strip

_BLOCK_BYTES = 16 << 20
_LONGEST_SHOWN = 30


def read_bytes(stream: IO[bytes], size: int, dims: int, where: str) -> FloatArray:
    """Give (N, D) vectors from raw little-endian float32; N is as many as there are.

    Raises
    ------
    BundleError
        If `size` bytes are not whole rows of `dims` numbers, or too many.
    """
    if dims < 1 or size % (4 * dims):
        raise BundleError(
            f"{where}: {size:,} bytes are not whole rows of {dims:,} float32 numbers; the file is "
            "cut short or the second number of tensorShape is wrong."
        )
    check_size(size // (4 * dims), dims, where)
    numbers = np.empty(size // 4, np.float32)
    at = 0
    while at < len(numbers) and (block := stream.read(_BLOCK_BYTES)):
        values = np.frombuffer(block, "<f4")
        numbers[at : at + len(values)] = values
        at += len(values)
    if at != len(numbers):
        raise BundleError(f"{where} is shorter than it says; copy or pack it again.")
    return numbers.reshape(-1, dims)


def read_tsv(stream: IO[bytes], where: str) -> tuple[FloatArray, list[str] | None]:
    """Give (N, D) vectors from text, and the labels that stand in front of them, if any do.

    A line's first cell is a label if it is no number, or one more than the line before had.

    Raises
    ------
    BundleError
        If the projector would stop reading it or show points in no place, or it is too much.
    """
    table = _Table(where)
    for block in Lines(stream, where, Notes()).blocks():
        table.read(block)
    return table.finish()


class _Table:
    """Rows read so far, by the rules of the page."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._line = self._rows = self._dims = 0
        self._blocks: list[FloatArray] = []
        self._labels: list[str] = []
        self._any_label = False

    def read(self, block: bytes) -> None:
        """Read whole lines."""
        lines = block.count(b"\n")
        found = _plain(block.replace(b"\r\n", b"\n"), self._dims)
        if found is None:
            self._read_lines(block.decode("utf-8", "replace").removesuffix("\n").split("\n"))
            return
        vectors, labels = found
        self._line += lines
        self._add(vectors, labels or [""] * len(vectors))

    def finish(self) -> tuple[FloatArray, list[str] | None]:
        """Give everything that was read."""
        if not self._rows:
            raise BundleError(f"{self._where} holds no vectors; there is nothing to import.")
        vectors = np.concatenate(self._blocks)
        return vectors, self._labels if self._any_label else None

    def _add(self, vectors: FloatArray, labels: list[str]) -> None:
        self._dims = vectors.shape[1]
        self._rows += len(vectors)
        check_size(self._rows, self._dims, self._where)
        self._blocks.append(vectors)
        self._labels += labels
        self._any_label = self._any_label or any(labels)

    def _read_lines(self, lines: list[str]) -> None:
        rows: list[list[float]] = []
        labels: list[str] = []
        dims = self._dims
        for line in lines:
            self._line += 1
            cells = strip(line).split("\t")
            if cells == [""]:
                continue
            label = ""
            if javascript_number(cells[0]) is None or len(cells) == dims + 1 > 1:
                label, *cells = cells
            dims = dims or len(cells)
            self._refuse_uneven(cells, dims, label)
            rows.append([self._number(cell, label) for cell in cells])
            labels.append(label)
        if rows:
            self._add(_as_float32(np.array(rows)), labels)

    def _refuse_uneven(self, cells: list[str], dims: int, label: str) -> None:
        if len(cells) != dims:
            raise BundleError(
                f"{self._where}: line {self._line} has {len(cells)} numbers, the lines before have "
                f"{dims}; give all lines the same number, with tabs between them."
            )
        if len(cells) < 2:
            raise BundleError(
                f"{self._where}: line {self._line} ({(label or cells[0])[:_LONGEST_SHOWN]!r}) has "
                "fewer than two numbers; vectors need two or more, with tabs between them."
            )

    def _number(self, cell: str, label: str) -> float:
        value = javascript_number(cell)
        if value is not None and abs(value) <= float(np.finfo(np.float32).max):
            return value
        if self._line == 1 and label and value is None:
            raise BundleError(
                f"{self._where}: line 1 holds names ({label[:_LONGEST_SHOWN]!r}); vectors have no "
                "header, so remove that line."
            )
        raise BundleError(
            f"{self._where}: line {self._line} has {cell[:_LONGEST_SHOWN]!r} in place of a finite "
            "number; leave that row out, here and in the metadata."
        )


def _plain(block: bytes, dims: int) -> tuple[FloatArray, list[str] | None] | None:
    """Give a block's vectors, with labels or without, if all of its lines are alike.

    Arrow reads them many times faster than Python could; whatever is odd is left to Python.
    """
    if b"\r" in block:
        return None
    first = strip(block.partition(b"\n")[0].decode("utf-8", "replace")).split("\t")
    labelled = javascript_number(first[0]) is None or len(first) == dims + 1 > 1
    dims = dims or len(first) - labelled
    if dims < 2:
        return None
    names = [str(column) for column in range(dims)]
    types = dict.fromkeys(names, pa.float64())
    if labelled:
        names, types = ["label", *names], {"label": pa.string(), **types}
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False),
            csv.ParseOptions(delimiter="\t", quote_char=False),
            csv.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    labels = [strip(label) for label in table["label"].to_pylist()] if labelled else None
    if not len(table):
        return None
    vectors = _as_float32(np.stack([table[str(i)].to_numpy() for i in range(dims)], axis=1))
    return (vectors, labels) if np.isfinite(vectors).all() else None


def _as_float32(numbers: npt.NDArray[np.float64]) -> FloatArray:
    # By way of float64, as a browser does: now and then that is another float32 than the nearest.
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)
