"""Principal axes of vectors: found at once, or block by block where the vectors are many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from embedviz import large
from embedviz.data import FloatArray

# PCA is exact for so many rows or so wide vectors; beyond both it would take minutes.
EXACT_ROWS, EXACT_WIDTH = 500, 2048

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PrincipalAxes:
    """Some of the principal axes of N vectors of width D, and the vectors on them."""

    coordinates: FloatArray
    """(N, axes); axes that the vectors lack are zero."""
    shares: tuple[float, ...]
    """(axes,) of the variance of the vectors."""
    centre: FloatArray
    """(D,)"""
    directions: FloatArray
    """(axes, D) of length 1, or 0 for those that the vectors lack."""
    fitted_rows: int
    """How many of the N vectors the axes were found of."""

    def place(self, vectors: FloatArray) -> FloatArray:
        """Give the coordinates (M, axes) of other vectors (M, D) on the same axes."""
        centred = vectors.astype(np.float64) - self.centre
        return (centred @ self.directions.T.astype(np.float64)).astype(np.float32)


def principal_axes(
    vectors: FloatArray, axes: Sequence[int], seed: int, progress: Progress | None = None
) -> PrincipalAxes:
    """Find principal axes, counted from 1, of vectors (N, D); the same ones each time.

    Of more than `large.LARGE_ROWS` vectors they are exact too, in constant memory, as long as
    the covariance is small enough; of wider ones they are those of a sample.

    Parameters
    ----------
    progress
        Called with (steps done, steps) where the vectors are many; raising from it ends the work.
    """
    rows, width = vectors.shape
    if not large.is_large(rows):
        return _at_once(vectors, axes, seed)
    tell = progress or (lambda done, total: None)
    if width <= EXACT_WIDTH:
        found = _of_covariance(vectors, axes, tell)
    else:
        sample = large.drawn_evenly(rows, large.FIT_ROWS["pca"], seed)
        found = _at_once(vectors[sample], axes, seed)
    coordinates = np.empty((rows, len(axes)), np.float32)
    for block in large.blocks(vectors.shape):
        coordinates[block] = found.place(vectors[block])
        tell(2 * rows + block.stop, 3 * rows)
    return PrincipalAxes(
        coordinates, found.shares, found.centre, found.directions, found.fitted_rows
    )


def solver(rows: int, width: int) -> str:
    """Choose the exact PCA that suits the shape, or the randomised one."""
    if rows <= EXACT_ROWS:
        return "full"
    return "covariance_eigh" if width <= EXACT_WIDTH else "randomized"


def _at_once(vectors: FloatArray, axes: Sequence[int], seed: int) -> PrincipalAxes:
    from sklearn.decomposition import PCA

    rows, width = vectors.shape
    count = max(axes)
    coordinates, directions = np.zeros((rows, count), np.float32), np.zeros((count, width))
    shares = np.zeros(count)
    centre = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = vectors - centre
    largest = np.abs(centred).max()
    if largest > 0:
        found = min(count, rows, width)
        pca = PCA(found, svd_solver=solver(rows, width), random_state=seed)
        # Scaled because the squares of very large and small values leave float32.
        coordinates[:, :found] = pca.fit_transform(centred / largest) * largest
        shares[:found] = pca.explained_variance_ratio_
        directions[:found] = pca.components_
    kept = np.array(axes) - 1
    return PrincipalAxes(
        np.ascontiguousarray(coordinates[:, kept]),
        tuple(shares[kept].tolist()),
        centre,
        directions[kept].astype(np.float32),
        rows,
    )


def _of_covariance(vectors: FloatArray, axes: Sequence[int], tell: Progress) -> PrincipalAxes:
    """Find the axes from sums over blocks; the coordinates are left out."""
    from scipy.linalg import eigh

    rows, width = vectors.shape
    total, low, high = np.zeros(width), np.full(width, np.inf), np.full(width, -np.inf)
    for block in large.blocks(vectors.shape):
        total += vectors[block].sum(axis=0, dtype=np.float64)
        low = np.minimum(low, vectors[block].min(axis=0))
        high = np.maximum(high, vectors[block].max(axis=0))
        tell(block.stop, 3 * rows)
    centre = (total / rows).astype(np.float32)
    # Scaled because the squares of very large and small values leave float32.
    largest = np.float32(max((high - centre).max(), (centre - low).max()))
    shares, directions = np.zeros(max(axes)), np.zeros((max(axes), width))
    if largest > 0:
        covariance = np.zeros((width, width))
        for block in large.blocks(vectors.shape):
            scaled = (vectors[block] - centre) / largest
            covariance += scaled.T @ scaled
            tell(rows + block.stop, 3 * rows)
        found = min(max(axes), width)
        sizes, columns = eigh(covariance, subset_by_index=(width - found, width - 1))
        shares[:found] = np.maximum(sizes[::-1], 0) / np.trace(covariance)
        directions[:found] = _turned(columns.T[::-1])
    kept = np.array(axes) - 1
    return PrincipalAxes(
        np.zeros((0, len(axes)), np.float32),
        tuple(shares[kept].tolist()),
        centre,
        directions[kept].astype(np.float32),
        rows,
    )


def _turned(directions: FloatArray) -> FloatArray:
    """Make the largest loading of each axis positive, as scikit-learn does."""
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return directions * np.sign(largest)
