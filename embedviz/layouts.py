"""Neighbour graphs laid out as points: umap-learn and scikit-learn's t-SNE, each kept in hand."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from embedviz.data import FloatArray
from embedviz.neighbours import NUMBA_LOCK, Neighbours, Progress

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# What umap-learn remarks on: each is on purpose, or it has already helped itself.
_UMAP_REMARKS = (
    r"precomputed_knn\[2\] \(knn_search_index\) is not an NNDescent object",
    r"n_neighbors is larger than the dataset size",
    r"Spectral initialisation failed",
    r"Graph is not fully connected, spectral embedding",
)


def lay_out_tsne(graph: Neighbours, perplexity: float, start: FloatArray) -> FloatArray:
    """Run scikit-learn's Barnes-Hut t-SNE on a graph of the neighbours that it asks for."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    tsne = TSNE(start.shape[1], perplexity=perplexity, init=start, metric="precomputed")
    # Sums over more than two threads depend on which thread comes first, and so would the map.
    with threadpool_limits(2, user_api="openmp"):
        return np.asarray(tsne.fit_transform(_sparse(graph, graph.distances)), dtype=np.float32)


def lay_out_umap(
    vectors: FloatArray,
    graph: Neighbours,
    *,
    dims: int,
    min_dist: float,
    seed: int,
    start: Callable[[], FloatArray],
    tell: Progress,
) -> FloatArray:
    """Lay out a graph whose columns UMAP uses all of; one layout at a time in a process."""
    spectral = len(vectors) > dims + 1 and _is_connected(graph)
    with NUMBA_LOCK, warnings.catch_warnings(), _heard_by(tell):
        import umap

        warnings.filterwarnings("ignore", message="|".join(_UMAP_REMARKS))
        fit = umap.UMAP(
            n_components=dims,
            n_neighbors=graph.indices.shape[1],
            metric=graph.metric,
            min_dist=min_dist,
            init="spectral" if spectral else start(),
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(graph.indices, graph.distances, None),
            # By default rows that are opposite to all others (cosine distance 2) get no place.
            disconnection_distance=float("inf"),
        )
        return np.asarray(fit.fit_transform(vectors), dtype=np.float32)


def place_by_umap(
    graph: Neighbours, coordinates: FloatArray, *, min_dist: float, seed: int
) -> FloatArray:
    """Place new rows on a map that stays as it is, as umap-learn's `transform` does.

    `transform` belongs to the object that made the map, which no set keeps; these are its steps.
    A new row starts at the weighted mean of its nearest rows and settles among all others.

    Parameters
    ----------
    graph
        (M, k) the rows of the map that are nearest to each new one; k as the map was made with.
    coordinates
        (N, dims) the map.

    Returns
    -------
    FloatArray
        (M, dims)
    """
    with NUMBA_LOCK, _heard_by(lambda done, total: None):
        from scipy.sparse import coo_matrix
        from umap import layouts, umap_

        shape = len(graph.indices), len(coordinates)
        epochs = 100 if len(graph.indices) <= 10_000 else 30
        # On a map every row is joined to its nearest one wholly; a new row need not be.
        scales, offsets = umap_.smooth_knn_dist(
            graph.distances, float(graph.indices.shape[1]), local_connectivity=0.0
        )
        rows, others, weights, _ = umap_.compute_membership_strengths(
            graph.indices, graph.distances, scales, offsets, bipartite=True
        )
        joined = coo_matrix((weights, (rows, others)), shape=shape).tocsr()
        joined.eliminate_zeros()
        start = weighted_means(joined, coordinates)
        # What is too far from all rows to be joined to any stays with its nearest.
        lost = np.isnan(start).any(axis=1)
        start[lost] = coordinates[graph.indices[lost, 0]]
        used = (weights > 0) & (weights >= weights.max() / epochs)
        if not used.any():
            return np.asarray(start, dtype=np.float32)
        a, b = umap_.find_ab_params(1.0, min_dist)
        random = np.random.RandomState(seed).randint(umap_.INT32_MIN, umap_.INT32_MAX, 3)
        placed = layouts.optimize_layout_euclidean(
            start,
            coordinates.copy(),
            rows[used],
            others[used],
            epochs,
            len(coordinates),
            umap_.make_epochs_per_sample(weights[used], epochs),
            a,
            b,
            random.astype(np.int64),
            initial_alpha=0.25,
        )
        return np.asarray(placed, dtype=np.float32)


def weighted_means(joined: csr_matrix, coordinates: FloatArray) -> FloatArray:
    """Place new rows at the weighted mean of those of the map that they are joined to.

    As umap-learn's `init_graph_transform` to the last bit, which asks row by row and takes seconds
    for a few thousand.

    Parameters
    ----------
    joined
        (M, N) weights, 0 to 1; a row joined to one by 1 lies there, one joined to none nowhere.
    coordinates
        (N, dims) the map.
    """
    counts = np.diff(joined.indptr)
    sums = np.zeros(len(counts), joined.dtype)
    # Rows of one length at a time, because the order of a sum decides its last bit.
    for count in np.unique(counts):
        rows = np.flatnonzero(counts == count)
        sums[rows] = joined.data[joined.indptr[rows][:, None] + np.arange(count)].sum(axis=1)
    shares = joined.copy()
    shares.data /= np.repeat(sums, counts)
    start = np.asarray(shares @ coordinates, dtype=np.float32)
    start[counts == 0] = np.nan
    certain = np.flatnonzero(joined.data == 1)
    rows = np.repeat(np.arange(len(counts)), counts)[certain]
    rows, first = np.unique(rows, return_index=True)
    start[rows] = coordinates[joined.indices[certain[first]]]
    return start


def _is_connected(graph: Neighbours) -> bool:
    """Tell whether all rows hang together; UMAP's own start places separate parts blindly."""
    from scipy.sparse.csgraph import connected_components

    edges = _sparse(graph, np.ones_like(graph.distances))
    return bool(connected_components(edges, return_labels=False) == 1)


def _sparse(graph: Neighbours, values: FloatArray) -> csr_matrix:
    """Give a graph's edges with `values` (N, k) as a matrix (N, N)."""
    from scipy.sparse import csr_matrix

    rows, k = graph.indices.shape
    ends = np.arange(0, rows * k + 1, k)
    return csr_matrix((values.ravel(), graph.indices.ravel(), ends), shape=(rows, rows))


@contextmanager
def _heard_by(tell: Progress) -> Iterator[None]:
    """Let `tell` hear every epoch of a layout and end it, in the place of UMAP's progress bar.

    UMAP has no hook, and its bar (tqdm) keeps a lock of the process when its output raises.
    """
    # umap-learn loads TensorFlow if it can; the engine does so without its start-up notes.
    import embedviz.engine  # noqa: F401
    import numba  # isort: skip
    from umap import layouts  # isort: skip

    def epochs(counted: range, **_options: object) -> Iterator[int]:
        for epoch in counted:
            tell(epoch, len(counted))
            yield epoch

    bar, threads = layouts.tqdm, numba.get_num_threads()
    layouts.tqdm = epochs
    try:
        yield
    finally:
        layouts.tqdm = bar
        numba.set_num_threads(threads)  # a layout that is ended leaves it at one
