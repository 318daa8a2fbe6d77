"""New vectors placed on the map that a set has: a sound from outside among those of the set.

No row of the map moves. How well a place can be known depends on the method, so each says how.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedviz.data import EmbeddingSet, FloatArray, Projection
from embedviz.errors import ProjectionError
from embedviz.layouts import place_by_umap
from embedviz.neighbours import Neighbours, checked, prepared
from embedviz.principal import principal_axes

_TITLES = {"tsne": "t-SNE"}
_BLOCK = 16_384
NEAREST = 10
"""Rows whose mean is the place of a new one where a method cannot place it."""
# Rows that PCA's axes are tried on, and by how much of the map's extent they may miss their place.
_TRIED, _MISSED = 1000, 1e-3
# As in embedviz.neighbours: below a millionth of a vector's length a distance is rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Placed:
    """Where new vectors lie on a map."""

    coordinates: FloatArray
    """(M, dims)"""
    how: str
    """A sentence for the user: by which means, and what to expect of it."""


def place(embedding_set: EmbeddingSet, vectors: FloatArray) -> Placed:
    """Place new vectors (M, D) of the set's model on the set's map, the same ones always alike.

    Raises
    ------
    ProjectionError
        If the set has no map, or one of other rows, or the vectors are of another width than the
        set's or not finite.
    """
    projection = embedding_set.projection
    if projection is None:
        raise ProjectionError("The set has no map yet; project it first.")
    known, new = checked(embedding_set.vectors), checked(vectors)
    if new.shape[1] != known.shape[1]:
        raise ProjectionError(
            f"The new vectors have {new.shape[1]} numbers, those of the set {known.shape[1]}; "
            "embed the sound with the model of the set."
        )
    if len(known) == 1:
        places = np.repeat(projection.coordinates, len(new), axis=0)
        return Placed(places, "Placed on the only row of the map, which gives no direction.")
    if projection.method == "pca":
        return _by_pca(projection, known, new)
    if projection.method == "umap":
        return _by_umap(projection, known, new)
    return _by_nearest(projection, known, new)


def _by_pca(projection: Projection, known: FloatArray, new: FloatArray) -> Placed:
    """Measure new vectors along the map's axes, which are found again as they were then."""
    axes = projection.settings.get("axes", range(1, projection.dims + 1))
    found = principal_axes(known, axes, projection.settings.get("seed", 0))
    tried = slice(None, None, -(-len(known) // _TRIED))
    missed = np.abs(found.place(known[tried]) - projection.coordinates[tried]).max()
    if missed > _MISSED * np.ptp(projection.coordinates, axis=0).max():
        raise ProjectionError("This map was made of other rows; project the set again.")
    return Placed(
        found.place(new), "Placed exactly, because PCA measures every sound along the same axes."
    )


def _by_umap(projection: Projection, known: FloatArray, new: FloatArray) -> Placed:
    settings = projection.settings
    k = min(int(settings.get("n_neighbors", 15)), len(known))
    places = place_by_umap(
        _nearest(known, new, k, settings.get("metric", "cosine")),
        np.ascontiguousarray(projection.coordinates, dtype=np.float32),
        min_dist=settings.get("min_dist", 0.1),
        seed=settings.get("seed", 0),
    )
    return Placed(
        places,
        f"UMAP placed each sound among its {k} nearest rows, which stay where they are; "
        "one unlike all of them gets a place too.",
    )


def _by_nearest(projection: Projection, known: FloatArray, new: FloatArray) -> Placed:
    """Give the mean of the places of the nearest rows, the nearer the heavier."""
    k = min(NEAREST, len(known))
    graph = _nearest(known, new, k, projection.settings.get("metric", "cosine"))
    places = mean_of_nearest(graph, projection.coordinates)
    return Placed(
        places,
        f"Placed at the mean of the {k} nearest rows, the nearer the heavier, because "
        f"{_TITLES.get(projection.method, projection.method)} cannot place new sounds.",
    )


def mean_of_nearest(graph: Neighbours, coordinates: FloatArray) -> FloatArray:
    """Give the mean (M, dims) of the places of each row's nearest ones, the nearer the heavier.

    Parameters
    ----------
    graph
        (M, k) rows of the map.
    coordinates
        (N, dims) the map.
    """
    distances = graph.distances.astype(np.float64)
    # A row at distance 0 is the sound itself and decides alone.
    scale = np.maximum(distances.max(axis=1, keepdims=True), np.finfo(float).tiny)
    weights = 1 / np.maximum(distances / scale, _ROUNDING)
    weights /= weights.sum(axis=1, keepdims=True)
    places: FloatArray = np.einsum("ij,ijd->id", weights, coordinates[graph.indices])
    return places.astype(np.float32)


def _nearest(known: FloatArray, new: FloatArray, k: int, metric: str) -> Neighbours:
    """Find the k rows (N, D) nearest to each new one (M, D), nearest first, exactly."""
    from sklearn.neighbors import NearestNeighbors

    plain = "manhattan" if metric == "manhattan" else "euclidean"
    parts = []
    # Block by block, because preparing needs several times the memory of what is ready.
    for start in range(0, len(known), _BLOCK):
        block = known[start : start + _BLOCK]
        ready = prepared(np.concatenate([block, new]), metric)
        rows, queries = ready[: len(block)], ready[len(block) :]
        search = NearestNeighbors(n_neighbors=min(k, len(block)), algorithm="brute", metric=plain)
        apart, found = search.fit(rows).kneighbors(queries)
        parts.append((apart.astype(np.float64), found + start))
    distances = np.concatenate([apart for apart, _ in parts], axis=1)
    indices = np.concatenate([found for _, found in parts], axis=1)
    if metric != "manhattan":
        lengths = np.linalg.norm(queries.astype(np.float64), axis=1, keepdims=True)
        distances[distances < _ROUNDING * lengths] = 0
    if metric in ("cosine", "correlation"):
        distances = np.square(distances) / 2
    order = np.lexsort((indices, distances), axis=-1)[:, :k]
    distances = np.take_along_axis(distances, order, axis=1).astype(np.float32)
    indices = np.take_along_axis(indices, order, axis=1).astype(np.int32)
    return Neighbours(indices, distances, metric)
