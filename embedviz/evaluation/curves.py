"""How a score grows: with components or neighbours, and with the number of labelled recordings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embedviz.data import FloatArray
from embedviz.evaluation.fitting import Fitted, RowNumbers, calm, fit_and_predict
from embedviz.evaluation.folds import in_order
from embedviz.evaluation.intervals import share_with_interval
from embedviz.evaluation.probes import COMPONENTS, Predicted, Progress, largest_setting
from embedviz.evaluation.results import IntArray, Point
from embedviz.evaluation.units import Gathered

SEEDS = 3
"""Orders in which recordings are labelled, of which the mean is taken."""
MOST_ROWS = 20_000
"""Training rows, and tested rows, up to which the curve of labelled recordings is measured."""
_NEIGHBOURS = (1, 2, 3, 5, 10, 20, 50)
_SIZES = 6


def settings_of_curve(width: int, fold: IntArray, probe: str, setting: int) -> tuple[int, ...]:
    """Give the components, 1, 2, 4, ..., or neighbours of a curve, with `setting` among them."""
    most = largest_setting(width, fold, probe)
    if probe == "logistic":
        highest = max(COMPONENTS, setting)
        steps = [1 << power for power in range(highest.bit_length()) if 1 << power <= highest]
    else:
        steps = list(_NEIGHBOURS)
    return tuple(sorted({min(step, most) for step in (*steps, setting)}))


def by_setting(
    found: Sequence[Predicted], truth: IntArray, groups: IntArray, *, seed: int
) -> tuple[Point, ...]:
    """Give the accuracy of the same probe with several settings."""
    points = []
    for one in found:
        tested = one.predicted >= 0
        right = one.predicted[tested] == truth[tested]
        points.append(Point(one.setting, share_with_interval(right, groups[tested], seed=seed)))
    return tuple(points)


def by_labelled(
    vectors: FloatArray,
    asked: Gathered,
    *,
    whole: Predicted,
    probe: str,
    seed: int,
    first: Fitted = None,
    progress: Progress | None = None,
) -> tuple[tuple[Point, ...], str]:
    """Measure the accuracy with fewer labelled recordings.

    In each fold, training groups are labelled in a random order that begins with one of every
    class; a longer list begins with the shorter. Scaler, PCA and probe are fitted on what is
    labelled alone, with no more neighbours than the rarest class has units. The mean of `SEEDS`
    orders is scored on the fold's tested units, with an interval over groups and orders.

    Parameters
    ----------
    vectors
        (U, D)
    asked
        The units, their classes, folds and groups; `x` of a point counts their recordings.
    whole
        The prediction with all recordings: the last point.
    probe, seed, first
        As for `predict_out_of_fold`.
    progress
        Called with (fits done, fits); raising from it stops the work.

    Returns
    -------
    tuple
        The points, and a sentence where parts were left out.
    """
    truth, fold, groups = asked.units.truth, asked.units.fold, asked.groups
    tested, tell = _tested(fold, groups, seed), progress or (lambda done, total: None)
    names = in_order(asked.units.recording)
    orders = {
        (number, turn): _order(asked, number, seed + turn)
        for number in np.unique(fold).tolist()
        for turn in range(SEEDS)
    }
    sizes, shortened = _sizes(asked, list(orders.values()))
    points = []
    for done, size in enumerate(sizes):
        right, counts = np.full((SEEDS, len(truth)), np.nan), []
        for step, ((number, turn), order) in enumerate(orders.items()):
            tell(done * len(orders) + step, len(sizes) * len(orders))
            trained = np.flatnonzero(np.isin(groups, order[:size]))
            rows = tested[fold[tested] == number]
            said = _taught(vectors, asked, trained, rows, whole, probe, seed, first)
            right[turn, rows] = said == truth[rows]
            counts.append(len(np.unique(names[trained])))
        points.append(_point(counts, right[:, tested], groups[tested], seed))
    everything = [len(np.unique(names[fold != number])) for number in np.unique(fold)]
    points.append(_point(everything, (whole.predicted == truth)[np.newaxis], groups, seed))
    return tuple(points), _said(len(tested), len(truth), shortened=shortened)


def _taught(
    vectors: FloatArray,
    asked: Gathered,
    trained: RowNumbers,
    tested: RowNumbers,
    whole: Predicted,
    probe: str,
    seed: int,
    first: Fitted,
) -> IntArray:
    """Give the classes (T,) that a probe taught on some rows gives to others."""
    truth, width = asked.units.truth, vectors.shape[1]
    with calm(len(trained) * width):
        said, _ = fit_and_predict(
            vectors,
            truth,
            trained,
            tested,
            settings=[_possible(whole.setting, truth[trained], width, probe)],
            probe=probe,
            classes=len(asked.task.classes),
            seed=seed,
            first=first,
        )
    return said[0].predicted


def _possible(setting: int, labels: IntArray, width: int, probe: str) -> int:
    """Give the setting, or the largest that so few labelled units (T,) make sense of."""
    if probe == "logistic":
        return max(1, min(setting, width, len(labels) - 1))
    # More neighbours than the rarest class has are outvoted by whatever else is near.
    return min(setting, int(np.unique(labels, return_counts=True)[1].min()))


def _point(counts: Sequence[int], right: np.ndarray, groups: IntArray, seed: int) -> Point:
    """Score how right every order was (orders, T) on the same units."""
    spread = 0.0
    if len(right) > 1:
        spread = float(right.mean(axis=1).var(ddof=1)) / len(right)
    score = share_with_interval(right.mean(axis=0), groups, seed=seed, other_variance=spread)
    return Point(float(np.mean(counts)), score)


def _tested(fold: IntArray, groups: IntArray, seed: int) -> IntArray:
    """Give the rows that are tested: all, or `MOST_ROWS` drawn group by group."""
    used = np.flatnonzero(fold >= 0)
    if len(used) <= MOST_ROWS:
        return used
    rank = np.random.default_rng(seed).permutation(int(groups.max()) + 1)[groups[used]]
    fits = int(np.searchsorted(np.cumsum(np.bincount(rank)), MOST_ROWS, side="right"))
    return np.asarray(used[rank < max(1, fits)])


def _order(asked: Gathered, number: int, seed: int) -> IntArray:
    """Shuffle the groups a fold trains on, then put the first of every class in front."""
    groups = asked.groups
    trained = np.flatnonzero(asked.units.fold != number)
    rank = np.random.default_rng([seed, number]).permutation(int(groups.max()) + 1)
    rows = trained[np.argsort(rank[groups[trained]], kind="stable")]
    _, first = np.unique(asked.units.truth[rows], return_index=True)
    every = np.concatenate([groups[rows[np.sort(first)]], groups[rows]])
    return np.asarray(every[np.sort(np.unique(every, return_index=True)[1])])


def _sizes(asked: Gathered, orders: Sequence[IntArray]) -> tuple[list[int], bool]:
    """Give numbers of groups, from one a class to all but some, that `MOST_ROWS` rows hold."""
    held = np.bincount(asked.groups)
    fewest = min(len(order) for order in orders)
    least = min(len(asked.task.classes), fewest)
    sizes = np.unique(np.geomspace(least, fewest, _SIZES).round().astype(int)).tolist()
    wanted = [size for size in sizes if size < fewest]
    kept = [
        size for size in wanted if max(held[order[:size]].sum() for order in orders) <= MOST_ROWS
    ]
    return kept, len(kept) < len(wanted)


def _said(tested: int, all_tested: int, *, shortened: bool) -> str:
    if not shortened and tested == all_tested:
        return ""
    return (
        f"The curves of labelled recordings are measured with up to {MOST_ROWS:,} training rows, "
        f"on {tested:,} of {all_tested:,} tested rows; their last point has all."
    )
