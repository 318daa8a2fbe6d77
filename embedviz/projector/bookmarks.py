"""A set's own projection as a bookmark: the way past the sampling of the projector's UMAP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import orjson

from embedviz.data import FloatArray, Projection

_COMPONENTS = 10
"""What the projector's PCA tab offers."""
_SPHERE_DIMS = 50
"""From here on the projector shows vectors centred and of length one."""
_SAMPLE_ROWS = 10_000
_COLOUR_OFF = "No color map"  # the projector's own words


def write_bookmarks(
    stream: IO[bytes],
    vectors: FloatArray,
    projection: Projection,
    *,
    label: str,
    colour: str | None,
) -> None:
    """Write `bookmarks.json`: one view that shows a projection of all N points as it is.

    Parameters
    ----------
    stream
        Where to; points are written in blocks.
    vectors
        (N, D).
    projection
        N points in 2 or 3 dimensions. PCA stays PCA, everything else is shown as UMAP: restoring
        a t-SNE would start the projector's own optimiser over.
    label
        The column to label points by.
    colour
        The column to colour points by, if any.
    """
    shown = "pca" if projection.method == "pca" else "umap"
    state = _state(vectors.shape, projection, shown, label, colour)
    # The points come last, one block after the other.
    stream.write(b"[" + orjson.dumps(state)[:-1] + b',"projections":[')
    for number, block in enumerate(_places(vectors, projection, shown)):
        stream.write(b"," if number else b"")
        stream.write(orjson.dumps(block)[1:-1])
    stream.write(b"]}]")


def _state(
    shape: tuple[int, ...], projection: Projection, shown: str, label: str, colour: str | None
) -> dict[str, Any]:
    """Give every field that the projector reads without asking, but the points."""
    state: dict[str, Any] = {
        "label": _label(projection),
        "isSelected": False,
        "selectedProjection": shown,
        "dataSetDimensions": list(shape),
        "tSNEIteration": 0,
        "tSNEPerplexity": 30,
        "tSNELearningRate": 1,  # the slider's exponent: 1 means 10
        "tSNEis3d": projection.dims == 3,
        "umapIs3d": projection.dims == 3,
        "umapNeighbors": 15,
        "umapMinDist": 0.1,
        "pcaComponentDimensions": list(range(projection.dims)),
        "filteredPoints": None,
        "selectedPoints": [],
        "shuffledDataIndices": list(range(shape[0])),
        "cameraDef": None,
        "selectedColorOptionName": colour or _COLOUR_OFF,
        "forceCategoricalColoring": False,
        "selectedLabelOption": label,
        "customSelectedSearchByMetadataOption": label,
    }
    for side in ("XLeft", "XRight", "YUp", "YDown"):
        state |= {f"custom{side}Text": "", f"custom{side}Regex": False}
    return state


def _places(
    vectors: FloatArray, projection: Projection, shown: str
) -> Iterator[list[dict[str, float]]]:
    # A bookmark wipes what the projector computed for a point but not its memory of having done
    # so: without components of its own, the PCA tab would stay empty after this one was chosen.
    components = _principal_components(vectors)
    columns = {f"pca-{axis}": components[:, axis] for axis in range(components.shape[1])}
    columns |= {
        f"{shown}-{axis}": projection.coordinates[:, axis] for axis in range(projection.dims)
    }
    points = np.stack(list(columns.values()), axis=1).astype(np.float32)
    for first in range(0, len(points), _SAMPLE_ROWS):
        block = points[first : first + _SAMPLE_ROWS].tolist()
        yield [dict(zip(columns, point, strict=True)) for point in block]


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
    fitted = projection.settings.get("fitted_rows")
    of = "for all points" if fitted is None else f"from a sample of {fitted:,} points"
    label = f"{name} in {projection.dims}-D, computed by embedviz {of}"
    if projection.method in ("pca", "umap"):
        return label
    return f"{label} (kept under UMAP, because the projector would start a t-SNE over)"
