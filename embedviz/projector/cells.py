"""Cells of a column as texts that the projector shows as they are, and what that changed.

The projector knows no quoting and no types: a tab begins the next cell, a line break the next row,
and whatever looks like a number is turned into one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from embedviz.projector.changes import quoted

UNKNOWN = "unknown"

_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")
_PADDED = re.compile(
    "^[^\\S\x00-\x1f\x7f-\x9f\u2028\u2029]|[^\\S\x00-\x1f\x7f-\x9f\u2028\u2029]\\Z"
)
# What JavaScript takes for a number, and which of those texts come out of it as they went in.
_COERCED = re.compile(
    r"[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+",
    re.ASCII,
)
_UNCHANGED = re.compile(r"0|-?[1-9]\d{0,14}|-?(?:0|[1-9]\d{0,8})\.\d{0,5}[1-9]", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?", re.ASCII)
_LONG_INTEGER = re.compile(r"-?\d{16,}", re.ASCII)

_KINDS: dict[str, Callable[[str], object]] = {
    "left empty, which the projector cannot search": lambda text: not clean(text),
    "with a tab, which would begin the next cell": re.compile("\t").search,
    "with a line break, which would begin the next row": re.compile("\n").search,
    "with a carriage return, which would stay in the text": re.compile("\r").search,
    "with a character that cannot be shown": re.compile(
        "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff]"
    ).search,
    "with bytes that are no text": re.compile("[\ud800-\udfff]").search,
    "with space around it": lambda text: clean(text) and _PADDED.search(text),
}
"""What can be wrong with a text -> whether it is."""
_NAMES = "like a number, which the projector would rewrite"
_NO_NUMBER = "without a number that can be shown"

Tell = Callable[[str], None]


def is_numeric(cells: Iterable[str]) -> bool:
    """Tell whether the projector takes a column for numbers."""
    return all(_COERCED.fullmatch(cell) for cell in cells)


def clean(text: str) -> str:
    """Give a text without what breaks rows; it may be empty."""
    # File names may hold bytes that are no text at all; UTF-8 cannot write those.
    return _BREAKS.sub(" ", text.encode("utf-8", "replace").decode()).strip()


def safe_cells(values: pd.Series, tell: Tell) -> list[str]:
    """Give a column as texts, none empty, and tell what was changed, each kind in one sentence."""
    said = _Said(str(values.name), tell)
    if pd.api.types.is_bool_dtype(values):
        cells = _texts(values.map({True: "true", False: "false"}), said)
    elif pd.api.types.is_numeric_dtype(values):
        cells = _numbers(values, said)
    else:
        cells = _texts(values, said)
    said.tell()
    return cells


class _Said:
    """Counts the cells of a column that were changed, by kind, each with its first example."""

    def __init__(self, column: str, tell: Tell) -> None:
        self._column, self._tell = column, tell
        self._times: Counter[str] = Counter()
        self._examples: dict[str, tuple[str, str]] = {}

    def changed(self, kind: str, times: int, before: str, after: str) -> None:
        self._times[kind] += times
        self._examples.setdefault(kind, (before, after))

    def tell(self) -> None:
        for kind, times in self._times.items():
            before, after = map(quoted, self._examples[kind])
            cells = "1 cell" if times == 1 else f"{times:,} cells"
            self._tell(f"Column {self._column!r}: {cells} {kind}; {before} became {after}.")


def _texts(values: pd.Series, said: _Said) -> list[str]:
    missing = values.isna()
    given = ["" if gone else str(value) for gone, value in zip(missing, values, strict=True)]
    times = Counter(given)
    shown = {text: clean(text) or UNKNOWN for text in times}
    for text, after in shown.items():
        if text != after:
            for kind in (kind for kind, applies in _KINDS.items() if applies(text)):
                said.changed(kind, times[text], text, after)
    if not _survive(set(shown.values())):
        _name(shown, times, said)
    return [shown[text] for text in given]


def _survive(cells: set[str]) -> bool:
    """Tell whether the projector keeps texts as they are, or at least apart and as numbers."""
    if all(map(_NUMBER.fullmatch, cells)) and len(cells) == len(set(map(float, cells))):
        return True
    return not any(_COERCED.fullmatch(c) and not _UNCHANGED.fullmatch(c) for c in cells)


def _name(shown: dict[str, str], times: Counter[str], said: _Said) -> None:
    """Put a word before what looks like a number, in a column where one would be rewritten."""
    for text, cell in shown.items():
        if _COERCED.fullmatch(cell):
            shown[text] = f"id {cell}"
            said.changed(_NAMES, times[text], cell, shown[text])


def _numbers(values: pd.Series, said: _Said) -> list[str]:
    style = _style(values)
    cells = [_number(value, style) for value in values]
    if lost := cells.count(UNKNOWN):
        before = str(values.iloc[cells.index(UNKNOWN)])
        said.changed(_NO_NUMBER, lost, before, UNKNOWN)
    if any(map(_LONG_INTEGER.fullmatch, cells)):
        times = Counter(cells)
        shown = {cell: cell for cell in times}
        _name(shown, times, said)
        cells = [shown[cell] for cell in cells]
    return cells


def _number(value: float, style: str) -> str:
    if pd.isna(value) or abs(value) == float("inf"):
        return UNKNOWN
    if isinstance(value, int):
        return str(value)
    text = format(value, style)
    return text.rstrip("0").rstrip(".") if style.endswith("f") else text


def _style(values: pd.Series) -> str:
    # Enough digits to tell values apart, too few to show how binary fractions are rounded.
    if str(values.name).endswith("_s"):
        return ".6f"
    return ".7g" if values.dtype == np.float32 else ".12g"
