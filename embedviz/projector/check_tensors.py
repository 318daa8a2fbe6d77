"""The projector's rules for vectors, as text and as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
import pyarrow as pa
from pyarrow import csv

from embedviz.projector.findings import Notes
from embedviz.projector.reading import Lines, javascript_number, strip

_BLOCK_NUMBERS = 1 << 21
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Shape:
    """The points and dimensions that the projector would find in a file."""

    rows: int
    dims: int


def check_bytes(
    stream: IO[bytes], size: int, shape: Sequence[int], where: str, notes: Notes
) -> Shape | None:
    """Judge raw float32 against the (N, D) of the config; None if it cannot be cut into rows."""
    rows, dims = shape
    if size % (4 * dims):
        notes.error(
            where,
            f"{size:,} bytes are not whole rows of {dims} float32 numbers; the file is cut short "
            "or the second number of tensorShape is wrong.",
        )
        return None
    found = Shape(size // (4 * dims), dims)
    if found.rows != rows:
        notes.error(
            where,
            f"It holds {found.rows:,} points where tensorShape says {rows:,}; write both from the "
            "same rows.",
        )
    bad = 0
    while block := stream.read(4 * _BLOCK_NUMBERS):
        bad += int(np.count_nonzero(~np.isfinite(np.frombuffer(block, "<f4"))))
    if bad:
        notes.error(
            where,
            f"{bad:,} values are not finite numbers; such points vanish or land elsewhere. Leave "
            "those rows out, here and in the metadata.",
        )
    return found


def check_tsv(
    stream: IO[bytes], where: str, notes: Notes, *, for_tensorboard: bool
) -> Shape | None:
    """Judge vectors as text; None if the projector would stop reading it."""
    table = _Table(where, notes)
    for block in Lines(stream, where, notes).blocks():
        if not table.read(block):
            return None
    return table.finish(for_tensorboard=for_tensorboard)


class _Table:
    """Rows read so far, by the rules of the page; `read` says whether it would read on."""

    def __init__(self, where: str, notes: Notes) -> None:
        self._where, self._notes = where, notes
        self._line = self._rows = self._dims = 0
        self._labelled = self._bad = 0
        self._first_labelled = self._first_bad = ""

    def read(self, block: bytes) -> bool:
        """Read whole lines."""
        dims = self._dims or block.partition(b"\n")[0].count(b"\t") + 1
        rows = _plain_rows(block, dims)
        if rows is None:
            lines = block.decode("utf-8", "replace").removesuffix("\n").split("\n")
            return all(map(self._read_line, lines))
        self._dims = dims
        self._rows += rows
        self._line += block.count(b"\n")
        return True

    def finish(self, *, for_tensorboard: bool) -> Shape | None:
        """Note what was counted on the way."""
        if self._labelled:
            note = self._notes.error if for_tensorboard else self._notes.warning
            note(
                self._where,
                f"{self._first_labelled} in place of a number at the start of a line "
                f"({self._labelled:,} such lines): the page takes it for a label and leaves it out "
                "of the vector, TensorBoard cannot read it; put labels into the metadata.",
            )
        if self._bad:
            self._notes.error(
                self._where,
                f"{self._first_bad} in place of a finite number ({self._bad:,} in all): points "
                "without one vanish or land elsewhere; leave those rows out, here and in the "
                "metadata.",
            )
        if not self._rows:
            self._notes.error(self._where, "It holds no vectors; the projector would show nothing.")
            return None
        return Shape(self._rows, self._dims)

    def _read_line(self, line: str) -> bool:
        self._line += 1
        text = strip(line)
        cells = text.split("\t")
        if not text:
            return True
        if not self._dims and not any(map(_starts_vector, cells)):
            self._notes.error(
                self._where,
                f"Line {self._line} holds names ({text[:30]!r}); vectors have no header, and the "
                "projector would make a point of it. Remove that line.",
            )
            return True
        if not _starts_vector(cells[0]) or len(cells) == self._dims + 1 > 1:
            self._first_labelled = self._first_labelled or f"Line {self._line} has {cells[0]!r}"
            self._labelled += 1
            cells = cells[1:]
        return self._read_cells(cells)

    def _read_cells(self, cells: list[str]) -> bool:
        if len(cells) < 2:
            self._notes.error(
                self._where,
                f"Line {self._line} has one dimension; the projector stops there and never "
                "finishes. Vectors need two or more, with tabs between them.",
            )
            return False
        self._dims = self._dims or len(cells)
        if len(cells) != self._dims:
            self._notes.error(
                self._where,
                f"Line {self._line} has {len(cells)} numbers, the lines before have {self._dims}; "
                "the projector stops there. Give all lines the same number.",
            )
            return False
        self._rows += 1
        for cell in cells:
            if not _is_finite(cell):
                self._first_bad = self._first_bad or f"Line {self._line} has {cell!r}"
                self._bad += 1
        return True


def _plain_rows(block: bytes, dims: int) -> int | None:
    """Count the lines of a block if each is `dims` finite numbers and nothing else.

    Arrow reads them several times faster than Python could; whatever is odd is left to Python,
    which can say where it stands.
    """
    if dims < 2 or b"\r" in block:
        return None
    names = [str(column) for column in range(dims)]
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(column_names=names, block_size=len(block) + 1),
            csv.ParseOptions(delimiter="\t", quote_char=False),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.float32()),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    finite = all(np.isfinite(column.to_numpy()).all() for column in table.columns)
    return int(table.num_rows) if finite else None


def _starts_vector(cell: str) -> bool:
    # NaN is no label, though the page takes it for one: it is a vector gone wrong.
    return javascript_number(cell) is not None or strip(cell).lower() in ("nan", "inf", "-inf")


def _is_finite(cell: str) -> bool:
    value = javascript_number(cell)
    return value is not None and abs(value) <= _LARGEST_FLOAT32 and strip(cell) != ""
