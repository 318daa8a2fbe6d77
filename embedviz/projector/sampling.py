"""Fewer rows of a set, chosen so that every label keeps its share; the same ones every time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from embedviz.data import EmbeddingSet

IntArray = npt.NDArray[np.int64]


def sampled(embedding_set: EmbeddingSet, count: int, *, label: str | None = None) -> EmbeddingSet:
    """Give `count` rows of a set in their order, stratified by a column.

    Parameters
    ----------
    embedding_set
        N rows; given back as it is where N is not above `count`.
    count
        How many rows to keep.
    label
        The column whose values keep their shares; None for `stratum_of`.
    """
    if len(embedding_set) <= count:
        return embedding_set
    by = label or stratum_of(embedding_set)
    values = embedding_set.table[by] if by else np.zeros(len(embedding_set))
    rows = drawn_by(values, count)
    pictures, projection = embedding_set.thumbnails, embedding_set.projection
    if projection is not None:
        projection = replace(projection, coordinates=projection.coordinates[rows])
    return replace(
        embedding_set,
        table=embedding_set.table.iloc[rows].reset_index(drop=True),
        vectors=embedding_set.vectors[rows],
        thumbnails=None if pictures is None else pictures[rows],
        projection=projection,
    )


def stratum_of(embedding_set: EmbeddingSet) -> str | None:
    """Give the column that samples keep the shares of: `label`, or the first of the labels."""
    return stratum_among(embedding_set.label_columns)


def stratum_among(labels: Sequence[str]) -> str | None:
    """Give that column's name among those of the label columns."""
    return "label" if "label" in labels else next(iter(labels), None)


def drawn_by(values: pd.Series | npt.NDArray[Any], count: int, *, seed: int = 0) -> IntArray:
    """Give at most `count` of N row numbers in rising order; equal values (N,) keep their share."""
    codes = pd.factorize(values, use_na_sentinel=False)[0].astype(np.int64)
    return stratified(codes, min(count, len(codes)), seed=seed)


def stratified(classes: IntArray, count: int, *, seed: int = 0) -> IntArray:
    """Give `count` of N row numbers in rising order.

    Parameters
    ----------
    classes
        (N,) the class of each row, 0 to C - 1, each of at least one row.
    count
        At most N. Each class gets one row where there are enough, then its share of the rest;
        within a class, one row is drawn from each of as many stretches of equal length.
    seed
        Draws other rows.
    """
    sizes = np.bincount(classes)
    shares = _shares(sizes, count)
    rng = np.random.default_rng(seed)
    # Rows of one class side by side, each class in the order of the set.
    grouped = np.argsort(classes, kind="stable")
    ends = np.cumsum(sizes)
    chosen = []
    for first, size, share in zip(ends - sizes, sizes, shares, strict=True):
        edges = np.arange(share + 1) * size // max(share, 1)
        # Not every n-th row: windows come in step with their recordings.
        chosen.append(first + rng.integers(edges[:-1], edges[1:]))
    rows: IntArray = np.sort(grouped[np.concatenate(chosen)])
    return rows


def _shares(sizes: IntArray, count: int) -> IntArray:
    """Give how many rows of each class to take, by the largest remainder; `count` in all."""
    least = np.minimum(sizes, int(count >= len(sizes)))
    wanted = (sizes - least) * ((count - least.sum()) / max((sizes - least).sum(), 1))
    shares = np.floor(wanted).astype(np.int64)
    left = int(count - least.sum() - shares.sum())
    fullest = np.argsort(shares - wanted, kind="stable")
    shares[fullest[:left]] += 1
    total: IntArray = least + shares
    return total
