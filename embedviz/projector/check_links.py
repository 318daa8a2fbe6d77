"""The projector's rules for its own columns, which join rows by lines.

Of `__next__` and `__seq_next__` it reads the first that is there. A cell is the number of the row
that the line leads to, counted from 0; an empty or a negative one ends the line.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embedviz.projector.findings import Notes
from embedviz.projector.reading import javascript_number

IntArray = npt.NDArray[np.int64]

_COLUMNS = ("__next__", "__seq_next__")
_END = -1.0
_LONGEST_CELL = 30


class Links:
    """Where the rows of a metadata file lead; nowhere, if it has no column for that."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._name = next((name for name in _COLUMNS if name in names), None)
        # Of equal names the last wins.
        self._place = max((at for at, name in enumerate(names) if name == self._name), default=0)
        self._following = array("d")
        self._odd = 0
        self._first_odd = ""

    def see(self, cells: Sequence[str]) -> None:
        """Take the cells of the next row."""
        if self._name is None:
            return
        cell = cells[self._place] if self._place < len(cells) else ""
        number = javascript_number(cell) if cell else _END
        if number is None or not number.is_integer():
            self._first_odd = self._first_odd or f"row {self._row} holds {cell[:_LONGEST_CELL]!r}"
            self._odd += 1
            number = _END
        self._following.append(max(number, _END))

    @property
    def _row(self) -> str:
        return f"{len(self._following):,}"

    def judge(self, where: str, notes: Notes) -> None:
        """Note what is wrong with the lines of all rows."""
        if self._name is None:
            return
        rows = len(self._following)
        said = (
            f"The column {self._name!r} is the projector's own: it draws a line from each row to "
            "the row whose number stands there, counted from 0"
        )
        if self._odd:
            notes.error(
                where,
                f"{said}. But {self._first_odd}, which is no whole number ({self._odd:,} such "
                "rows); write numbers of rows, -1 for none, or rename the column.",
            )
        following = np.array(self._following)
        beyond = np.flatnonzero(following >= rows)
        if len(beyond):
            first = beyond[0]
            notes.error(
                where,
                f"{said}. But row {first:,} leads to row {following[first]:,.0f} and the last is "
                f"row {rows - 1:,} ({len(beyond):,} such rows); write -1 where a line ends.",
            )
        ended = (following < 0) | (following >= rows)
        self._judge_ways(np.where(ended, rows, following).astype(np.int64), where, notes)

    def _judge_ways(self, to: IntArray, where: str, notes: Notes) -> None:
        circling = _circling(to)
        back = np.flatnonzero(to < np.arange(len(to)))
        if len(circling):
            first = circling[0]
            way = "" if to[first] == first else f" by way of row {to[first]:,}"
            notes.error(
                where,
                f"The lines of the column {self._name!r} never end: row {first:,} leads back to "
                f"itself{way} ({len(circling):,} such rows), and the page follows them until it "
                "hangs. Write -1 where a line ends.",
            )
        elif len(back):
            first = back[0]
            notes.warning(
                where,
                f"In the column {self._name!r}, row {first:,} leads back to row {to[first]:,} "
                f"({len(back):,} such rows). When points are isolated, the numbers mean other "
                "rows, and lines that lead back can hang the page; let all lead to later rows.",
            )


def _circling(to: IntArray) -> IntArray:
    """Give the rows that lead back to themselves.

    `to` holds the row that each of N rows leads to, or N for none.
    """
    rows = len(to)
    ahead = np.append(to, rows)
    # Each turn doubles the steps; whoever still is at a row after N steps goes round in a circle.
    for _ in range(rows.bit_length()):
        ahead = ahead[ahead]
    return np.unique(ahead[ahead < rows])
