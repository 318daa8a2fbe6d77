"""How far maps of the same rows agree when only the seed is another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from embedviz.data import EmbeddingSet, FloatArray, Projection, Provenance
from embedviz.evaluation.ranks import near_on_map
from embedviz.neighbours import METRICS, Progress

SEEDS = 5
MOST_ROWS = 1000
"""Rows of which maps are made; of more so many are drawn, so that five maps take seconds."""

_NUMBERS = {"n_neighbors": (2, np.inf), "min_dist": (0, 1), "perplexity": (1, np.inf)}
"""Settings that are numbers -> the least and the most that `project` takes."""


@dataclass(frozen=True)
class Stability:
    """How far maps of several seeds agree."""

    share: float
    """Of a row's k neighbours on one map that are its neighbours on another; NaN where maps of
    this method cannot be made again."""
    seeds: int
    rows: int
    """Of which the maps were made."""


def stability(
    vectors: FloatArray,
    projection: Projection | None = None,
    *,
    seeds: int = SEEDS,
    k: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> Stability:
    """Make maps with the settings of one and other seeds, and compare who is beside whom.

    Parameters
    ----------
    vectors
        (N, D); the maps share one graph of neighbours, so that only the layout is repeated.
    projection
        The map whose settings are used; None for a UMAP with its defaults.
    seeds
        How many maps; fewer than 2 measure nothing.
    progress
        Called with (done, 100 x seeds); raising from it stops the work.
    """
    method = "umap" if projection is None else projection.method
    if seeds < 2 or method not in ("umap", "tsne", "pca"):
        return Stability(float("nan"), min(seeds, 1), 0)
    rows = np.random.default_rng(seed).permutation(len(vectors))[:MOST_ROWS]
    drawn = vectors[np.sort(rows)]
    near = []
    for number in range(seeds):
        coordinates = mapped(drawn, projection, seed + number, _later(progress, number, seeds))
        near.append(near_on_map(coordinates.coordinates, k))
        if method == "pca":
            # Its axes are those of the vectors: another seed gives the same map.
            return Stability(1.0, seeds, len(drawn))
    shares = [_in_common(a, b) for a, b in combinations(near, 2)]
    return Stability(float(np.mean(shares)), seeds, len(drawn))


def mapped(
    vectors: FloatArray, like: Projection | None, seed: int, progress: Progress | None = None
) -> Projection:
    """Make a map of vectors (N, D) with the settings of another, or with defaults."""
    from embedviz.project import PCA_AXES, project

    method = "umap" if like is None else like.method
    settings = {} if like is None else _usable(like, min(PCA_AXES, *vectors.shape))
    return project(_bare(vectors), method, seed=seed, progress=progress, **settings)


def _usable(like: Projection, most_axes: int) -> dict[str, Any]:
    """Give the settings that `project` takes: a map from elsewhere may have any."""
    given = like.settings
    found: dict[str, Any] = {"dims": like.dims}
    if given.get("metric") in METRICS:
        found["metric"] = given["metric"]
    for name, (least, most) in _NUMBERS.items():
        value = given.get(name)
        kind = int if name == "n_neighbors" else int | float
        if isinstance(value, kind) and least <= value <= most:
            found[name] = value
    if like.method == "pca" and _are_axes(given.get("axes"), like.dims, most_axes):
        found["axes"] = given["axes"]
    return found


def _are_axes(given: object, dims: int, most: int) -> bool:
    if not isinstance(given, list | tuple) or len(given) != dims:
        return False
    return len({axis for axis in given if isinstance(axis, int) and 1 <= axis <= most}) == dims


def _in_common(a: npt.NDArray[np.intp], b: npt.NDArray[np.intp]) -> float:
    return float((a[:, :, np.newaxis] == b[:, np.newaxis]).any(axis=2).mean())


def _bare(vectors: FloatArray) -> EmbeddingSet:
    """Give a set that holds vectors and says nothing of them, as `project` takes one."""
    rows = len(vectors)
    table = pd.DataFrame({"recording": [""] * rows, "start_s": 0.0, "stop_s": 0.0})
    provenance = Provenance(
        model="", variant="", weights={}, verified=False, rate_hz=1, window_s=0.0, hop_s=0.0,
        per="window", precision="", version="",
    )  # fmt: skip
    return EmbeddingSet(table, vectors, provenance)


def _later(progress: Progress | None, number: int, seeds: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, total: progress(100 * number + 100 * done // max(total, 1), 100 * seeds)
