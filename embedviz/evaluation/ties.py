"""How well a thing alone, without any vectors, tells the label."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedviz.evaluation.results import IntArray

_LEAVES = 2
"""Ranges of a number for each class."""


def told_by_value(codes: IntArray, truth: IntArray, fold: IntArray) -> float:
    """Give the balanced accuracy of saying, for each value, the class that it holds most of.

    Classes count by their share, so that a rare one is said where it is more common than elsewhere.
    """
    used = (fold >= 0) & (truth >= 0)
    said = np.full(len(truth), -1, np.int64)
    shape = int(codes.max(initial=0)) + 1, int(truth.max(initial=0)) + 1
    for number in np.unique(fold[used]):
        tested, learnt = used & (fold == number), used & (fold != number)
        counts = np.zeros(shape)
        np.add.at(counts, (codes[learnt], truth[learnt]), 1)
        shares = counts / np.maximum(counts.sum(axis=0), 1)
        met = shares[codes[tested]]
        said[tested] = np.where(met.any(axis=1), met.argmax(axis=1), -1)
    return _balanced(truth[used], said[used])


def told_by_number(values: npt.NDArray[np.float64], truth: IntArray, fold: IntArray) -> float:
    """Give the balanced accuracy of telling the class by ranges of a number."""
    from sklearn.tree import DecisionTreeClassifier

    used = (fold >= 0) & (truth >= 0)
    said = np.full(len(truth), -1, np.int64)
    leaves = _LEAVES * (int(truth.max(initial=0)) + 1)
    for number in np.unique(fold[used]):
        tested, learnt = used & (fold == number), used & (fold != number)
        least = max(1, int(learnt.sum()) // (10 * leaves))
        tree = DecisionTreeClassifier(
            max_leaf_nodes=leaves, min_samples_leaf=least, class_weight="balanced", random_state=0
        )
        tree.fit(values[learnt, np.newaxis], truth[learnt])
        said[tested] = tree.predict(values[tested, np.newaxis])
    return _balanced(truth[used], said[used])


def _balanced(truth: IntArray, said: IntArray) -> float:
    """Give the mean over classes of the share that was said rightly; NaN without any."""
    if not len(truth):
        return float("nan")
    counts = np.bincount(truth)
    right = np.bincount(truth[truth == said], minlength=len(counts))
    return float((right[counts > 0] / counts[counts > 0]).mean())
