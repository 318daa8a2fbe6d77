"""Rows of a recording pooled into one: by their mean, their largest values, or mean and spread."""

from __future__ import annotations

import numpy as np

from embedviz.data import FloatArray
from embedviz.errors import EvaluationError
from embedviz.evaluation.results import IntArray

POOLINGS = ("window", "mean", "max", "mean+std")
"""`window` pools nothing: each row is a unit."""
_BLOCK_ROWS = 8192


def pooled(vectors: FloatArray, unit: IntArray, units: int, *, pooling: str = "mean") -> FloatArray:
    """Pool rows into units.

    Parameters
    ----------
    vectors
        (N, D); a memory-mapped array is read in blocks.
    unit
        (N,) the unit of each row, 0 to U - 1; -1 for a row that belongs to none.
    units
        U; each has at least one row.
    pooling
        One of `POOLINGS`; `window` takes the mean where a unit has several rows. Where each unit
        has a single row, that row is given whatever the pooling.

    Returns
    -------
    FloatArray
        (U, D), or (U, 2 D) for `mean+std`.

    Raises
    ------
    EvaluationError
        If a value is not finite or too large to be squared, or the pooling is not known.
    """
    if pooling not in POOLINGS:
        raise EvaluationError(f"The pooling {pooling!r} is not one of {', '.join(POOLINGS)}.")
    order = np.argsort(unit, kind="stable")
    order = order[np.searchsorted(unit[order], 0) :]
    starts = np.searchsorted(unit[order], np.arange(units + 1))
    single = len(order) == units
    width = vectors.shape[1] * (2 if pooling == "mean+std" and not single else 1)
    found = np.empty((units, width), np.float32)
    first, squares = 0, 0.0
    while first < units:
        # As many whole units as fit a block, and at least one.
        last = int(np.searchsorted(starts, starts[first] + _BLOCK_ROWS, side="right")) - 1
        last = min(max(last, first + 1), units)
        rows = np.asarray(vectors[order[starts[first] : starts[last]]], np.float32)
        if not np.isfinite(rows).all():
            raise EvaluationError("A vector holds NaN or infinity; embed the recordings anew.")
        block = rows if single else _pool(rows, starts[first : last + 1] - starts[first], pooling)
        found[first:last] = block
        squares += _squares(found[first:last])
        first = last
    if squares > np.finfo(np.float32).max:
        raise EvaluationError(
            f"The vectors hold values up to {np.abs(found).max():.2g}, whose squares cannot be "
            "added up in float32; make them smaller, or embed the recordings anew."
        )
    return found


def _squares(block: FloatArray) -> float:
    """Give the sum of all squares, as PCA forms it: infinite beyond what float32 can hold."""
    with np.errstate(over="ignore"):
        return float(np.vdot(block, block))


def _pool(rows: FloatArray, starts: IntArray, pooling: str) -> FloatArray:
    """Pool consecutive stretches of rows that begin at `starts`, the last being their end."""
    if pooling == "max":
        return np.asarray(np.maximum.reduceat(rows, starts[:-1], axis=0))
    held = np.diff(starts)
    mean = np.add.reduceat(rows, starts[:-1], axis=0, dtype=np.float64) / held[:, np.newaxis]
    if pooling != "mean+std":
        return mean.astype(np.float32)
    squares = np.square(rows - np.repeat(mean, held, axis=0))
    spread = np.sqrt(np.add.reduceat(squares, starts[:-1], axis=0) / held[:, np.newaxis])
    return np.hstack([mean, spread]).astype(np.float32)
