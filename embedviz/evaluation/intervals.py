"""95 % intervals: a bootstrap over recordings or groups, careful at the ends of the scale.

Groups are drawn with replacement and the predictions scored again; nothing is fitted anew. What
the draws tell is the standard error. It becomes an interval by Wilson's score (1927) for so many
independent trials as have that error, as Korn and Graubard (1998) and Franco et al. (2019) do for
surveys of clusters. Percentiles of the draws would be simpler, but where all or nearly all
predictions are right they say [1, 1] however few recordings there are.

How much units of one group are alike is learned only from groups with a mistake. Where there are
few of those it is taken, with the weight of one such group, that a group is right or wrong as one.

A mean over classes is known as well as its rarest class. Each class has trials of its own, and the
interval is that of Price and Bonett (2004) for a sum of several proportions. What classes of the
same groups are right or wrong together is added.

Probes of different folds share training units, so their mistakes hang together and out-of-fold
scores vary more than such draws say (Bates, Hastie and Tibshirani 2023). `_overlap` makes up for
it. `benchmarks/evaluate.py` counts how often the intervals hold the truth.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.evaluation.draws import draws, of_new_groups, variance
from embedviz.evaluation.folds import groups_of_class, in_order
from embedviz.evaluation.results import Score
from embedviz.evaluation.scores import (
    OF_CLASSES,
    OF_RANKS,
    Judged,
    WideArray,
    judged,
    metrics_of,
    per_class,
    values,
)

_Z = 1.959963984540054
"""Of the normal distribution, for 95 %."""


def score_with_interval(
    metric: str,
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    scores: FloatArray | None,
    groups: npt.ArrayLike,
    *,
    seed: int = 0,
) -> Score:
    """Score predictions, with a 95 % interval over the groups.

    Parameters
    ----------
    metric
        A key of `METRICS`.
    truth, predicted
        (U,) class numbers; units with the prediction -1 are left out.
    scores
        (U, C) of each class, for `roc_auc` and `average_precision`; else None will do.
    groups
        (U,) the recording or group of each unit: what is drawn together.
    seed
        Of the draws. The same groups and seed give the same draws for every model.
    """
    found = judged(truth, predicted, scores, groups)
    return _scored(found, metric, seed)


def all_scores(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    scores: FloatArray | None,
    groups: npt.ArrayLike,
    *,
    seed: int = 0,
) -> dict[str, Score]:
    """Give every score that these predictions have; parameters as `score_with_interval`."""
    found = judged(truth, predicted, scores, groups)
    return {metric: _scored(found, metric, seed) for metric in metrics_of(found)}


def share_with_interval(
    right: npt.ArrayLike, groups: npt.ArrayLike, *, seed: int = 0, other_variance: float = 0.0
) -> Score:
    """Give the mean of how right units are (U,), 0 to 1, with its interval over the groups.

    `other_variance` is added to that of the groups, for example of drawn training recordings.
    """
    right, group = np.asarray(right, np.float64), in_order(groups)
    held, sums = np.bincount(group), np.bincount(group, right)
    error2 = variance(lambda drawn: (drawn @ sums) / (drawn @ held), len(held), seed)
    return _wilson(float(right.mean()), error2 + other_variance, **_known_of(held, sums))


def difference_with_interval(
    a_right: npt.ArrayLike, b_right: npt.ArrayLike, groups: npt.ArrayLike, *, seed: int = 0
) -> Score:
    """Give by how much the first of two is right more often on the same units, with its interval.

    As Agresti and Min (2005) do for pairs, half a group in favour of each is added, so that two
    models that agree everywhere on few recordings are not said to be equal for certain.

    Parameters
    ----------
    a_right, b_right
        (U,) how right each is, 0 to 1.
    groups, seed
        As `score_with_interval`.
    """
    a, b = np.asarray(a_right, np.float64), np.asarray(b_right, np.float64)
    apart = a - b
    group = in_order(groups)
    held, sums = np.bincount(group), np.bincount(group, apart)
    error2 = variance(lambda drawn: (drawn @ sums) / (drawn @ held), len(held), seed)
    count = float(held.sum() ** 2 / (held**2).sum())
    value = float(apart.mean())
    error2 *= _overlap(float(a.mean() + b.mean()) / 2)
    middle = value * count / (count + 2)
    half = _Z * float(np.sqrt(error2 * count**2 + 1)) / (count + 2)
    low, high = min(middle - half, value), max(middle + half, value)
    return Score(value, max(low, -1.0), min(high, 1.0))


def low_of_best(score: Score, compared: int) -> float:
    """Give the low end for the best of so many that are compared, as Bonferroni corrects it.

    By chance the best of many is likelier above a bound than one alone: each of m may be so in
    0.025 / m of all cases. The low end is moved as that would move it were scores normal.
    """
    further = NormalDist().inv_cdf(1 - 0.025 / max(compared, 1)) / _Z
    return max(0.0, score.value - (score.value - score.low) * further)


def _scored(found: Judged, metric: str, seed: int) -> Score:
    if metric in OF_CLASSES:
        return _over_classes(found, metric, seed)
    value = float(values(found, metric, np.ones((1, found.groups)))[0])
    right = np.bincount(found.group, found.truth == found.predicted)
    held = np.bincount(found.group)
    error2 = variance(
        lambda drawn: values(found, metric, drawn),
        found.groups,
        seed,
        units=len(found.truth) if metric in OF_RANKS else 0,
    )
    known = _known_of(held, right)
    if metric in OF_RANKS:
        # Ranks are known as well as the smaller class is.
        reach = groups_of_class(found.truth, found.group)
        known["least"] = float(reach[reach > 0].min())
    return _wilson(value, error2, **known)


def _over_classes(found: Judged, metric: str, seed: int) -> Score:
    """Score by a mean over classes, each with trials of its own."""
    once = np.ones((1, found.groups))
    shares, value = per_class(found, metric, once)[0], float(values(found, metric, once)[0])
    known = np.flatnonzero(np.isfinite(shares))
    drawn = np.concatenate(
        [per_class(found, metric, weights) for weights in draws(found.groups, seed=seed)]
    )[:, known]
    shares, added = shares[known], _Z**2 / len(known)
    # Together the classes get what Wilson adds to one proportion. Where they are many that does
    # not make up for the one trial that each class's own share takes away.
    lost = max(0.0, 1 - added)
    of_each = zip(known.tolist(), shares, of_new_groups(drawn, found.groups), strict=True)
    trials = np.array(
        [
            _trials(float(share), float(error2), **facts) * (1 - lost / max(facts["least"], 2))
            for one, share, error2 in of_each
            for facts in [_known_of_class(found, metric, one)]
        ]
    )
    middles = (shares * trials + added / 2) / (trials + added)
    spread2 = float((middles * (1 - middles) / (trials + added)).sum()) / len(known) ** 2
    spread2 += _overlap(value) * _together(drawn, shares, found.groups)
    middle, half = float(middles.mean()), _Z * spread2**0.5
    return Score(value, max(0.0, min(middle - half, value)), min(1.0, max(middle + half, value)))


def _together(drawn: WideArray, shares: WideArray, groups: int) -> float:
    """Give what the variance of a mean over classes has from classes right or wrong together.

    That is the covariance of the classes (C,) of draws (B, C), and never less than 0. It is added
    and no factor: where each class lies in one group its own variance is unknown, not 0. A class
    that a draw does not have counts as it is, so that the mean is always of all classes.
    """
    filled = np.where(np.isnan(drawn), shares, drawn)
    apart = float(of_new_groups(filled, groups).sum()) / len(shares) ** 2
    return max(0.0, float(of_new_groups(filled.mean(axis=1), groups)) - apart)


def _known_of(held: npt.NDArray[Any], right: npt.NDArray[Any]) -> dict[str, Any]:
    """Tell what so many right units of those held by each group (G,) show of mistakes.

    Gives the `faults`, groups with a mistake or, if fewer, with something right; and the trials
    there are at `least`, were every group right or wrong as one.
    """
    faults = min(np.count_nonzero(right < held), np.count_nonzero(right > 0))
    return {"faults": int(faults), "least": float(held.sum() ** 2 / (held**2).sum())}


def _known_of_class(found: Judged, metric: str, one: int) -> dict[str, Any]:
    asked = found.truth == one
    if metric == "macro_f1":
        asked = asked | (found.predicted == one)
    right = asked & (found.truth == found.predicted)
    held = np.bincount(found.group[asked], minlength=found.groups)
    return _known_of(held, np.bincount(found.group[right], minlength=found.groups))


def _overlap(value: float) -> float:
    """Give by how much the variance of an out-of-fold score exceeds that of given predictions.

    Simulated tasks show 1.0 to 1.1 where nearly all is right, 1.2 to 1.4 at 0.7 and 1.4 to 1.8 at
    chance: what is hard is what the choice of training units decides.
    """
    return 1 + 2 * value * (1 - value)


def _trials(value: float, error2: float, *, faults: int, least: float) -> float:
    """Give the independent trials that have this squared standard error."""
    spread = value * (1 - value)
    trials = least
    if spread > 0:
        # In shares of the error of `least` trials: 1 where groups are right or wrong as one.
        alike = (faults * error2 * least / spread + 1) / (faults + 1)
        trials = least / alike
    return trials / _overlap(value)


def _wilson(value: float, error2: float, *, faults: int, least: float) -> Score:
    """Give Wilson's interval for the trials that have this squared standard error."""
    trials = _trials(value, error2, faults=faults, least=least)
    scale = 1 + _Z**2 / trials
    middle = (value + _Z**2 / (2 * trials)) / scale
    half = _Z / scale * float(np.sqrt(value * (1 - value) / trials + _Z**2 / (4 * trials**2)))
    return Score(value, max(0.0, min(middle - half, value)), min(1.0, max(middle + half, value)))
