"""Intervals hold the truth about as often as they say, also at the ends of the scale."""

import numpy as np
import pytest

from benchmarks.evaluate import TASKS, held
from embedviz.evaluation.draws import draws
from embedviz.evaluation.intervals import (
    difference_with_interval,
    low_of_best,
    score_with_interval,
    share_with_interval,
)
from embedviz.evaluation.results import Score


def answers(rng, groups, units, rate, alike):
    """Which units (U,) of groups are right: `rate` of all; `alike` 1 makes a group agree."""
    rates = np.full(groups, rate)
    if alike:
        spread = 1 / alike - 1
        rates = rng.beta(rate * spread, (1 - rate) * spread, groups)
    group = np.repeat(np.arange(groups), units)
    return (rng.random(len(group)) < rates[group]).astype(float), group


@pytest.mark.parametrize("groups", [10, 60])
@pytest.mark.parametrize(("units", "alike"), [(1, 0), (5, 0.3), (5, 0.9)])
@pytest.mark.parametrize("rate", [0.5, 0.8, 0.95])
def test_a_known_rate_is_held_by_nineteen_of_twenty(groups, units, alike, rate):
    """Data with a known rate of right answers; 200 sets, of which chance may move 4 points."""
    inside = 0
    for seed in range(200):
        right, group = answers(np.random.default_rng(seed), groups, units, rate, alike)
        score = share_with_interval(right, group, seed=seed)
        inside += score.low <= rate <= score.high
    assert inside / 200 >= 0.89


@pytest.mark.parametrize(
    "name", ["easy, 20 recordings of 5 windows", "hard, 20 recordings of 5 windows"]
)
def test_the_true_accuracy_of_probes_is_held(name):
    """The truth is how the folds' probes do on fresh recordings; benchmarks/ has the full count."""
    inside = [held(TASKS[name], seed)[0] for seed in range(20)]
    assert sum(inside) >= 17


def test_all_right_is_certain_only_of_many_recordings():
    widths = []
    for groups in (3, 30, 300):
        right, group = np.ones(groups * 10), np.repeat(np.arange(groups), 10)
        score = share_with_interval(right, group)
        assert (score.value, score.high) == (1, 1)
        widths.append(1 - score.low)
    assert widths[0] > 0.5
    assert widths[1] == pytest.approx(0.11, abs=0.02)
    assert widths[2] == pytest.approx(0.013, abs=0.005)


def test_windows_that_agree_count_as_one():
    rng = np.random.default_rng(0)
    right = rng.random(60) < 0.8
    once = share_with_interval(right, np.arange(60))
    often = share_with_interval(np.repeat(right, 20), np.repeat(np.arange(60), 20))
    apart = share_with_interval(rng.random(1200) < 0.8, np.repeat(np.arange(60), 20))
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.05)
    assert apart.high - apart.low < 0.4 * (once.high - once.low)


def test_the_bootstrap_has_the_error_that_theory_gives():
    """Of the mean of 400 independent answers: p (1 - p) / n, and more for probes that overlap."""
    right = np.arange(400) < 280
    score = share_with_interval(right, np.arange(400))
    error = np.sqrt(0.7 * 0.3 / 400 * (1 + 2 * 0.7 * 0.3))
    assert (score.high - score.low) / 2 / 1.96 == pytest.approx(error, rel=0.06)


def test_draws_are_of_whole_groups_and_come_in_blocks():
    blocks = list(draws(3_000_000, seed=0, count=2))
    assert [block.shape for block in blocks] == [(1, 3_000_000)] * 2
    assert all(block.sum() == 3_000_000 for block in blocks)
    few = np.concatenate(list(draws(5, seed=0)))
    assert few.shape == (1000, 5)
    assert few.var(axis=0).mean() == pytest.approx(0.8, abs=0.05)


