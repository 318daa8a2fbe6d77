"""The tree in which rows merge into ever larger groups, from which HDBSCAN takes its clusters.

Rows merge in the order of their mutual reachability: the largest of their distance and of how far
each of both is from its own nearest rows. scikit-learn builds such a tree too, but needs several
tables of N x N float64 and refuses a graph that is in parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from embedviz.data import FloatArray
from embedviz.neighbours import (
    STORED_APPROXIMATE,
    IndexArray,
    Progress,
    cached_neighbours,
    prepared,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Where a table of all distances stops paying: 10,000 x 1,024 take 5 s and 0.7 GB on 2 cores.
# Manhattan has no matrix product to lean on.
TABLE_ROWS = {"cosine": 10_000, "euclidean": 10_000, "correlation": 10_000, "manhattan": 3_000}

ROUNDING = 1e-6
"""Merges below a millionth of the highest are of duplicates, and differ by rounding alone."""

# A row is as dense as its second nearest other row is near. With the fourth, fewer rows of small
# classes are in a cluster (91 % of 240 clips, not 97 %); with the first, single rows are bridges.
_DENSITY = 2
# Rows of a large set whose distances are all looked at, to tell how its parts lie to each other.
_DELEGATES = 8192
_BLOCK = 1024


class Merges(NamedTuple):
    """Edges (E,) between rows and the height at which each merges its two ends."""

    ones: IndexArray
    others: IndexArray
    heights: FloatArray

    def matrix(self, rows: int) -> csr_matrix:
        """Give the heights as a matrix (rows, rows)."""
        from scipy.sparse import csr_matrix

        return csr_matrix((self.heights, (self.ones, self.others)), shape=(rows, rows))


def tree_of_merges(vectors: FloatArray, metric: str, tell: Progress) -> Merges:
    """Give the N - 1 merges of N rows, with heights above 0 and at most 1.

    Up to `TABLE_ROWS[metric]` rows (N, D) by all of their distances, then by `_graph_merges`.
    `tell` hears (done, 100).
    """
    merges = _table_merges if len(vectors) <= TABLE_ROWS[metric] else _graph_merges
    ones, others, heights = merges(vectors, metric, tell)
    return Merges(ones, others, _scaled(heights))


def _table_merges(vectors: FloatArray, metric: str, tell: Progress) -> Merges:
    """Give the tree of merges by all distances between rows."""
    table = _table(prepared(vectors, metric), metric, _part(tell, 0, 80))
    blocks = (table[start : start + _BLOCK] for start in range(0, len(table), _BLOCK))
    core = [np.partition(block, _DENSITY, axis=1)[:, _DENSITY] for block in blocks]
    return _tree(table, np.concatenate(core))


def _graph_merges(vectors: FloatArray, metric: str, tell: Progress) -> Merges:
    """Give the tree of merges by each row's nearest neighbours and all distances of delegates.

    Within clusters rows merge with near ones, which the graph knows. Between clusters it may know
    no way, or only long ones; so some rows of every part of the graph are compared with each
    other. No merge is lower than with all distances; those between parts may be higher, and parts
    that are without a delegate (beyond 8,192 of them) merge last.
    """
    from scipy.sparse.csgraph import connected_components

    rows, k = len(vectors), STORED_APPROXIMATE
    graph = cached_neighbours(vectors, k=k, metric=metric, progress=_part(tell, 0, 50))
    # Half the square of the distance of unit vectors is their cosine distance.
    squared = metric in ("cosine", "correlation")
    apart = np.sqrt(2 * graph.distances) if squared else graph.distances
    core = apart[:, _DENSITY]
    ones, others = np.repeat(graph.indices[:, 0], k - 1), graph.indices[:, 1:].ravel()
    near = Merges(ones, others, apart[:, 1:].ravel())
    # Duplicates are linked, though their height is 0.
    linked = near._replace(heights=np.ones_like(near.heights)).matrix(rows)
    parts = connected_components(linked, directed=False)[1]
    few = _delegates(parts)
    table = _table(prepared(vectors, metric)[few], metric, _part(tell, 50, 80))
    far = _tree(table, core[few])
    far = Merges(few[far.ones], few[far.others], far.heights)
    firsts = np.unique(parts, return_index=True)[1].astype(np.int32)
    last = Merges(firsts[:-1], firsts[1:], np.full(len(firsts) - 1, np.inf, np.float32))
    edges = Merges(
        np.concatenate([near.ones, far.ones, last.ones]),
        np.concatenate([near.others, far.others, last.others]),
        np.concatenate([near.heights, far.heights, last.heights]),
    )
    return _lowest(edges, core)


def _lowest(edges: Merges, core: FloatArray) -> Merges:
    """Give the spanning tree of the lowest mutual reachability among some edges."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    ones, others = edges.ones, edges.others
    heights = _scaled(np.maximum(edges.heights, np.maximum(core[ones], core[others])))
    # A pair that is there twice would count with the sum of its heights.
    pairs = np.minimum(ones, others).astype(np.int64) * len(core) + np.maximum(ones, others)
    once = np.unique(pairs, return_index=True)[1]
    matrix = Merges(ones[once], others[once], heights[once]).matrix(len(core))
    tree = minimum_spanning_tree(matrix).tocoo()
    return Merges(tree.row, tree.col, tree.data)


