"""The rows of a set as `metadata.tsv`, in words that the projector shows as they are.

The projector knows no quoting and no types: it skips blank lines, turns whatever looks like a
number into one, lets the last of two equal column names win, and colours by a text column only
while it has at most 50 values. Everything here is there to keep its table the same as ours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd

from embedviz.data import TIME_COLUMNS, EmbeddingSet

UNKNOWN = "unknown"
MOST_COLOURED_VALUES = 50
CHUNK_BYTES = 1_000_000
"""The projector decodes its files in pieces of this size."""

_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")
# What JavaScript takes for a number, and which of those texts come out of it as they went in.
_COERCED = re.compile(
    r"[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+"
)
_UNCHANGED = re.compile(r"0|-?[1-9]\d{0,14}|-?(?:0|[1-9]\d{0,8})\.\d{0,5}[1-9]")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?")
_LONG_INTEGER = re.compile(r"-?\d{16,}")
_NOT_ROWS = ("embedding", "thumbnail")


def metadata_table(embedding_set: EmbeddingSet) -> pd.DataFrame:
    """Give the table of a set as the projector should show it.

    Parameters
    ----------
    embedding_set
        N rows.

    Returns
    -------
    pd.DataFrame
        N rows of text, no cell empty: the labels, `recording`, `start_s`, `stop_s`, `top_class`,
        `padding_s` where any window was padded, then whatever else the table holds. Numbers that
        are names keep their zeros behind the word `id`; a text column of more than 50 values is
        followed by `<name>_top` with the 49 most frequent and `other`.
    """
    table = embedding_set.table
    columns: dict[str, list[str]] = {}
    for source in _column_order(embedding_set):
        cells = _cells(table[source])
        elsewhere = {str(name) for name in table.columns} - {source}
        name = _unique(_clean_name(source), elsewhere | columns.keys())
        columns[name] = cells
        if not is_numeric(cells) and len(set(cells)) > MOST_COLOURED_VALUES:
            columns[_unique(f"{name}_top", elsewhere | columns.keys())] = _most(cells)
    return pd.DataFrame(columns)


def metadata_bytes(table: pd.DataFrame) -> bytes:
    """Give the file's bytes for a table of `metadata_table`.

    The projector decodes each 1,000,000 bytes by themselves, which breaks a character that lies
    across such a border. Where one would, the `start_s` before it gets zeros at its end: the
    number, and every label, stays what it was.
    """
    rows = ["\t".join(map(str, table.columns))]
    rows.extend(map("\t".join, zip(*(table[name] for name in table), strict=True)))
    lines = [row.encode() + b"\n" for row in rows]
    return b"".join(_whole_characters(lines, list(table.columns).index("start_s")))


def is_numeric(cells: Iterable[str]) -> bool:
    """Tell whether the projector takes a column for numbers."""
    return all(_COERCED.fullmatch(cell) for cell in cells)


def _column_order(embedding_set: EmbeddingSet) -> list[str]:
    table, labels = embedding_set.table, embedding_set.label_columns
    # The projector labels points by its first text column, so the labels lead.
    order = [*sorted(labels, key=lambda name: name != "label"), *TIME_COLUMNS, "top_class"]
    rest = [str(name) for name in table.columns if name not in (*order, *_NOT_ROWS)]
    if "padding_s" in rest and not (table["padding_s"] != 0).any():
        rest.remove("padding_s")
    return [name for name in [*order, *rest] if name in table and _is_scalar(table[name])]


def _is_scalar(values: pd.Series) -> bool:
    return values.dtype != object or all(map(pd.api.types.is_scalar, values))


def _cells(values: pd.Series) -> list[str]:
    if pd.api.types.is_bool_dtype(values):
        return [UNKNOWN if pd.isna(value) else str(value).lower() for value in values]
    if pd.api.types.is_numeric_dtype(values):
        style = _style(values)
        cells = [_number(value, style) for value in values]
        return _as_names(cells) if any(map(_LONG_INTEGER.fullmatch, cells)) else cells
    cells = [UNKNOWN if pd.isna(value) else _clean(str(value)) or UNKNOWN for value in values]
    if all(map(_NUMBER.fullmatch, cells)) and len(set(cells)) == len(set(map(float, cells))):
        return cells
    changed = any(_COERCED.fullmatch(c) and not _UNCHANGED.fullmatch(c) for c in cells)
    return _as_names(cells) if changed else cells


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


def _as_names(cells: list[str]) -> list[str]:
    return [f"id {cell}" if _COERCED.fullmatch(cell) else cell for cell in cells]


def _most(cells: list[str]) -> list[str]:
    kept = {cell for cell, _ in Counter(cells).most_common(MOST_COLOURED_VALUES - 1)}
    return [cell if cell in kept else "other" for cell in cells]


def _clean(text: str) -> str:
    # File names may hold bytes that are no text at all; UTF-8 cannot write those.
    return _BREAKS.sub(" ", text.encode("utf-8", "replace").decode()).strip()


def _clean_name(name: str) -> str:
    cleaned = _clean(name)
    if cleaned.startswith("__") and cleaned.endswith("__"):
        # __next__ and __seq_next__ would draw lines between points, __proto__ would vanish.
        cleaned = cleaned.strip("_")
    return cleaned or "column"


def _unique(name: str, taken: Iterable[str]) -> str:
    used, number, candidate = set(taken), 2, name
    while candidate in used:
        candidate, number = f"{name} {number}", number + 1
    return candidate


def _whole_characters(lines: list[bytes], start_column: int) -> list[bytes]:
    offset = 0
    for index, line in enumerate(lines):
        border = CHUNK_BYTES - offset % CHUNK_BYTES
        over = 0
        while border < len(line) and line[border - over] & 0xC0 == 0x80:
            over += 1
        if over and index > 1:
            padded = _padded(lines[index - 1], start_column, over)
            offset += len(padded) - len(lines[index - 1])
            lines[index - 1] = padded
        offset += len(line)
    return lines


def _padded(line: bytes, column: int, by: int) -> bytes:
    cells = line.split(b"\t")
    if cells[column] == UNKNOWN.encode():
        return line
    point = b"" if b"." in cells[column] else b"."
    cells[column] += point.ljust(by, b"0") if point else b"0" * by
    return b"\t".join(cells)
