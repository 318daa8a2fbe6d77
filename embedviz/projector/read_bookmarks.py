"""The map that a bundle brings along in its bookmarks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
import orjson

from embedviz.data import FloatArray, Projection
from embedviz.errors import BundleError

_LARGEST_BYTES = 1 << 30
_METHODS = ("umap", "tsne", "pca")
_OURS = re.compile(r"(PCA|UMAP|t-SNE) in [23]-D, computed by embedviz\b")


def read_projection(stream: IO[bytes], size: int, points: int, where: str) -> Projection | None:
    """Give the first map of N points in 2 or 3 dimensions that a file of bookmarks holds.

    Returns
    -------
    Projection or None
        UMAP, t-SNE or PCA: what the view shows, else what else it has a place for every point
        for. None where no view has, as one of filtered points.

    Raises
    ------
    BundleError
        If it is no file of bookmarks.
    """
    if size > _LARGEST_BYTES:
        raise BundleError(f"{where} is {size:,} bytes long, more than bookmarks can be.")
    try:
        states = orjson.loads(stream.read())
    except orjson.JSONDecodeError as problem:
        raise BundleError(f"{where} is no JSON ({problem}); leave it out or repair it.") from None
    for state in states if isinstance(states, list) else []:
        if isinstance(state, dict) and (found := _projection(state, points)) is not None:
            return found
    return None


def _projection(state: dict[str, Any], points: int) -> Projection | None:
    places = state.get("projections")
    if not isinstance(places, list) or len(places) != points:
        return None
    shown = state.get("selectedProjection")
    for method in sorted(_METHODS, key=lambda method: method != shown):
        axes = _axes(state, method)
        coordinates = _coordinates(places, [f"{method}-{axis}" for axis in axes])
        if coordinates is not None:
            return Projection(_method(state, method), coordinates, _settings(method, axes))
    return None


def _axes(state: dict[str, Any], method: str) -> list[int]:
    """Give the axes, counted from 0, that a view shows of a method."""
    if method != "pca":
        in_3d = state.get("umapIs3d" if method == "umap" else "tSNEis3d")
        return [0, 1, 2] if in_3d else [0, 1]
    listed = state.get("pcaComponentDimensions")
    axes = listed if isinstance(listed, list) else []
    plain = all(isinstance(axis, int) and 0 <= axis < 10 for axis in axes)
    return axes if plain and len(axes) in (2, 3) and len(set(axes)) == len(axes) else [0, 1, 2]


def _coordinates(places: Sequence[object], keys: Sequence[str]) -> FloatArray | None:
    try:
        found = np.array([[place[key] for key in keys] for place in places], np.float32)  # type: ignore[index]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return found if np.isfinite(found).all() else None


def _method(state: dict[str, Any], method: str) -> str:
    # embedviz keeps a t-SNE under UMAP, because the projector would start it over.
    label = state.get("label")
    ours = _OURS.match(label) if isinstance(label, str) else None
    names = {"PCA": "pca", "UMAP": "umap", "t-SNE": "tsne"}
    return names[ours[1]] if ours and method == state.get("selectedProjection") else method


def _settings(method: str, axes: Sequence[int]) -> dict[str, Any]:
    first = list(range(len(axes)))
    return {"axes": [axis + 1 for axis in axes]} if method == "pca" and axes != first else {}
