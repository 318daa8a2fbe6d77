"""Which rows of two sets are the same sound: the same stretch of the same recording.

A recording is known by the bytes of its file, so a copy under another name is the same one; where
a set does not know them, by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from embedviz.data import EmbeddingSet, Provenance, Source
from embedviz.errors import SetError

if TYPE_CHECKING:
    import pandas as pd

RowNumbers = npt.NDArray[np.int32]

SAME_S = 1.5e-3
"""Starts and stops that differ by no more are the same: windows begin at whole samples."""


def matching_rows(a: EmbeddingSet, b: EmbeddingSet) -> tuple[RowNumbers, RowNumbers]:
    """Give the rows of two sets that correspond.

    Returns
    -------
    tuple[RowNumbers, RowNumbers]
        (M,) row numbers of `a`, ascending, and (M,) of `b`: the i-th of both are the same sound.
        Sets of the same recordings with one point per recording, or per the same number of
        seconds, correspond one to one; others only in part.

    Raises
    ------
    SetError
        If no row corresponds; the sentence says what to do.
    """
    made_a, made_b = a.provenance, b.provenance
    rows_a, rows_b = corresponding(a.table, made_a.recordings, b.table, made_b.recordings)
    if len(rows_a):
        return rows_a, rows_b
    if not _same_recordings(a.table, made_a.recordings, b.table, made_b.recordings):
        raise SetError(
            "The sets have no recording in common; embed the same recordings with both models."
        )
    raise SetError(
        f"The sets have recordings in common but no row: {made_a.title} has {_rows_of(made_a)}, "
        f"{made_b.title} {_rows_of(made_b)}. Embed the recordings with both models with one "
        "point per recording, or per the same number of seconds."
    )


def corresponding(
    table_a: pd.DataFrame,
    sources_a: Mapping[str, Source],
    table_b: pd.DataFrame,
    sources_b: Mapping[str, Source],
) -> tuple[RowNumbers, RowNumbers]:
    """Give what `matching_rows` gives, from tables and sources alone; there may be no rows."""
    same = _same_recordings(table_a, sources_a, table_b, sources_b)
    numbers = {name: number for number, name in enumerate(same)}
    numbers_b = {same[name]: number for name, number in numbers.items()}
    of_a = table_a["recording"].map(numbers).to_numpy(np.float64)
    of_b = table_b["recording"].map(numbers_b).to_numpy(np.float64)
    rows_a, rows_b = np.flatnonzero(np.isfinite(of_a)), np.flatnonzero(np.isfinite(of_b))
    if not len(rows_a) or not len(rows_b):
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    (start_a, stop_a), (start_b, stop_b) = _times(table_a), _times(table_b)
    # One line of time holds the recordings one after the other: one search finds every start.
    span_s = max(stop_a.max(), stop_b.max()) + 1
    line_a = of_a[rows_a] * span_s + start_a[rows_a]
    line_b = of_b[rows_b] * span_s + start_b[rows_b]
    order = np.argsort(line_b, kind="stable")
    line_b, rows_b = line_b[order], rows_b[order]
    at = np.minimum(np.searchsorted(line_b, line_a - SAME_S), len(line_b) - 1)
    fits = np.abs(line_b[at] - line_a) <= SAME_S
    fits &= np.abs(stop_b[rows_b[at]] - stop_a[rows_a]) <= SAME_S
    rows_a, at = rows_a[fits], at[fits]
    # Windows that start closer together than can be told apart would find the same partner.
    first = np.sort(np.unique(at, return_index=True)[1])
    return rows_a[first].astype(np.int32), rows_b[at[first]].astype(np.int32)


def _same_recordings(
    table_a: pd.DataFrame,
    sources_a: Mapping[str, Source],
    table_b: pd.DataFrame,
    sources_b: Mapping[str, Source],
) -> dict[str, str]:
    """Give for names of recordings in `a` the name of the same one in `b`."""
    known_a, known_b = _checksums(table_a, sources_a), _checksums(table_b, sources_b)
    same = {
        name: name
        for name, sha256 in known_a.items()
        if name in known_b and (not sha256 or not known_b[name] or sha256 == known_b[name])
    }
    # Copies among what is left: the first of each is enough, their bytes are one.
    left = {sha256: name for name, sha256 in reversed(known_b.items()) if name not in same}
    for name, sha256 in known_a.items():
        if name not in same and sha256 and sha256 in left:
            same[name] = left.pop(sha256)
    return same


def _checksums(table: pd.DataFrame, sources: Mapping[str, Source]) -> dict[str, str]:
    """Give the SHA-256 of every recording of a table, empty where it is not known."""
    names = [str(name) for name in table["recording"].unique()]
    return {name: sources[name].sha256 if name in sources else "" for name in names}


def _times(table: pd.DataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return table["start_s"].to_numpy(np.float64), table["stop_s"].to_numpy(np.float64)


def _rows_of(made: Provenance) -> str:
    """Say what one row of a set is."""
    if made.per == "recording":
        return "one point per recording"
    if made.per == "window":
        return f"one point per window of {made.window_s:g} s every {made.hop_s:g} s"
    return f"one point per {made.per:g} s"
