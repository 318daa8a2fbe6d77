"""How far a map can be trusted, row by row, and how densely its rows lie in truth.

The share of kept neighbours is each row's part of Q_NX(k) of Lee and Verleysen (Neurocomputing
2009), a sibling of Venna and Kaski's trustworthiness and continuity, which weigh by rank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.errors import ProjectionError
from embedviz.neighbours import (
    STORED_APPROXIMATE,
    IndexArray,
    Neighbours,
    Progress,
    cached_neighbours,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

NEIGHBOURS = 10
# Distances on a map that differ by less than its float32 coordinates can tell are equal.
_ROUNDING = 1e-6


def kept_neighbours(
    vectors: FloatArray,
    coordinates: FloatArray,
    *,
    k: int = NEIGHBOURS,
    metric: str = "cosine",
    progress: Progress | None = None,
) -> FloatArray:
    """Give the share of each row's nearest neighbours that are among its nearest on the map.

    Among equals none is preferred. Of duplicates any is as good a neighbour as another. Where
    more rows are k-th nearest on the map than k has room for, because they share a place, each
    counts with its chance of being drawn; so a map with all rows in one place keeps k / (N - 1).

    Parameters
    ----------
    vectors, coordinates
        (N, D) and the map (N, dims) of the same rows.
    k
        Neighbours per row, the row itself not counted; at most N - 1 are looked at.
    metric
        One of `embedviz.neighbours.METRICS`.
    progress
        Called with (rows done, N); raising from it stops the search.

    Returns
    -------
    FloatArray
        (N,) 0 to 1; a single row, which has no neighbours to lose, keeps all.

    Raises
    ------
    ProjectionError
        As `embedviz.neighbours.neighbours`, or if the map is one of other rows.
    """
    rows = rows_of_map(vectors, coordinates)
    known = max(k + 1, STORED_APPROXIMATE)
    graph = cached_neighbours(vectors, k=known, metric=metric, progress=progress)
    k = min(k, rows - 1)
    if k < 1:
        return np.ones(rows, np.float32)
    kinds = _kinds(graph)
    width = int(kinds.max()) + 1
    near, place = _near_on_map(coordinates, k)
    held = _counts(place[:, np.newaxis], near.shape[0]).T @ _counts(kinds[:, np.newaxis], width)
    # The first neighbour of a row is itself.
    true = _counts(kinds[graph.indices[:, 1 : k + 1]], width)
    asked, kind = np.repeat(np.arange(rows), np.diff(true.indptr)), true.indices
    chances = near @ held
    chances.sum_duplicates()  # also sorts, without which looking up searches from end to end
    found = np.ravel(chances[place[asked], kind])
    # A row is near itself on the map and, where it has duplicates, of a kind near it in truth.
    found -= near.diagonal()[place[asked]] * (kind == kinds[asked])
    return np.asarray(np.bincount(asked, found) / k, dtype=np.float32)


def rows_of_map(vectors: FloatArray, coordinates: FloatArray) -> int:
    """Give N of vectors (N, D) and their map (N, dims).

    Raises
    ------
    ProjectionError
        If the map is one of other rows.
    """
    if len(vectors) != len(coordinates):
        raise ProjectionError(f"{len(coordinates)} points are no map of {len(vectors)} rows.")
    return len(vectors)


def local_density(
    vectors: FloatArray,
    *,
    k: int = NEIGHBOURS,
    metric: str = "cosine",
    progress: Progress | None = None,
) -> FloatArray:
    """Give how densely each row lies among all rows (N,): 1 the most, 0 the least.

    It is the share of the other rows whose mean distance to their k nearest is larger, those with
    the same mean counted half. A single row, as all rows that lie alike, has 0.5. Parameters and
    errors are those of `kept_neighbours`, without a map.
    """
    rows = len(vectors)
    graph = cached_neighbours(vectors, k=k + 1, metric=metric, progress=progress)
    if rows == 1:
        return np.full(1, 0.5, np.float32)
    mean = graph.distances[:, 1:].mean(axis=1)
    order = np.sort(mean)
    farther = rows - np.searchsorted(order, mean, side="right")
    alike = rows - np.searchsorted(order, mean, side="left") - farther - 1
    return np.asarray((farther + alike / 2) / (rows - 1), dtype=np.float32)


def _kinds(graph: Neighbours) -> IndexArray:
    """Give each row (N,) a number that it shares with its duplicates."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    rows, others = np.nonzero(graph.distances == 0)
    same = np.ones(len(rows)), (rows, graph.indices[rows, others])
    shape = len(graph.indices), len(graph.indices)
    return np.asarray(connected_components(csr_matrix(same, shape=shape), directed=False)[1])


def _near_on_map(coordinates: FloatArray, k: int) -> tuple[csr_matrix, npt.NDArray[np.intp]]:
    """Tell which places of a map (N, dims) have the k nearest other rows of each place.

    Gives a matrix (places, places) of the chance that a row is one of k where that place holds
    it, and the place of each row (N,). Rows in one place are looked up once, because a search
    among many equal distances looks at all of them.
    """
    from scipy.sparse import csr_matrix
    from sklearn.neighbors import NearestNeighbors

    places, place, held = np.unique(
        coordinates.astype(np.float64) + 0.0, axis=0, return_inverse=True, return_counts=True
    )
    count = min(2 * k + 2, len(places))
    search = NearestNeighbors(n_neighbors=count, algorithm="kd_tree").fit(places)
    apart, found = search.kneighbors(places)
    # The first place is its own, where the row itself is none of the others.
    rows = held[found]
    rows[:, 0] -= 1
    last = (np.cumsum(rows, axis=1) >= k).argmax(axis=1)
    limit = np.take_along_axis(apart, last[:, np.newaxis], axis=1)
    inside, within = apart < limit * (1 - _ROUNDING), apart <= limit * (1 + _ROUNDING)
    before = (rows * inside).sum(axis=1)
    drawn = (k - before) / ((rows * within).sum(axis=1) - before)
    chance = inside + (within & ~inside) * drawn[:, np.newaxis]
    ends = np.arange(0, found.size + 1, count)
    matrix = csr_matrix((chance.ravel(), found.ravel(), ends), shape=(len(places), len(places)))
    return matrix, place.ravel()


def _counts(columns: npt.NDArray[np.signedinteger], width: int) -> csr_matrix:
    """Give a matrix (N, width) that counts each row's columns (N, k)."""
    from scipy.sparse import csr_matrix

    rows, k = columns.shape
    ends = np.arange(0, rows * k + 1, k)
    matrix = csr_matrix((np.ones(rows * k), columns.ravel(), ends), shape=(rows, width))
    matrix.sum_duplicates()
    return matrix
