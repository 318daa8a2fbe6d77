"""How far two models agree about rows that correspond: neighbours in common, labels of the nearest.

Both arrays of vectors hold the same rows in the same order; `embedviz.correspondence` finds them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.errors import SetError
from embedviz.neighbours import Progress, cached_neighbours, checked, prepared

NEIGHBOURS = 10
MOST_ASKED = 10_000
"""Rows whose nearest label is looked up; of more rows so many are drawn, seeded."""

_BLOCK_ROWS = 4096
_BLOCK_PRODUCTS = 2**24


def shared_neighbours(
    a_vectors: FloatArray,
    b_vectors: FloatArray,
    k: int = NEIGHBOURS,
    metric: str = "cosine",
    *,
    progress: Progress | None = None,
) -> FloatArray:
    """Give, for every row, the share of its nearest neighbours that two models agree on.

    Parameters
    ----------
    a_vectors, b_vectors
        (N, D) and (N, E) of rows that correspond.
    k
        Neighbours per row, the row itself not counted; at most N - 1 are looked at.
    metric
        One of `embedviz.neighbours.METRICS`.
    progress
        Called with (rows done, 2 N); raising from it stops the search.

    Returns
    -------
    FloatArray
        (N,) 0 to 1; two models that have nothing to do with each other reach `chance`.

    Raises
    ------
    SetError
        If the rows do not correspond, or there are fewer than two.
    ProjectionError
        As `embedviz.neighbours.neighbours`.
    """
    rows = len(a_vectors)
    if rows != len(b_vectors):
        raise SetError(f"{rows} rows and {len(b_vectors)} rows do not correspond one to one.")
    if rows < 2:
        raise SetError("One row has no neighbours; agreement needs at least two.")
    k = min(k, rows - 1)
    tell = progress or (lambda done, total: None)
    a, b = (
        cached_neighbours(vectors, k=k + 1, metric=metric, progress=_later(tell, before)).indices
        for vectors, before in ((a_vectors, 0), (b_vectors, rows))
    )
    # The first neighbour of a row is itself.
    a, b = a[:, 1:], b[:, 1:]
    share = np.empty(rows, np.float32)
    for start in range(0, rows, _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        share[part] = (a[part, :, np.newaxis] == b[part, np.newaxis]).any(axis=2).mean(axis=1)
    return share


def chance(rows: int, k: int = NEIGHBOURS) -> float:
    """Give the share of neighbours that two sets of `rows` random vectors have in common."""
    return min(k, rows - 1) / (rows - 1)


def nearest_label_accuracy(
    vectors: FloatArray,
    labels: Sequence[str],
    recordings: Sequence[str] | None = None,
    *,
    progress: Progress | None = None,
) -> float | None:
    """Give the share of rows whose nearest other row, by cosine, has the same label.

    Parameters
    ----------
    vectors
        (N, D)
    labels
        (N,); rows whose label is empty are left out.
    recordings
        (N,) the recording of each row. Where given, the nearest row of *another* recording is
        asked, because windows of one recording overlap and know each other's label.
    progress
        Called with (rows done, rows to do); raising from it stops the search.

    Returns
    -------
    float | None
        0 to 1; None where no row has another one to be compared with. Beyond `MOST_ASKED` rows
        an estimate from that many rows, each compared with all.
    """
    named = np.asarray([str(label) for label in labels])
    kept = np.flatnonzero(named != "")
    if len(kept) < 2:
        return None
    groups = np.arange(len(kept))
    if recordings is not None:
        groups = np.unique(np.asarray(recordings, dtype=str)[kept], return_inverse=True)[1]
    asked = np.arange(len(kept))
    if len(asked) > MOST_ASKED:
        asked = np.sort(np.random.default_rng(0).choice(asked, MOST_ASKED, replace=False))
    nearest = _nearest_apart(prepared(checked(vectors)[kept], "cosine"), asked, groups, progress)
    others = nearest >= 0
    right = named[kept][nearest[others]] == named[kept][asked[others]]
    return float(right.mean()) if len(right) else None


def _nearest_apart(
    units: FloatArray, asked: npt.NDArray[np.intp], groups: np.ndarray, progress: Progress | None
) -> npt.NDArray[np.intp]:
    """Give for each asked row the nearest one of another group, -1 where there is none."""
    nearest = np.empty(len(asked), np.intp)
    block = max(1, _BLOCK_PRODUCTS // len(units))
    for start in range(0, len(asked), block):
        rows = asked[start : start + block]
        similar = units[rows] @ units.T
        similar[groups[rows, np.newaxis] == groups] = -np.inf
        found = similar.argmax(axis=1)
        apart = np.isfinite(similar[np.arange(len(rows)), found])
        nearest[start : start + len(rows)] = np.where(apart, found, -1)
        if progress:
            progress(start + len(rows), len(asked))
    return nearest


def _later(tell: Progress, before: int) -> Progress:
    """Give a progress function for the second of two searches, or the first."""
    return lambda done, total: tell(before + done, 2 * total)
