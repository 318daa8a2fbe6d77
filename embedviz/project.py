"""Maps of vectors in two or three dimensions: UMAP, t-SNE and PCA.

UMAP and t-SNE share one stored neighbour graph, so that changing `min_dist`, `dims` or `seed`
only lays out again. Libraries load when a map is first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedviz import large
from embedviz.data import EmbeddingSet, FloatArray, Projection
from embedviz.errors import ProjectionError
from embedviz.layouts import lay_out_tsne, lay_out_umap
from embedviz.neighbours import Neighbours, Progress, cached_neighbours, checked
from embedviz.neighbours import neighbours as search
from embedviz.principal import principal_axes, solver
from embedviz.samplemaps import on_a_sample

METHODS = ("umap", "tsne", "pca")
PCA_AXES = 10
"""PCA's axes that can be shown; further ones explain next to nothing and say less."""

# Progress counts to 100 over all of the work; the graph ends here.
_GRAPH_DONE = 30


def project(
    embedding_set: EmbeddingSet,
    method: str = "umap",
    *,
    dims: int = 2,
    axes: Sequence[int] | None = None,
    metric: str = "cosine",
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    perplexity: float = 30.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> Projection:
    """Lay out a set's rows in 2 or 3 dimensions; the same seed gives the same map.

    Of more than `large.LARGE_ROWS` rows, UMAP and t-SNE lay out a sample, and every other row is
    placed among those nearest to it; `fitted_rows` among the settings says how many they were.

    Parameters
    ----------
    embedding_set
        N rows; a single row lies at the origin.
    method
        `umap` (McInnes, Healy and Melville, arXiv:1802.03426), `tsne` (van der Maaten and
        Hinton, JMLR 2008) or `pca`.
    dims, metric
        2 or 3; one of `embedviz.neighbours.METRICS`, left aside by PCA, which is Euclidean.
    axes
        PCA: which `dims` of its axes are shown, counted from 1; the first where not given.
    n_neighbors, min_dist
        UMAP: neighbours per row, itself included (small sets use fewer), and the least distance
        between points of the map, 0 to 1.
    perplexity
        t-SNE: the effective number of neighbours; small sets use at most a third of their rows.
    progress
        Called with (done, 100); raising from it stops the work. t-SNE and PCA report only their
        stages, because scikit-learn has no hook.

    Returns
    -------
    Projection
        Finite coordinates (N, dims) and the settings really used; `axes` is among them where
        they are not the first. PCA's axes are in order of variance, the largest loading of each
        positive.

    Raises
    ------
    ProjectionError
        No rows, vectors that are not finite, or a setting outside its range.
    """
    _check_settings(method, dims, n_neighbors, min_dist, perplexity, seed)
    vectors = checked(embedding_set.vectors, metric)
    rows = len(vectors)
    shown = shown_axes(vectors, method, dims, axes)
    tell = progress or (lambda done, total: None)
    tell(0, 100)
    settings: dict[str, Any] = {"metric": metric, "seed": seed}
    shares: tuple[float, ...] = ()
    if method == "pca":
        settings = {"seed": seed} if solver(*vectors.shape) == "randomized" else {}
        settings |= {} if shown == _first(dims) else {"axes": list(shown)}
        found = principal_axes(vectors, shown, seed, _part(tell, 0, 100))
        if found.fitted_rows < rows:
            settings |= {"seed": seed, "fitted_rows": found.fitted_rows}
        coordinates, shares = found.coordinates, found.shares
    elif large.is_large(rows):
        return on_a_sample(
            embedding_set,
            method,
            seed,
            lambda sample, told: project(
                sample,
                method,
                dims=dims,
                metric=metric,
                n_neighbors=n_neighbors,
                min_dist=min_dist,
                perplexity=perplexity,
                seed=seed,
                progress=told,
            ),
            tell,
        )
    elif rows == 1:
        settings, coordinates = {}, np.zeros((1, dims), np.float32)
    elif method == "umap":
        settings |= {"n_neighbors": min(n_neighbors, rows), "min_dist": min_dist}
        graph = _graph(vectors, settings["n_neighbors"], metric, tell)
        coordinates = _umap(vectors, graph, dims, min_dist, seed, _part(tell, _GRAPH_DONE, 100))
    else:
        settings["perplexity"] = max(1.0, min(perplexity, (rows - 1) / 3))
        k = min(rows, int(3 * settings["perplexity"] + 1) + 1)
        graph = _graph(vectors, k, metric, tell)
        coordinates = lay_out_tsne(graph, settings["perplexity"], _start(vectors, dims, seed))
    if not np.isfinite(coordinates).all():
        raise ProjectionError(f"{method} found no finite place for some rows; try another metric.")
    tell(100, 100)
    return Projection(method, coordinates, settings, shares)


def warm() -> None:
    """Load umap-learn and compile what `project` uses of it, so that the first map is quick."""
    vectors = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
    _umap(vectors, search(vectors, k=5), 2, 0.1, 0, lambda done, total: None)


def _check_settings(
    method: str, dims: int, n_neighbors: int, min_dist: float, perplexity: float, seed: int
) -> None:
    """Refuse what the methods would refuse later or less clearly."""
    if method not in METHODS:
        raise ProjectionError(f"The method {method!r} is not one of {', '.join(METHODS)}.")
    for name, value, low, high in (
        ("dims", dims, 2, 3),
        ("n_neighbors", n_neighbors, 2, np.inf),
        ("min_dist", min_dist, 0, 1),
        ("perplexity", perplexity, 1, np.inf),
        ("seed", seed, 0, 2**32 - 1),
    ):
        if not low <= value <= high:
            wanted = f"from {low} to {high}" if high < np.inf else f"{low} or more"
            raise ProjectionError(f"{name} is {value}; it must be {wanted}.")


def _part(tell: Progress, start: int, stop: int) -> Progress:
    """Give a progress function for one stage, which counts as `start` to `stop` of 100."""
    return lambda done, total: tell(start + (stop - start) * done // total, 100)


def _graph(vectors: FloatArray, k: int, metric: str, tell: Progress) -> Neighbours:
    graph = cached_neighbours(vectors, k=k, metric=metric, progress=_part(tell, 0, _GRAPH_DONE))
    tell(_GRAPH_DONE, 100)
    return graph


def shown_axes(
    vectors: FloatArray, method: str, dims: int, axes: Sequence[int] | None
) -> tuple[int, ...]:
    """Give the axes of PCA that a map of `dims` shows, or say why it cannot show these."""
    if axes is None:
        return _first(dims)
    if method != "pca":
        raise ProjectionError(f"Axes can be chosen for pca alone; {method} has none of its own.")
    most = min(PCA_AXES, *vectors.shape)
    if most < dims:
        raise ProjectionError(f"Vectors of shape {vectors.shape} have fewer than {dims} axes.")
    if len(axes) != dims or len(set(axes)) != dims or not all(1 <= axis <= most for axis in axes):
        given = ", ".join(map(str, axes))
        raise ProjectionError(
            f"The axes are {given}; choose {dims} different ones from 1 to {most}."
        )
    return tuple(axes)


def _first(dims: int) -> tuple[int, ...]:
    return tuple(range(1, dims + 1))


def _start(vectors: FloatArray, dims: int, seed: int) -> FloatArray:
    """Place rows (N, dims) by PCA, scaled as t-SNE wants it."""
    start = principal_axes(vectors, _first(dims), seed).coordinates
    start *= 1e-4 / (start[:, 0].std(dtype=np.float64) or 1)
    # Without a little noise duplicates would start, and stay, in one place.
    start += np.random.default_rng(seed).normal(scale=1e-5, size=start.shape).astype(np.float32)
    return start


def _umap(
    vectors: FloatArray, graph: Neighbours, dims: int, min_dist: float, seed: int, tell: Progress
) -> FloatArray:
    return lay_out_umap(
        vectors,
        graph,
        dims=dims,
        min_dist=min_dist,
        seed=seed,
        start=lambda: _start(vectors, dims, seed),
        tell=tell,
    )
