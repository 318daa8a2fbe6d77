"""Maps of sets too large to lay out: a sample is laid out, and every other row placed on its map.

UMAP places the rest as its `transform` does. t-SNE cannot, so a row lies at the mean of the
nearest rows of the sample, the nearer the heavier. Nothing but coordinates is held of all rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from embedviz import large
from embedviz.data import EmbeddingSet, FloatArray, Projection
from embedviz.layouts import place_by_umap
from embedviz.neighbours import Neighbours, Progress
from embedviz.placing import NEAREST, mean_of_nearest
from embedviz.searches import Search

# Progress counts to 100 over all of the work; the map of the sample is done here.
_FITTED = 50


def on_a_sample(
    embedding_set: EmbeddingSet,
    method: str,
    seed: int,
    fit: Callable[[EmbeddingSet, Progress], Projection],
    tell: Progress,
) -> Projection:
    """Lay out a sample of a set with `fit` and place all other rows on its map.

    Parameters
    ----------
    embedding_set
        N rows.
    method
        `umap` or `tsne`.
    fit
        Gives the map of a smaller set and reports (done, 100).
    tell
        Called with (done, 100); raising from it stops the work.

    Returns
    -------
    Projection
        (N, dims), with `fitted_rows` among its settings.
    """
    vectors = embedding_set.vectors
    sample = large.drawn(embedding_set, large.FIT_ROWS[method], seed)
    part = EmbeddingSet(
        embedding_set.table.iloc[sample].reset_index(drop=True),
        np.ascontiguousarray(vectors[sample], dtype=np.float32),
        embedding_set.provenance,
    )
    fitted = fit(part, lambda done, total: tell(_FITTED * done // total, 100))
    coordinates = np.empty((len(vectors), fitted.dims), np.float32)
    coordinates[sample] = fitted.coordinates
    known = np.zeros(len(vectors), bool)
    known[sample] = True
    k = int(fitted.settings.get("n_neighbors", min(NEAREST, len(sample))))
    search = Search.among(part.vectors, k, fitted.settings["metric"])
    for block in large.blocks(vectors.shape):
        new = block.start + np.flatnonzero(~known[block])
        if len(new):
            coordinates[new] = _placed(search.nearest(vectors[new]), fitted)
        tell(_FITTED + (100 - _FITTED) * block.stop // len(vectors), 100)
    settings = {**fitted.settings, "fitted_rows": len(sample)}
    return replace(fitted, coordinates=coordinates, settings=settings)


def _placed(graph: Neighbours, fitted: Projection) -> FloatArray:
    if fitted.method != "umap":
        return mean_of_nearest(graph, fitted.coordinates)
    return place_by_umap(
        graph,
        fitted.coordinates,
        min_dist=fitted.settings["min_dist"],
        seed=fitted.settings["seed"],
    )
