"""Rows that somebody else made, as a set: which column says what, and what is known of them.

Other programs know no recordings. Columns of the names that embedviz gives them are taken for what
they say; where there are none, a row is called by a text that no other row has, or by its number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from embedviz import __version__
from embedviz.data import (
    RESERVED_COLUMNS,
    TIME_COLUMNS,
    ByteArray,
    EmbeddingSet,
    FloatArray,
    Projection,
    Provenance,
)
from embedviz.errors import SetError

MOST_ROWS = 5_000_000
MOST_NUMBERS = 1 << 29
"""Of all vectors together: 2 GB in float32."""
LABELS = ("label", "labels", "category", "class", "target", "species", "call_type", "call", "type")
"""Columns of these names hold names, also where they look like numbers."""

_LONGEST_NAME = 100
_BLOCK_ROWS = 8192
_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}")
# A zero in front, as in 007, is part of a name.
_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True)
class Made:
    """What a source says of how its rows were made; by itself, nothing."""

    version: str = __version__
    """Of the embedviz that made the rows, or that imports them."""
    verified: bool = False
    window_s: float | None = None
    """None takes the usual length of a row."""
    labels: tuple[str, ...] | None = None
    """The label columns; None takes every column of text for one."""


def imported_set(
    name: str,
    vectors: npt.NDArray[np.generic],
    columns: pd.DataFrame,
    *,
    made: Made | None = None,
    thumbnails: ByteArray | None = None,
    projection: Projection | None = None,
) -> EmbeddingSet:
    """Give vectors and what is known of them as a set that says it was imported.

    Parameters
    ----------
    name
        What becomes the name of the model.
    vectors
        (N, D) real numbers of any type.
    columns
        N rows of text or numbers. `recording`, `start_s` and `stop_s` are taken as such; other
        names that embedviz keeps for itself get the ending `_column`.
    made, thumbnails, projection
        What the source knows beyond its rows.

    Raises
    ------
    SetError
        If the numbers of rows differ, a value is not finite, or there is too much of it.
    """
    made = made or Made()
    if vectors.ndim != 2:
        raise SetError(f"{name} has numbers of shape {vectors.shape}; wanted a row a vector.")
    check_size(vectors.shape[0], vectors.shape[1], name)
    if len(columns) != len(vectors):
        raise SetError(
            f"{name} has {len(vectors):,} vectors and {len(columns):,} rows that describe them; "
            "give one row a vector."
        )
    table = _table(columns, made)
    timed = "start_s" in columns and "stop_s" in columns
    return EmbeddingSet(
        table=table,
        vectors=_float32(vectors, name),
        provenance=_provenance(name, table, made, timed=timed),
        thumbnails=thumbnails,
        projection=projection,
    )


def check_size(rows: int, dims: int, name: str) -> None:
    """Refuse vectors that are none, or more than a machine is likely to hold.

    Raises
    ------
    SetError
        In one sentence, with the name.
    """
    if rows < 1 or dims < 1:
        raise SetError(f"{name} has {rows:,} rows of {dims:,} numbers; there is nothing to import.")
    if rows > MOST_ROWS or rows * dims > MOST_NUMBERS:
        raise SetError(
            f"{name} has {rows:,} rows of {dims:,} numbers; up to {MOST_ROWS:,} rows and "
            f"{MOST_NUMBERS:,} numbers can be imported, so take a part of it."
        )


def typed(name: str, cells: Sequence[str]) -> pd.Series:
    """Give cells of text as numbers where they are nothing else; empty ones as NaN.

    Names that look like numbers stay text: `007`, and whatever stands in a column such as `label`.
    """
    filled = [cell for cell in cells if cell]
    if not filled or name.casefold() in LABELS or not all(map(_NUMBER.fullmatch, filled)):
        return pd.Series(list(cells), name=name)
    if len(filled) == len(cells) and all(map(_INTEGER.fullmatch, cells)):
        return pd.Series(np.array(cells, dtype=np.int64), name=name)
    return pd.Series([float(cell) if cell else np.nan for cell in cells], name=name)


def is_text(values: pd.Series) -> bool:
    """Tell whether a column holds text."""
    return not pd.api.types.is_numeric_dtype(values)


def plain(text: str) -> str:
    """Give text without line breaks and other control characters."""
    return _UNPRINTABLE.sub(" ", text).strip()


def _provenance(name: str, table: pd.DataFrame, made: Made, *, timed: bool) -> Provenance:
    texts = [str(c) for c in table if is_text(table[c]) and c not in (*TIME_COLUMNS, "top_class")]
    window_s, hop_s = _rhythm(table) if timed else (0.0, 0.0)
    return Provenance(
        model=plain(name)[:_LONGEST_NAME] or "imported",
        variant="default",
        weights={},
        verified=made.verified,
        rate_hz=0,
        window_s=window_s if made.window_s is None else made.window_s,
        hop_s=hop_s,
        per="window" if timed else "recording",
        precision="float32",
        version=made.version,
        label_columns=tuple(texts) if made.labels is None else made.labels,
    )


def _table(columns: pd.DataFrame, made: Made) -> pd.DataFrame:
    rows = len(columns)
    own: dict[str, pd.Series] = {}
    rest: dict[str, pd.Series] = {}
    taken = {str(name) for name in columns}
    for name, values in columns.items():
        text = plain(str(name)) or "column"
        if text in TIME_COLUMNS and (text == "recording" or not is_text(values)):
            own[text] = values
            continue
        if text in RESERVED_COLUMNS and not _keeps_its_name(text, values):
            text = f"{text}_column"
        while text in rest or (text != str(name) and text in taken):
            text += "_"
        named = made.labels is None and text.casefold() in LABELS
        is_code = named and pd.api.types.is_integer_dtype(values)
        rest[text] = values.astype(str) if is_code else values
    table = pd.DataFrame(
        {
            "recording": _recordings(own.get("recording"), rest, rows),
            "start_s": _seconds(own.get("start_s"), rows),
            "stop_s": _seconds(own.get("stop_s", own.get("start_s")), rows),
        }
    )
    labels = made.labels or ()
    order = [*labels, *(name for name in rest if name not in labels)]
    return table.assign(**{name: rest[name].to_numpy() for name in order if name in rest})


def _keeps_its_name(name: str, values: pd.Series) -> bool:
    """Tell whether a column means the same as embedviz's own of that name."""
    if name == "padding_s":
        return not is_text(values) and bool(np.isfinite(values.to_numpy(np.float64)).all())
    return name == "top_class" and is_text(values)


