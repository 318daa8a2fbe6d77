"""The projector's rules for saved views."""

from __future__ import annotations

import math
from typing import IO, Any

import orjson

from embedviz.projector.check_tensors import Shape
from embedviz.projector.findings import Notes

_LARGEST_BYTES = 512 << 20
_PREFIXES = {"umap": "umap", "tsne": "tsne", "pca": "pca", "custom": "linear"}
_FIELDS = (
    "label",
    "isSelected",
    "selectedProjection",
    "dataSetDimensions",
    "projections",
    "pcaComponentDimensions",
    "tSNEPerplexity",
    "tSNELearningRate",
    "tSNEIteration",
    "tSNEis3d",
    "umapIs3d",
    "umapNeighbors",
    "umapMinDist",
    "selectedPoints",
)


def check_bookmarks(
    stream: IO[bytes], size: int, shape: Shape | None, where: str, notes: Notes
) -> None:
    """Judge the saved views that a bundle brings along, against the shape of its vectors."""
    if size > _LARGEST_BYTES:
        notes.error(where, f"It is {size:,} bytes long, more than a browser can take in.")
        return
    try:
        states = orjson.loads(stream.read())
    except orjson.JSONDecodeError as problem:
        notes.error(where, f"It is no JSON ({problem}); no bookmark would appear.")
        return
    if not isinstance(states, list) or not all(isinstance(state, dict) for state in states):
        notes.error(where, "It is no list of states; put the state between [ and ].")
        return
    for state in states:
        _check_state(state, f"The bookmark {state.get('label', '')!r}", where, notes)
        if shape is not None:
            _check_lengths(state, shape, f"The bookmark {state.get('label', '')!r}", where, notes)


def _check_state(state: dict[str, Any], said: str, where: str, notes: Notes) -> None:
    missing = [field for field in _FIELDS if field not in state]
    if missing:
        notes.error(
            where, f"{said} lacks {', '.join(missing)}; the projector fails when it is chosen."
        )
    selected = str(state.get("selectedProjection"))
    points = _list(state, "projections")
    if selected not in _PREFIXES:
        notes.error(where, f"{said} selects no projection of pca, umap, tsne or custom.")
    elif not all(_has_place(point, _PREFIXES[selected]) for point in points):
        notes.error(
            where,
            f"{said} lacks finite {_PREFIXES[selected]}- coordinates for some points; they would "
            "vanish.",
        )
    elif not all(_has_place(point, "pca") for point in points):
        notes.warning(
            where,
            f"{said} has no pca- coordinates; once it is chosen, the PCA tab stays empty until the "
            "page is loaded again.",
        )
    if selected == "tsne":
        notes.warning(
            where, f"{said} is a t-SNE, which the projector starts over; store it as umap instead."
        )


def _check_lengths(
    state: dict[str, Any], shape: Shape, said: str, where: str, notes: Notes
) -> None:
    if state.get("dataSetDimensions") != [shape.rows, shape.dims]:
        notes.error(
            where,
            f"{said} is for dataSetDimensions {state.get('dataSetDimensions')}, but the vectors "
            f"are [{shape.rows}, {shape.dims}]; the projector refuses it.",
        )
    places = len(_list(state, "projections"))
    # A view of filtered points holds those alone.
    if places != shape.rows and not _list(state, "filteredPoints"):
        notes.error(
            where, f"{said} has {places:,} projections for {shape.rows:,} points; give one a point."
        )
    order = len(_list(state, "shuffledDataIndices"))
    if order not in (0, places):
        notes.error(
            where,
            f"{said} has {order:,} shuffledDataIndices for {places:,} points; list every index.",
        )


def _list(state: dict[str, Any], field: str) -> list[Any]:
    value = state.get(field)
    return value if isinstance(value, list) else []


def _has_place(point: object, prefix: str) -> bool:
    if not isinstance(point, dict):
        return False
    places = [value for key, value in point.items() if key.startswith(f"{prefix}-")]
    return len(places) >= 2 and all(
        isinstance(value, int | float) and math.isfinite(value) for value in places
    )
