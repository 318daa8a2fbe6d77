"""The projector's rules for `metadata.tsv`."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

from embedviz.projector.check_links import Links
from embedviz.projector.findings import Notes
from embedviz.projector.reading import CHUNK_BYTES, Lines, javascript_number, strip

_MOST_COLOURED_VALUES = 50
# Numbers that a browser writes back otherwise, as it would names: 007, 0x10, 1e5, Infinity, more
# digits than float64 holds, or blank, which becomes 0.
_ALTERED = re.compile(
    r"[+-]?0\d.*|0[xXoObB].+|[+-]?Infinity|\d+[eE]\d+|[+-]?\d{16,}|\s.*|.*\s", re.DOTALL
)


@dataclass(frozen=True)
class Rows:
    """What the projector would find: rows, columns, and lines that it skips as blank."""

    rows: int
    columns: int
    blank: int


def check_metadata(stream: IO[bytes], where: str, notes: Notes) -> Rows:
    """Judge a metadata file by itself."""
    table = _Table(where, notes)
    for block in Lines(stream, where, notes).blocks():
        for line in io.BytesIO(block):
            table.read(line)
    return table.finish()


def check_rows(found: Rows, points: int, where: str, notes: Notes) -> None:
    """Judge whether every point has its row."""
    if found.rows == points:
        return
    said = f"It has {found.rows:,} rows for {points:,} points"
    if found.columns == 1 and found.rows == points + 1:
        notes.error(
            where,
            f"{said}: a file of one column has no header, so its first line counts as a row. "
            "Remove the header, or add a second column.",
        )
    elif found.columns > 1 and found.rows == points - 1:
        notes.error(
            where,
            f"{said}: the first line of a file with several columns is its header. Add a line of "
            "column names.",
        )
    elif found.blank:
        notes.error(
            where,
            f"{said}: the projector skips its {found.blank:,} blank lines, and every later row "
            "moves to a wrong point. Write a word such as unknown instead.",
        )
    else:
        notes.error(where, f"{said}; labels would stand at wrong points. Write one row a point.")


class _Column:
    """What the projector would know of one column."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.numeric = True
        self.altered = ""
        self.empty = 0
        self._values: set[str] = set()

    def see(self, cell: str) -> None:
        if not cell:
            self.empty += 1
            return
        if len(self._values) <= _MOST_COLOURED_VALUES:
            self._values.add(cell)
        is_number, is_altered = _kind(cell)
        self.numeric = self.numeric and is_number
        if is_altered and not self.altered:
            self.altered = cell

    @property
    def is_too_varied(self) -> bool:
        return not self.numeric and len(self._values) > _MOST_COLOURED_VALUES


@lru_cache(maxsize=1 << 16)
def _kind(cell: str) -> tuple[bool, bool]:
    is_number = javascript_number(cell) is not None
    return is_number, is_number and _ALTERED.fullmatch(cell) is not None


class _Table:
    """Reads the lines as the page does and counts what goes wrong on the way."""

    def __init__(self, where: str, notes: Notes) -> None:
        self._where, self._notes = where, notes
        self._columns: list[_Column] = []
        self._links = Links()
        self._offset = self._line = self._rows = self._blank = 0
        self._times: Counter[str] = Counter()

    def read(self, line: bytes) -> None:
        """Read one line with its newline."""
        self._line += 1
        border = CHUNK_BYTES - self._offset % CHUNK_BYTES
        if border < len(line) and line[border] & 0xC0 == 0x80:
            self._times["cut"] += 1
        self._offset += len(line)
        text = line.decode("utf-8", "replace").removesuffix("\n")
        self._times["undecoded"] += "\ufffd" in text and not _is_text(line)
        self._times["returns"] += text.endswith("\r")
        text = text.removesuffix("\r").removeprefix("\ufeff" if self._line == 1 else "")
        if not strip(text):
            self._blank += 1
        elif self._columns:
            self._read_row(text.split("\t"))
        elif "\t" in text:
            self._columns = [_Column(name) for name in text.split("\t")]
            self._links = Links([column.name for column in self._columns])
        else:
            self._columns = [_Column("label")]
            self._read_row([text])

    def _read_row(self, cells: list[str]) -> None:
        self._rows += 1
        self._times["uneven"] += len(cells) != len(self._columns)
        for column, cell in zip(self._columns, cells, strict=False):
            column.see(cell)
        self._links.see(cells)

    def finish(self) -> Rows:
        """Note what was counted and give the size of the table."""
        for kind, sentence in _SENTENCES.items():
            if times := self._times[kind]:
                note = self._notes.error if kind == "uneven" else self._notes.warning
                note(self._where, sentence.format(times=f"{times:,}"))
        names = Counter(column.name for column in self._columns)
        for name in (name for name, times in names.items() if times > 1):
            self._notes.error(
                self._where,
                f"{names[name]} columns are named {name!r}, and only the last would be shown; "
                "rename the others.",
            )
        for column in self._columns:
            self._judge(column, names)
        self._links.judge(self._where, self._notes)
        return Rows(self._rows, len(self._columns), self._blank)

    def _judge(self, column: _Column, names: Counter[str]) -> None:
        said = f"The column {column.name!r}"
        if not strip(column.name):
            self._notes.warning(self._where, "A column has no name; give it one.")
        if column.empty:
            self._notes.warning(
                self._where,
                f"{said} has {column.empty:,} empty cells; searching or tagging by it fails. Write "
                "a word such as unknown there.",
            )
        if column.altered:
            self._notes.warning(
                self._where,
                f"{said} holds {column.altered!r}, which the projector turns into a number and "
                "shows otherwise; put a letter before such names.",
            )
        if column.is_too_varied and f"{column.name}_top" not in names:
            self._notes.warning(
                self._where,
                f"{said} has more than {_MOST_COLOURED_VALUES} different texts, so points cannot "
                f"be coloured by it; add a column {column.name}_top with the most frequent ones.",
            )


_SENTENCES = {
    "uneven": "{times} rows have more or fewer cells than the header, so values stand in wrong "
    "columns or are missing; cells can hold no tab.",
    "returns": "{times} lines end in a carriage return (Windows line ends), which stays in the "
    "last column's name and values; write newlines only.",
    "undecoded": "{times} lines are not UTF-8, and show replacement marks for some letters; write "
    "the file as UTF-8.",
    "cut": "{times} letters lie across a border of 1,000,000 bytes, where the projector cuts the "
    "file and shows replacement marks; use plain ASCII or move them by a byte or two.",
}


def _is_text(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