def _recordings(given: pd.Series | None, rest: dict[str, pd.Series], rows: int) -> list[str]:
    if given is None:
        texts = (values for values in rest.values() if is_text(values))
        telling = (v for v in texts if v.nunique() == rows and (v.astype(str) != "").all())
        given = next(telling, pd.Series([""] * rows))
    return [
        plain("" if pd.isna(value) else str(value)) or f"row {row}"
        for row, value in enumerate(given)
    ]


def _seconds(values: pd.Series | None, rows: int) -> npt.NDArray[np.float64]:
    return np.zeros(rows) if values is None else values.to_numpy(np.float64)


def _rhythm(table: pd.DataFrame) -> tuple[float, float]:
    """Give the usual length of a row and the usual time from one to the next, in seconds."""
    lengths = (table["stop_s"] - table["start_s"]).to_numpy()
    steps = table.groupby("recording", sort=False)["start_s"].diff().to_numpy()
    steps = steps[np.isfinite(steps) & (steps > 0)]
    lengths = lengths[np.isfinite(lengths)]
    window_s = float(np.median(lengths)) if len(lengths) else 0.0
    return round(window_s, 6), round(float(np.median(steps)), 6) if len(steps) else window_s


def _float32(vectors: npt.NDArray[np.generic], name: str) -> FloatArray:
    if vectors.dtype.kind not in "fiu":
        raise SetError(f"The vectors of {name} are no real numbers but {vectors.dtype}.")
    ready = vectors.dtype == np.float32 and vectors.flags.c_contiguous
    found: FloatArray = np.asarray(vectors) if ready else np.empty(vectors.shape, np.float32)
    for first in range(0, len(vectors), _BLOCK_ROWS):
        block = slice(first, first + _BLOCK_ROWS)
        if not ready:
            with np.errstate(over="ignore"):
                found[block] = vectors[block]
        finite = np.isfinite(found[block]).all(axis=1)
        if not finite.all():
            raise SetError(
                f"The vector of row {first + int(finite.argmin())} of {name} has a value that is "
                "not finite in float32; leave that row out, here and where rows are described."
            )
    return found
