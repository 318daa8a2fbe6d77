"""Scores of predictions for many weightings of their groups at once, as a bootstrap needs them.

The definitions are scikit-learn's (`balanced_accuracy_score`, `f1_score(average="macro")`,
`roc_auc_score`, `average_precision_score`), which take one weighting a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.errors import EvaluationError
from embedviz.evaluation.folds import in_order
from embedviz.evaluation.results import METRICS, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

WideArray = npt.NDArray[np.float64]

OF_CLASSES = ("balanced_accuracy", "macro_f1")
"""Scores that are means over classes, however many units each has."""
OF_RANKS = ("roc_auc", "average_precision")
"""Scores of how high the rarer of two classes is ranked."""


@dataclass(frozen=True)
class Judged:
    """Predictions of tested units, U of them, beside the truth."""

    truth: IntArray
    """(U,) class numbers."""
    predicted: IntArray
    """(U,)"""
    group: IntArray
    """(U,) 0 to G - 1: what is drawn together."""
    positive: FloatArray | None = None
    """(U,) for two classes: how much a unit looks like the rarer one."""
    rarer: int = 1
    """The number of that class."""
    groups: int = field(init=False)
    classes: int = field(init=False)

    def __post_init__(self) -> None:
        """Count groups and classes."""
        object.__setattr__(self, "groups", int(self.group.max(initial=-1)) + 1)
        largest = max(self.truth.max(initial=-1), self.predicted.max(initial=-1))
        object.__setattr__(self, "classes", int(largest) + 1)

    @cached_property
    def counts(self) -> csr_matrix:
        """(G, 3 C): per group and class the units predicted rightly, that are, and predicted."""
        from scipy.sparse import csr_matrix

        right = self.truth == self.predicted
        rows = np.concatenate([self.group[right], self.group, self.group])
        columns = np.concatenate(
            [self.truth[right], self.classes + self.truth, 2 * self.classes + self.predicted]
        )
        shape = self.groups, 3 * self.classes
        return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)

    @cached_property
    def ranks(self) -> tuple[IntArray, npt.NDArray[np.intp]]:
        """The order of units from the highest score down, and where each new score begins."""
        if self.positive is None:
            raise EvaluationError("ROC AUC and average precision need the scores of two classes.")
        order = np.argsort(-self.positive, kind="stable")
        new = np.flatnonzero(np.diff(self.positive[order], prepend=np.inf))
        return order, new


def judged(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    scores: FloatArray | None,
    groups: npt.ArrayLike,
) -> Judged:
    """Put together what was tested; units with the prediction -1 are left out.

    Parameters
    ----------
    truth, predicted
        (U,) class numbers.
    scores
        (U, C) of each class; read for two classes only. None where nobody asks for ranks.
    groups
        (U,) of any type.
    """
    truth, predicted = np.asarray(truth, np.int64), np.asarray(predicted, np.int64)
    tested = np.flatnonzero(predicted >= 0)
    if not len(tested):
        raise EvaluationError("Nothing was tested, so there is nothing to score.")
    truth, predicted = truth[tested], predicted[tested]
    group = in_order(np.asarray(groups)[tested])
    if scores is None or scores.shape[1] != 2:
        return Judged(truth, predicted, group)
    rarer = rarer_class(np.bincount(truth, minlength=2).tolist())
    return Judged(truth, predicted, group, scores[tested, rarer], rarer)


def rarer_class(counts: Sequence[int]) -> int:
    """Give the class of fewer units (the second of two as large), which is the positive one.

    A common class has a high average precision by chance, and names come in any order.
    """
    return 0 if counts[0] < counts[1] else 1


def metrics_of(found: Judged) -> tuple[str, ...]:
    """Name the scores that these predictions have: the last two need both of two classes."""
    ranked = found.positive is not None and len(np.unique(found.truth)) == 2
    return tuple(name for name in METRICS if ranked or name not in OF_RANKS)


def values(found: Judged, metric: str, weights: WideArray) -> WideArray:
    """Give a score (B,) for weights (B, G) of the groups; NaN where it is not defined."""
    if metric in OF_RANKS:
        return _of_ranks(found, metric, weights)
    if metric not in METRICS:
        raise EvaluationError(f"The score {metric!r} is not one of {', '.join(METRICS)}.")
    if metric == "accuracy":
        right, are, _ = _counted(found, weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(right.sum(axis=1) / are.sum(axis=1))
    found_of_each = per_class(found, metric, weights)
    defined = np.isfinite(found_of_each)
    total = np.where(defined, found_of_each, 0).sum(axis=1)
    return np.asarray(total / np.maximum(defined.sum(axis=1), 1))


def per_class(found: Judged, metric: str, weights: WideArray) -> WideArray:
    """Give what a mean over classes is the mean of: recall or F1 (B, C), NaN where undefined."""
    right, are, said = _counted(found, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = right / are if metric == "balanced_accuracy" else 2 * right / (are + said)
    return np.asarray(share)


def _counted(found: Judged, weights: WideArray) -> list[WideArray]:
    """Give of each class (B, C) the units predicted rightly, that are, and predicted."""
    return np.split(np.asarray((found.counts.T @ weights.T).T), 3, axis=1)


def _of_ranks(found: Judged, metric: str, weights: WideArray) -> WideArray:
    """Sum over the distinct scores from the highest down; equal scores count as one step."""
    order, new = found.ranks
    drawn = weights[:, found.group[order]]
    positive = drawn * (found.truth[order] == found.rarer)
    ups = np.add.reduceat(positive, new, axis=1)
    downs = np.add.reduceat(drawn - positive, new, axis=1)
    hits, misses = np.cumsum(ups, axis=1), np.cumsum(downs, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        if metric == "roc_auc":
            won = (downs * (hits - ups / 2)).sum(axis=1)
            return np.asarray(won / (hits[:, -1] * misses[:, -1]))
        precision = np.where(hits + misses > 0, hits / (hits + misses), 0)
        return np.asarray((ups * precision).sum(axis=1) / hits[:, -1])
