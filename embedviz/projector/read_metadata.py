"""Rows of a bundle's `metadata.tsv` as columns of text and numbers.

The projector's rules decide what is a header, a row and a cell. Of bundles that embedviz wrote,
each column becomes what it was: whatever, written again, gives the same cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np
import pandas as pd

from embedviz.data import TIME_COLUMNS
from embedviz.errors import BundleError
from embedviz.imported import typed
from embedviz.projector.cells import UNKNOWN, safe_cells
from embedviz.projector.check_metadata import Rows, check_rows
from embedviz.projector.findings import Notes
from embedviz.projector.metadata import MOST_COLOURED_VALUES
from embedviz.projector.reading import CHUNK_BYTES, Lines, strip

MOST_CELLS = 50_000_000

_OTHER = "other"  # stands for the rare values in a `_top` column
_SEQUENCES = ("__seq_next__", "__next__")
_SECONDS = ("start_s", "stop_s", "padding_s")
_NUMBERS = (np.int64, np.float64, np.float32)

Cells = dict[str, list[str]]
"""Column name -> the text of its cells."""


def read_metadata(stream: IO[bytes], points: int, where: str) -> Cells:
    """Give the columns of a metadata file, one cell a point.

    Companions named `<name>_top`, which hold the most frequent values of the column before them,
    and the projector's own `__next__` and `__seq_next__` are left out.

    Raises
    ------
    BundleError
        If it has not one row a point, or is far larger than any.
    """
    columns: Cells = {}
    found = Rows(0, 0, 0)
    for line in _lines(stream, where):
        if not strip(line):
            found = Rows(found.rows, found.columns, found.blank + 1)
            continue
        cells = line.split("\t")
        if not columns:
            # Of equal names the last wins, in the place of the first.
            columns = {name: [] for name in cells} if len(cells) > 1 else {"label": []}
            places = {name: place for place, name in enumerate(cells)}
            found = Rows(0, len(cells), found.blank)
            if len(cells) > 1:
                continue
            places = {"label": 0}
        found = Rows(found.rows + 1, found.columns, found.blank)
        if found.rows * found.columns > MOST_CELLS:
            raise BundleError(f"{where} has more than {MOST_CELLS:,} cells; take a part of it.")
        for name, place in places.items():
            columns[name].append(cells[place] if place < len(cells) else "")
    _refuse_miscounted(found, points, where)
    return _without_companions(columns)


def foreign_columns(columns: Cells) -> pd.DataFrame:
    """Give columns that anybody wrote: numbers where all cells are, text elsewhere."""
    return pd.DataFrame({name: typed(name, cells) for name, cells in columns.items()})


def is_own(columns: Cells) -> bool:
    """Tell whether columns are those that embedviz writes where none is left out."""
    return all(name in columns for name in TIME_COLUMNS)


def own_columns(columns: Cells) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Give columns that embedviz wrote as they were, and which of them are the labels."""
    names = list(columns)
    labels = tuple(name for name in names[: names.index("start_s")] if name != "recording")
    texts = (*labels, "recording", "top_class")
    # embedviz moves letters away from where the projector cuts files, by zeros behind a number.
    size = sum(len(cell.encode()) + 1 for cells in columns.values() for cell in cells)
    found: dict[str, pd.Series] = {}
    for name, cells in columns.items():
        known = ["" if cell == UNKNOWN else cell for cell in cells]
        if name in texts:
            found[name] = pd.Series(known)
        else:
            found[name] = _as_it_was(name, known, cells, size // CHUNK_BYTES)
    return pd.DataFrame(found), labels


def _lines(stream: IO[bytes], where: str) -> Iterator[str]:
    first = True
    for block in Lines(stream, where, Notes()).blocks():
        for line in block.decode("utf-8", "replace").removesuffix("\n").split("\n"):
            yield line.removesuffix("\r").removeprefix("\ufeff" if first else "")
            first = False


def _refuse_miscounted(found: Rows, points: int, where: str) -> None:
    notes = Notes()
    check_rows(found, points, where, notes)
    for finding in notes.findings:
        raise BundleError(f"{where}: {finding.message}")


def _without_companions(columns: Cells) -> Cells:
    kept: Cells = {}
    before: tuple[str, list[str]] | None = None
    for name, cells in columns.items():
        if name in _SEQUENCES or (before and _is_companion(name, cells, *before)):
            continue
        kept[name] = cells
        before = (name, cells)
    return kept


def _is_companion(name: str, cells: Sequence[str], of: str, values: Sequence[str]) -> bool:
    return (
        re.fullmatch(rf"{re.escape(of)}_top( \d+)?", name) is not None
        and len(set(values)) > MOST_COLOURED_VALUES
        and all(cell in (value, _OTHER) for cell, value in zip(cells, values, strict=True))
    )


def _as_it_was(name: str, known: list[str], cells: list[str], padded: int) -> pd.Series:
    """Give the column of numbers or text that is written as these cells, but for a few zeros."""
    seconds = name in _SECONDS
    for kind in (np.float64,) if seconds else _NUMBERS:
        try:
            missing = "" if kind == np.int64 else "nan"
            numbers = pd.Series(np.array([cell or missing for cell in known], kind), name=name)
        except (ValueError, OverflowError):
            continue
        if seconds:
            return numbers
        again = safe_cells(numbers, lambda _: None)
        odd = [(cell, now) for cell, now in zip(cells, again, strict=True) if cell != now]
        if len(odd) <= padded and all(_is_padded(cell, now) for cell, now in odd):
            return numbers
    return pd.Series(known, name=name)


def _is_padded(cell: str, number: str) -> bool:
    """Tell whether a cell is a number that was made longer by zeros after its point."""
    return re.fullmatch(rf"{re.escape(number)}\.?0+", cell) is not None and "." in cell
