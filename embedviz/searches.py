"""A search among fixed vectors for what is nearest to others, prepared once and asked in blocks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from embedviz.data import FloatArray
from embedviz.neighbours import NUMBA_LOCK, IndexArray, Neighbours, prepared

EXACT_ROWS = 4096
"""Among more vectors pynndescent searches, seeded; it finds about 99 %."""

_SEED = 0
# As in embedviz.neighbours: below a millionth of a vector's length a distance is rounding.
_ROUNDING = 1e-6
# How far beyond the best found pynndescent looks; its own default of 0.1 finds fewer.
_EPSILON = 0.2

Found = tuple[IndexArray, FloatArray]


@dataclass(frozen=True)
class Search:
    """Finds the `k` of N vectors that are nearest to new ones; `Search.among` prepares it."""

    ask: Callable[[FloatArray], Found]
    k: int
    metric: str

    @classmethod
    def among(cls, vectors: FloatArray, k: int, metric: str) -> Search:
        """Prepare a search among vectors (N, D), N at least k."""
        plain = "manhattan" if metric == "manhattan" else "euclidean"
        ready = _ready(vectors, metric)
        make = _exact if len(ready) <= EXACT_ROWS else _approximate
        return cls(make(ready, k, plain), k, metric)

    def nearest(self, vectors: FloatArray) -> Neighbours:
        """Give the rows nearest to each of (M, D) vectors, nearest first."""
        ready = _ready(vectors, self.metric)
        indices, apart = self.ask(ready)
        distances = apart.astype(np.float64)
        if self.metric != "manhattan":
            lengths = np.linalg.norm(ready.astype(np.float64), axis=1, keepdims=True)
            distances[distances < _ROUNDING * lengths] = 0
        if self.metric in ("cosine", "correlation"):
            distances = np.square(distances) / 2
        order = np.lexsort((indices, distances), axis=-1)
        return Neighbours(
            np.take_along_axis(indices, order, axis=1).astype(np.int32),
            np.take_along_axis(distances, order, axis=1).astype(np.float32),
            self.metric,
        )


def _ready(vectors: FloatArray, metric: str) -> FloatArray:
    """Prepare vectors for the metric, always with a column for those without direction."""
    ready = prepared(vectors, metric)
    if metric in ("cosine", "correlation") and ready.shape[1] == vectors.shape[1]:
        ready = np.hstack([ready, np.zeros((len(ready), 1), np.float32)])
    return ready


def _exact(ready: FloatArray, k: int, metric: str) -> Callable[[FloatArray], Found]:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric).fit(ready)

    def ask(vectors: FloatArray) -> Found:
        distances, indices = search.kneighbors(vectors)
        return indices, distances

    return ask


def _approximate(ready: FloatArray, k: int, metric: str) -> Callable[[FloatArray], Found]:
    with NUMBA_LOCK, warnings.catch_warnings():
        from pynndescent import NNDescent

        warnings.filterwarnings("ignore", message="Failed to correctly find n_neighbors")
        search = NNDescent(ready, metric=metric, n_neighbors=max(k, 30), random_state=_SEED)
        search.prepare()
    exact = _exact(ready, k, metric)

    def ask(vectors: FloatArray) -> Found:
        with NUMBA_LOCK:
            found, apart = search.query(vectors, k=k, epsilon=_EPSILON)
        indices, distances = found.copy(), apart.copy()  # the next question overwrites them
        lost = (indices < 0).any(axis=1)
        if lost.any():
            indices[lost], distances[lost] = exact(vectors[lost])
        return indices, distances

    return ask
