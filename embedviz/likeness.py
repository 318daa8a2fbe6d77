"""The rows of a set that are most like any of some new vectors, by cosine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray

_BLOCK_ROWS = 8192


@dataclass(frozen=True)
class Nearest:
    """The rows of a set that are most like what was asked, nearest first; each array (k,)."""

    rows: npt.NDArray[np.int64]
    distances: FloatArray
    """By cosine, from the asked vector that is most like the row."""
    windows: npt.NDArray[np.int64]
    """The number of that vector."""


def most_like(vectors: FloatArray, asked: FloatArray, k: int) -> Nearest:
    """Find the rows (N, D) nearest to any of the windows (M, D) of a clip."""
    directions = _directions(asked)
    distances = np.empty(len(vectors), np.float32)
    windows = np.empty(len(vectors), np.int64)
    for first in range(0, len(vectors), _BLOCK_ROWS):
        block = slice(first, first + _BLOCK_ROWS)
        closeness = _directions(vectors[block]) @ directions.T
        windows[block] = closeness.argmax(axis=1)
        distances[block] = 1 - closeness.max(axis=1)
    rows = np.argsort(distances, kind="stable")[:k]
    return Nearest(rows, np.maximum(distances[rows], 0), windows[rows])


def _directions(vectors: FloatArray) -> npt.NDArray[np.float64]:
    """Give unit vectors; those without direction get one of their own, as in `neighbours`."""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    silent = lengths == 0
    return np.hstack([wide / np.where(silent, 1, lengths), silent])
