"""Clusters of rows: HDBSCAN on the vectors, the clusters' names and where the names go on a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.errors import ProjectionError
from embedviz.merges import ROUNDING, Merges, tree_of_merges
from embedviz.neighbours import IndexArray, Progress, checked


def clusters(
    vectors: FloatArray,
    *,
    metric: str = "cosine",
    least: int | None = None,
    progress: Progress | None = None,
) -> IndexArray:
    """Give the cluster of each row (N,), counted from 0, the largest; -1 where it is in none.

    HDBSCAN (Campello, Moulavi and Sander, PAKDD 2013): exact for some thousand rows, then on the
    nearest neighbours (see `embedviz.merges`). The same vectors always give the same clusters.

    Parameters
    ----------
    vectors
        (N, D) finite numbers. Rows that are all alike have no clusters, nor have fewer than
        2 * `least` of them: a cluster is what is denser than what lies around it.
    metric
        One of `embedviz.neighbours.METRICS`; cosine as the Euclidean distance of unit vectors.
    least
        Rows of the smallest cluster, 2 or more; `least_rows` where it is not given.
    progress
        Called with (done, 100); raising from it stops the work.

    Raises
    ------
    ProjectionError
        As `embedviz.neighbours.neighbours`, and for `least` below 2.
    """
    vectors = checked(vectors, metric)
    least = least_rows(len(vectors)) if least is None else least
    if least < 2:
        raise ProjectionError(f"least is {least}; a cluster has 2 rows or more.")
    tell = progress or (lambda done, total: None)
    tell(0, 100)
    labels = np.full(len(vectors), -1, np.int32)
    if len(vectors) >= 2 * least:
        labels = _found(tree_of_merges(vectors, metric, tell), least)
    tell(100, 100)
    return labels


def least_rows(rows: int) -> int:
    """Give how many rows make the smallest cluster worth telling apart in a set of `rows`.

    A hundredth, because dozens of names fill a map; but at least 10, because windows of one
    recording overlap and would be clusters of their own (a quarter of sets below 40 rows), and
    at most 100, so that the rare sounds of a large set are found.
    """
    return max(2, min(rows // 4, 10), min(rows // 100, 100))


def cluster_names(
    labels: IndexArray, table_columns: Mapping[str, Sequence[str]], share: float = 0.5
) -> dict[int, str]:
    """Name the clusters (N,) of which more than `share` of all rows have one value in a column.

    The first of the columns (N,) that has such a value names a cluster; empty values name none.
    """
    names: dict[int, str] = {}
    rows = np.flatnonzero(labels >= 0)
    sizes = np.bincount(labels[rows])
    for values in table_columns.values():
        # NaN, which stands for a missing word, differs from itself.
        words = ["" if value is None or value != value else str(value) for value in values]
        kinds, codes = np.unique(np.array(words, dtype=str), return_inverse=True)
        pairs = np.stack([labels[rows], codes[rows]])
        both, counts = np.unique(pairs, axis=1, return_counts=True)
        for cluster, code, count in zip(*both.tolist(), counts.tolist(), strict=True):
            if kinds[code] and count > share * sizes[cluster]:
                names.setdefault(cluster, str(kinds[code]))
    return names


def cluster_places(labels: IndexArray, coordinates: FloatArray) -> dict[int, FloatArray]:
    """Give a place (dims,) inside each cluster (N,) of a map (N, dims), where its name can stand.

    It is that of the row nearest to the median of the rows, which alone may lie between them.
    """
    order = np.argsort(labels, kind="stable")
    kinds, starts = np.unique(labels[order], return_index=True)
    places = {}
    for cluster, rows in zip(kinds.tolist(), np.split(order, starts[1:]), strict=True):
        inside = coordinates[rows]
        apart = np.linalg.norm(inside - np.median(inside, axis=0), axis=1)
        places[cluster] = inside[apart.argmin()]
    places.pop(-1, None)
    return places


def _found(merges: Merges, least: int) -> IndexArray:
    """Give the clusters of a tree by scikit-learn, without those that equal heights made."""
    from sklearn.cluster import HDBSCAN

    tree = merges.matrix(len(merges.heights) + 1)
    # The heights are mutual reachabilities already. With one neighbour, which is then nearer than
    # any other, scikit-learn takes them as they are.
    search = HDBSCAN(min_cluster_size=least, min_samples=1, metric="precomputed", copy=False)
    labels = np.asarray(search.fit_predict((tree + tree.T).tocsr()), np.int32)
    sizes = np.bincount(labels[labels >= 0], minlength=1) * _dense(labels, merges, least)
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    numbers = np.full(len(sizes) + 1, -1, np.int32)
    numbers[order] = np.arange(len(order))
    return numbers[labels]


def _dense(labels: IndexArray, merges: Merges, least: int) -> npt.NDArray[np.bool_]:
    """Tell which clusters have a part of `least` rows that merge before they merge with others.

    Rows at equal distances merge in an order that means nothing, from which clusters may come.
    """
    from scipy.sparse.csgraph import connected_components

    ones, others = labels[merges.ones], labels[merges.others]
    border = np.full(labels.max() + 2, np.inf)
    crossing = ones != others
    for ends in (ones, others):
        np.minimum.at(border, ends[crossing], merges.heights[crossing])
    inner = ~crossing & (merges.heights < border[ones] * (1 - ROUNDING))
    kept = Merges(merges.ones[inner], merges.others[inner], merges.heights[inner])
    parts = connected_components(kept.matrix(len(labels)), directed=False)[1]
    large = np.bincount(parts)[parts] >= least
    count = max(1, int(labels.max()) + 1)
    return np.asarray(np.bincount(labels[large & (labels >= 0)], minlength=count) > 0)
