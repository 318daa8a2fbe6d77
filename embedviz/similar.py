"""The rows nearest to one row, by cosine, quickly: a map asks at every step of the keyboard.

Distances are those of `neighbours.nearest`: duplicates are at exactly 0, and a vector without
direction (all zeros, as from digital silence) is at 0 from its like and 1 from all others.
"""

from __future__ import annotations

import weakref

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.errors import ProjectionError
from embedviz.neighbours import IndexArray

LengthArray = npt.NDArray[np.float64]

# A row's distances need the lengths of all vectors, which are read once. They are kept as long as
# the vectors themselves are held by somebody; unit vectors would be a second copy of the set.
_LENGTHS: dict[int, LengthArray] = {}
# Below this a distance is rounding of float32 input, as in `neighbours`.
_ROUNDING = 5e-13
# Numbers turned into float64 at a time: they stay in the processor's cache.
_BLOCK_VALUES = 1 << 18


def nearest(vectors: FloatArray, row: int, *, k: int) -> tuple[IndexArray, FloatArray]:
    """Give the k rows nearest to `row`, without itself, and their cosine distances.

    Of `vectors` (N, D), which must not be changed afterwards, two arrays (min(k, N - 1),), nearest
    first and equally near ones by row number.

    Raises
    ------
    ProjectionError
        There is no such row, or vectors hold NaN or infinity.
    """
    distances = _distances(vectors, row)
    # Its duplicates stay, wherever they would be in the order.
    distances[row] = np.inf
    rows = _first(distances, min(k, len(vectors) - 1))
    return rows, distances[rows]


def most_similar(vectors: FloatArray, row: int, *, k: int) -> IndexArray:
    """Give k rows: `row` itself, then those nearest to it; raises as `nearest` does."""
    distances = _distances(vectors, row)
    distances[row] = -1
    return _first(distances, min(k, len(vectors)))


def within(vectors: FloatArray, row: int, *, distance: float) -> IndexArray:
    """Give all rows at most at a cosine distance from `row`, as `most_similar` orders them."""
    distances = _distances(vectors, row)
    distances[row] = -1
    rows = np.flatnonzero(distances <= distance)
    return _ordered(rows, distances)


def _first(distances: FloatArray, k: int) -> IndexArray:
    """Give the k rows of the smallest distances (N,), ties by row number."""
    if k < 1:
        return np.empty(0, np.int32)
    last = np.partition(distances, k - 1)[k - 1]
    rows = np.flatnonzero(distances <= last)
    return _ordered(rows, distances)[:k]


def _ordered(rows: npt.NDArray[np.intp], distances: FloatArray) -> IndexArray:
    return rows[np.argsort(distances[rows], kind="stable")].astype(np.int32)


def _distances(vectors: FloatArray, row: int) -> FloatArray:
    """Give the cosine distance (N,) of every row from one; the products are in float64."""
    if not 0 <= row < len(vectors):
        raise ProjectionError(f"Row {row} was asked for; the set has rows 0 to {len(vectors) - 1}.")
    lengths = _lengths(vectors)
    if lengths[row] == 0:
        return np.where(lengths == 0, 0, 1).astype(np.float32)
    query = vectors[row].astype(np.float64) / lengths[row]
    along = np.empty(len(vectors))
    size = _block_rows(vectors)
    block = np.empty((size, vectors.shape[1]))
    for first in range(0, len(vectors), size):
        part = block[: len(vectors) - first]
        part[:] = vectors[first : first + size]
        np.dot(part, query, out=along[first : first + size])
    along /= np.where(lengths == 0, 1, lengths)
    distances = np.maximum(1 - along, 0)
    distances[distances < _ROUNDING] = 0
    # In float32, so that rows that are equally near but for rounding are ordered by number.
    return distances.astype(np.float32)


def _lengths(vectors: FloatArray) -> LengthArray:
    """Give the Euclidean length (N,) of every vector, from memory where they were asked before."""
    known = _LENGTHS.get(id(vectors))
    if known is not None:
        return known
    lengths = np.empty(len(vectors))
    size = _block_rows(vectors)
    for first in range(0, len(vectors), size):
        # The squares of extreme values leave float32.
        part = vectors[first : first + size].astype(np.float64)
        lengths[first : first + size] = np.sqrt(np.einsum("ij,ij->i", part, part))
    broken = int(np.count_nonzero(~np.isfinite(lengths)))
    if broken:
        raise ProjectionError(
            f"{broken} of {len(vectors)} vectors hold NaN or infinity; leave those rows out."
        )
    _LENGTHS[id(vectors)] = lengths
    # Another array may get the same id later.
    weakref.finalize(vectors, _LENGTHS.pop, id(vectors), None)
    return lengths


def _block_rows(vectors: FloatArray) -> int:
    return max(1, _BLOCK_VALUES // max(1, int(vectors.shape[1])))