def test_the_same_seed_gives_the_same_interval():
    rng = np.random.default_rng(1)
    truth, predicted = rng.integers(0, 3, 90), rng.integers(0, 3, 90)
    one, same, other = (
        score_with_interval("macro_f1", truth, predicted, None, np.arange(90) // 3, seed=seed)
        for seed in (4, 4, 5)
    )
    assert one == same
    assert one.value == other.value
    assert one.low != other.low


def test_a_difference_of_pairs_is_narrower_than_two_intervals():
    rng = np.random.default_rng(2)
    a = rng.random(200) < 0.8
    b = a & (rng.random(200) < 0.9)
    group = np.arange(200)
    found = difference_with_interval(a, b, group)
    alone = share_with_interval(a, group)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert 0 < found.low < found.value < found.high
    assert found.high - found.low < 0.8 * (alone.high - alone.low)
    back = difference_with_interval(b, a, group)
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


def test_two_models_that_agree_are_not_equal_for_certain():
    few, many = (difference_with_interval(np.ones(n), np.ones(n), np.arange(n)) for n in (10, 1000))
    assert few.value == 0
    assert few.low == pytest.approx(-few.high)
    assert 0.1 < few.high < 0.3
    assert many.high < 0.01


@pytest.mark.parametrize("apart", [0.0, 0.1])
def test_true_differences_are_held(apart):
    """Two models whose rates of right answers are known, on the same recordings."""
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        hard = rng.normal(size=(40, 1))
        a = (hard + rng.normal(size=(40, 3)) < 1.0).ravel()
        b = a if not apart else a & (rng.random(120) < 0.9)
        found = difference_with_interval(a, b, np.arange(120) // 3, seed=seed)
        true = 0.1 * 0.7602 if apart else 0.0
        inside += found.low <= true <= found.high
    assert inside / 200 >= 0.9


@pytest.mark.parametrize(
    "metric", ["balanced_accuracy", "macro_f1", "roc_auc", "average_precision"]
)
def test_other_scores_hold_their_truth_too(metric):
    """Drawn scores of two classes; the truth is that of 40,000 units."""

    def drawn(units, seed):
        rng = np.random.default_rng(seed)
        truth = (rng.random(units) < 0.3).astype(np.int64)
        high = 1 / (1 + np.exp(-(1.5 * truth - 0.75 + rng.normal(size=units))))
        return truth, (high > 0.5).astype(np.int64), np.stack([1 - high, high], axis=1)

    truth = score_with_interval(metric, *drawn(40_000, 999), np.zeros(40_000)).value
    inside = 0
    for seed in range(60):
        found = score_with_interval(metric, *drawn(80, seed), np.arange(80), seed=seed)
        inside += found.low <= truth <= found.high
    # About 92 % for means over classes, one of which has 24 units.
    assert inside / 60 >= 0.82


@pytest.mark.parametrize(
    ("rare", "common", "found", "kept"), [(5, 95, 0.8, 0.95), (10, 190, 0.9, 0.99)]
)
def test_a_rare_class_widens_a_mean_over_classes(rare, common, found, kept):
    """Where no mistake on the rare class was seen, its recall is not known to be 1."""
    truth = np.repeat([1, 0], [rare, common])
    inside = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        right = rng.random(rare + common) < np.repeat([found, kept], [rare, common])
        said = np.where(right, truth, 1 - truth)
        one = score_with_interval("balanced_accuracy", truth, said, None, np.arange(len(truth)))
        inside += one.low <= (found + kept) / 2 <= one.high
    assert inside / 60 >= 0.9


MEANS = ("balanced_accuracy", "macro_f1")


@pytest.mark.parametrize("metric", MEANS)
@pytest.mark.parametrize("wrong", [0, 8])
def test_classes_of_one_recording_each_have_an_interval(metric, wrong):
    """As which recording a window is of; the draws tell nothing of such a class by itself."""
    truth = np.repeat(np.arange(30), 9)
    said = truth.copy()
    said[:: 270 // max(wrong, 1)][:wrong] += 1
    score = score_with_interval(metric, truth, np.where(wrong, said % 30, truth), None, truth)
    assert 0.65 < score.low < score.value <= score.high
    assert score.value > 0.96


@pytest.mark.parametrize("metric", MEANS)
@pytest.mark.parametrize("recordings", [60, 100])
def test_who_always_says_the_common_class_is_known_to(metric, recordings):
    """Draws that lack the rare class altogether say nothing of it, and not that all is right."""
    truth = (np.arange(recordings) % 20 == 0).astype(np.int64)
    score = score_with_interval(metric, truth, 0 * truth, None, np.arange(recordings))
    assert score.value == pytest.approx(0.5, abs=0.02)
    assert 0.35 < score.low < score.value < score.high < 0.8


@pytest.mark.parametrize("metric", MEANS)
@pytest.mark.parametrize("rate", [0.3, 0.7])
def test_many_classes_of_few_recordings_are_held(metric, rate):
    """60 classes of 3 recordings, and their error as theory gives it."""
    truth = np.repeat(np.arange(60), 3)

    def drawn(seed):
        rng = np.random.default_rng(seed)
        right = rng.random(180) < rate
        said = np.where(right, truth, (truth + rng.integers(1, 60, 180)) % 60)
        return score_with_interval(metric, truth, said, None, np.arange(180), seed=seed)

    found = [drawn(seed) for seed in range(60)]
    # What macro F1 is on average is not what it is of endless data: empty classes have none.
    true = rate if metric == "balanced_accuracy" else np.mean([one.value for one in found])
    assert sum(one.low <= true <= one.high for one in found) >= 55
    spread = np.std([one.value for one in found]) * np.sqrt(1 + 2 * rate * (1 - rate))
    error = np.mean([one.high - one.low for one in found]) / 2 / 1.96
    assert error == pytest.approx(spread, rel=0.25)


@pytest.mark.parametrize("metric", MEANS)
def test_classes_that_are_right_together_count_as_less(metric):
    """Every recording holds three classes, all right or all wrong; else it is as good as three."""
    truth, group = np.tile([0, 1, 2], 40), np.repeat(np.arange(40), 3)
    rng = np.random.default_rng(0)
    together, apart = np.repeat(rng.random(40) < 0.7, 3), rng.random(120) < 0.7
    narrow, wide = (
        score_with_interval(metric, truth, np.where(right, truth, (truth + 1) % 3), None, group)
        for right in (apart, together)
    )
    assert wide.high - wide.low == pytest.approx(3**0.5 * (narrow.high - narrow.low), rel=0.15)


def test_the_low_end_of_the_best_of_many_is_lower():
    score = Score(0.7, 0.6, 0.78)
    assert low_of_best(score, 1) == pytest.approx(0.6)
    assert low_of_best(score, 14) == pytest.approx(0.7 - 0.1 * 2.914 / 1.960, abs=1e-4)
    assert low_of_best(score, 100) < low_of_best(score, 14)
    assert low_of_best(Score(0.1, 0.02, 0.2), 14) == 0


def test_one_of_many_guesses_is_seldom_sure():
    """The best of ten that guess is above a half in 2.5 of 100 cases and not in 20."""
    rng = np.random.default_rng(0)
    group = np.arange(100)
    alone = many = 0
    for seed in range(60):
        found = [share_with_interval(rng.random(100) < 0.5, group, seed=seed) for _ in range(10)]
        alone += any(one.low > 0.5 for one in found)
        many += any(low_of_best(one, 10) > 0.5 for one in found)
    assert many <= 4 < alone


def test_smaller_blocks_of_draws_are_the_same_draws():
    whole, *rest = draws(7, seed=3, count=50)
    assert not rest
    small = list(draws(7, seed=3, count=50, units=1 << 20))
    assert len(small) > 5
    np.testing.assert_array_equal(np.concatenate(small), whole)
