"""A set's own projection as a bookmark: the way past the sampling of the projector's UMAP."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pandas as pd

from embedviz.data import FloatArray, Projection
from embedviz.projector.metadata import MOST_COLOURED_VALUES, is_numeric

_COMPONENTS = 10
"""What the projector's PCA tab offers."""
_SPHERE_DIMS = 50
"""From here on the projector shows vectors centred and of length one."""
_SAMPLE_ROWS = 10_000
_COLOUR_OFF = "No color map"  # the projector's own words


def bookmarks_json(vectors: FloatArray, projection: Projection, metadata: pd.DataFrame) -> bytes:
    """Give `bookmarks.json`: one view that shows a projection of all N points as it is.

    Parameters
    ----------
    vectors
        (N, D).
    projection
        N points in 2 or 3 dimensions. PCA stays PCA, everything else is shown as UMAP: restoring
        a t-SNE would start the projector's own optimiser over.
    metadata
        The table of `metadata_table`, which says what to label and colour by.

    Returns
    -------
    bytes
        A JSON list of one state with every field that the projector reads without asking.
    """
    rows, dims = vectors.shape
    shown = "pca" if projection.method == "pca" else "umap"
    label_by, colour_by = _label_and_colour(metadata)
    state: dict[str, Any] = {
        "label": _label(projection),
        "isSelected": False,
        "selectedProjection": shown,
        "dataSetDimensions": [rows, dims],
        "tSNEIteration": 0,
        "tSNEPerplexity": 30,
        "tSNELearningRate": 1,  # the slider's exponent: 1 means 10
        "tSNEis3d": projection.dims == 3,
        "umapIs3d": projection.dims == 3,
        "umapNeighbors": 15,
        "umapMinDist": 0.1,
        "pcaComponentDimensions": list(range(projection.dims)),
        "projections": _places(vectors, projection, shown),
        "filteredPoints": None,
        "selectedPoints": [],
        "shuffledDataIndices": list(range(rows)),
        "cameraDef": None,
        "selectedColorOptionName": colour_by,
        "forceCategoricalColoring": False,
        "selectedLabelOption": label_by,
        "customSelectedSearchByMetadataOption": label_by,
    }
    for side in ("XLeft", "XRight", "YUp", "YDown"):
        state |= {f"custom{side}Text": "", f"custom{side}Regex": False}
    return orjson.dumps([state])


def _places(vectors: FloatArray, projection: Projection, shown: str) -> list[dict[str, float]]:
    # A bookmark wipes what the projector computed for a point but not its memory of having done
    # so: without components of its own, the PCA tab would stay empty after this one was chosen.
    components = _principal_components(vectors)
    columns = {f"pca-{axis}": components[:, axis] for axis in range(components.shape[1])}
    columns |= {
        f"{shown}-{axis}": projection.coordinates[:, axis] for axis in range(projection.dims)
    }
    points = np.stack(list(columns.values()), axis=1).astype(np.float32).tolist()
    return [dict(zip(columns, point, strict=True)) for point in points]


def _principal_components(vectors: FloatArray) -> FloatArray:
    """Give (N, up to 10) coordinates of the vectors as the projector would prepare them.

    Subspace iteration on a sample finds the axes in a second, whatever the number of dimensions.
    """
    count = min(_COMPONENTS, *vectors.shape)
    step = -(-len(vectors) // _SAMPLE_ROWS)
    mean = vectors.mean(axis=0)
    sample = _prepared(vectors[::step], mean)
    start = np.random.default_rng(0).standard_normal((vectors.shape[1], count + 8))
    basis = np.linalg.qr(start.astype(np.float32))[0]
    for _ in range(6):
        basis = np.linalg.qr(sample.T @ (sample @ basis))[0]
    turn = np.linalg.svd(sample @ basis, full_matrices=False)[2]
    axes = basis @ turn[:count].T
    blocks = range(0, len(vectors), _SAMPLE_ROWS)
    return np.concatenate([_prepared(vectors[i : i + _SAMPLE_ROWS], mean) @ axes for i in blocks])


def _prepared(vectors: FloatArray, mean: FloatArray) -> FloatArray:
    centred = vectors - mean
    if vectors.shape[1] >= _SPHERE_DIMS:
        centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    return centred


def _label(projection: Projection) -> str:
    names = {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}
    name = names.get(projection.method, projection.method)
    label = f"{name} in {projection.dims}-D, computed by embedviz for all points"
    if projection.method in ("pca", "umap"):
        return label
    return f"{label} (kept under UMAP, because the projector would start a t-SNE over)"


def _label_and_colour(metadata: pd.DataFrame) -> tuple[str, str]:
    text = [str(name) for name in metadata if not is_numeric(metadata[name])]
    few = [name for name in text if metadata[name].nunique() <= MOST_COLOURED_VALUES]
    return (text or [str(metadata.columns[0])])[0], (few or [_COLOUR_OFF])[0]
