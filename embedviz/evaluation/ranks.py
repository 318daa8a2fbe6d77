"""Trustworthiness and continuity of a map, row by row (Venna and Kaski, Neural Networks 2006).

Trustworthiness asks whether rows that are neighbours on the map are near in truth, continuity
whether rows that are near in truth are neighbours on the map. Both weigh a false neighbour by its
rank: 1 is perfect, and a map without meaning has about 0.5.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.errors import ProjectionError
from embedviz.neighbours import cached_neighbours, checked, prepared
from embedviz.trust import NEIGHBOURS, rows_of_map

Progress = Callable[[int, int], None]
Near = npt.NDArray[np.intp]

MOST_RANKED = 10_000
"""Rows up to which ranks are counted among all others."""
DRAWN = 5000
"""Rows among which ranks are counted beyond that, seeded: they are then known to 1 % of all."""

_BLOCK = 1024
# Distances closer than this share of the largest are equal: float32 tells no more.
_ROUNDING = 1e-6


def trustworthiness_by_row(
    vectors: FloatArray,
    coordinates: FloatArray,
    *,
    k: int = NEIGHBOURS,
    metric: str = "cosine",
    progress: Progress | None = None,
) -> FloatArray:
    """Tell of each row whether its neighbours on the map are near it in truth.

    Parameters
    ----------
    vectors, coordinates
        (N, D) and the map (N, dims) of the same rows.
    k
        Neighbours per row, fewer than half of the other rows.
    metric
        One of `embedviz.neighbours.METRICS`.
    progress
        Called with (rows done, N); raising from it stops the work.

    Returns
    -------
    FloatArray
        (N,) their mean is the trustworthiness of the map. Beyond `MOST_RANKED` rows an estimate.

    Raises
    ------
    ProjectionError
        As `embedviz.neighbours.neighbours`, or if the map is one of other rows or there are too
        few rows for k.
    """
    ready, k = _ready(vectors, coordinates, k, metric)
    near, true = near_on_map(coordinates, k), _near_in_truth(vectors, k, metric)
    return _weighed(ready, near, true, metric, progress)


def continuity_by_row(
    vectors: FloatArray,
    coordinates: FloatArray,
    *,
    k: int = NEIGHBOURS,
    metric: str = "cosine",
    progress: Progress | None = None,
) -> FloatArray:
    """Tell of each row whether its true neighbours are near it on the map.

    Parameters, result and errors are those of `trustworthiness_by_row`.
    """
    _, k = _ready(vectors, coordinates, k, metric)
    near, true = near_on_map(coordinates, k), _near_in_truth(vectors, k, metric)
    places = np.ascontiguousarray(coordinates, np.float32)
    return _weighed(places, true, near, "euclidean", progress)


def near_on_map(coordinates: FloatArray, k: int) -> Near:
    """Give the k nearest other rows (N, k) of each row of a map (N, dims)."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(k, len(coordinates) - 1), algorithm="kd_tree")
    return np.asarray(search.fit(coordinates).kneighbors(return_distance=False), np.intp)


def _near_in_truth(vectors: FloatArray, k: int, metric: str) -> Near:
    # The first neighbour of a row is itself.
    return cached_neighbours(vectors, k=k + 1, metric=metric).indices[:, 1:].astype(np.intp)


def _ready(
    vectors: FloatArray, coordinates: FloatArray, k: int, metric: str
) -> tuple[FloatArray, int]:
    vectors = checked(vectors, metric)
    rows = rows_of_map(vectors, coordinates)
    k = min(k, (rows - 1) // 2)
    if k < 1:
        raise ProjectionError(f"{rows} rows are too few to rank neighbours; wanted 3 or more.")
    return prepared(vectors, metric), k


def _weighed(
    ready: FloatArray, given: Near, right: Near, metric: str, progress: Progress | None
) -> FloatArray:
    """Give 1 minus the ranks (in `ready`) by which given neighbours (N, k) miss the k nearest."""
    rows, k = given.shape
    among = np.arange(rows)
    if rows > MOST_RANKED:
        among = np.sort(np.random.default_rng(0).choice(rows, DRAWN, replace=False))
    worst = k * (2 * rows - 3 * k - 1) / 2
    share = np.empty(rows, np.float32)
    for start in range(0, rows, _BLOCK):
        own = np.arange(start, min(start + _BLOCK, rows))
        false = ~(given[own, :, np.newaxis] == right[own, np.newaxis]).any(axis=2)
        rank = _ranks(ready, own, given[own], among, metric)
        share[own] = 1 - (np.maximum(rank - k, 0) * false).sum(axis=1) / worst
        if progress:
            progress(int(own[-1]) + 1, rows)
    return share


def _ranks(
    ready: FloatArray, own: Near, others: Near, among: Near, metric: str
) -> npt.NDArray[np.float64]:
    """Give the rank (B, k) of other rows by their distance from each of `own`, the nearest 1.

    Rows at the same distance share the mean of their ranks.
    """
    from sklearn.metrics import pairwise_distances

    plain = "manhattan" if metric == "manhattan" else "euclidean"
    apart = pairwise_distances(ready[own], ready[among], metric=plain).astype(np.float32)
    near = np.stack(
        [_apart(ready[own], ready[others[:, column]], plain) for column in range(others.shape[1])],
        axis=1,
    )
    rounding = _ROUNDING * apart.max(axis=1, keepdims=True)
    itself = np.searchsorted(among, own)
    inside = itself < len(among)
    inside[inside] = among[itself[inside]] == own[inside]
    apart[inside, itself[inside]] = np.inf
    ranks = np.empty(others.shape)
    for column in range(others.shape[1]):
        place = near[:, column, np.newaxis]
        nearer = (apart < place - rounding).sum(axis=1)
        within = (apart <= place + rounding).sum(axis=1)
        ranks[:, column] = (nearer + within) / 2
    # Among all others a row counts itself; drawn ones stand for so many of all.
    if len(among) == len(ready):
        return ranks + 0.5
    return ranks * ((len(ready) - 1) / (len(among) - inside[:, np.newaxis])) + 0.5


def _apart(ones: FloatArray, others: FloatArray, plain: str) -> FloatArray:
    gaps = ones.astype(np.float64) - others
    found = np.abs(gaps).sum(axis=1) if plain == "manhattan" else np.linalg.norm(gaps, axis=1)
    return np.asarray(found, np.float32)