def _delegates(parts: IndexArray) -> IndexArray:
    """Give some rows of each part (N,), evenly spread, at most `_DELEGATES` in all."""
    order, sizes = np.argsort(parts, kind="stable"), np.bincount(parts)
    each, size = max(1, _DELEGATES // len(sizes)), np.repeat(sizes, sizes)
    rank = np.arange(len(parts)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = rank * each // size != (rank - 1) * each // size
    return np.asarray(np.sort(order[chosen][:_DELEGATES]), np.int32)


def _table(ready: FloatArray, metric: str, tell: Progress) -> FloatArray:
    """Give the distances (N, N) of all rows to each other."""
    from sklearn.metrics import pairwise_distances

    plain = "manhattan" if metric == "manhattan" else "euclidean"
    table = np.empty((len(ready), len(ready)), np.float32)
    for start in range(0, len(table), _BLOCK):
        block = ready[start : start + _BLOCK]
        table[start : start + _BLOCK] = pairwise_distances(block, ready, metric=plain)
        tell(start + len(block), len(table))
    return table


def _tree(table: FloatArray, core: FloatArray) -> Merges:
    """Give the spanning tree of the lowest mutual reachability, by Prim's algorithm."""
    rows = len(core)
    ones, others = np.zeros((2, rows - 1), np.int32)
    heights = np.zeros(rows - 1, np.float32)
    reach, source = np.full(rows, np.inf, np.float32), np.zeros(rows, np.int32)
    outside = np.ones(rows, bool)
    row = 0
    for step in range(rows - 1):
        outside[row], reach[row] = False, np.inf
        here = np.maximum(np.maximum(table[row], core), core[row])
        nearer = outside & (here < reach)
        reach[nearer], source[nearer] = here[nearer], row
        row = int(reach.argmin())
        ones[step], others[step], heights[step] = source[row], row, reach[row]
    return Merges(ones, others, heights)


def _scaled(heights: FloatArray) -> FloatArray:
    """Scale heights to above 0, which would be no edge in a sparse matrix, and at most 1."""
    highest = heights[np.isfinite(heights)].max() or 1
    return np.asarray(np.clip(heights / highest, ROUNDING, 1), np.float32)


def _part(tell: Progress, start: int, stop: int) -> Progress:
    """Give a progress function for one stage, which counts as `start` to `stop` of 100."""
    return lambda done, total: tell(start + (stop - start) * done // total, 100)
