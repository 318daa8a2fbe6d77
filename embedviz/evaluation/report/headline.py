"""The answer in a sentence, and what its reader must not overlook."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from embedviz.evaluation.intervals import low_of_best
from embedviz.evaluation.report.words import (
    commonest,
    counted,
    listed,
    of_rarer,
    percent,
    percent_range,
    unit,
)
from embedviz.evaluation.results import PROBES, Difference, Evaluation, Probed, Score, Task

_NAMED = 4
"""More models than this in one sentence are counted instead of named."""


def headline(evaluation: Evaluation) -> str:
    """Say which model separates the label best, and whether that is more than chance.

    Every model and the baseline stand for themselves with their best probe. Differences count as
    found only where their 95 % interval does not reach 0. That something separates at all is said
    only of what stays above chance as the best of all models and probes that were compared.
    """
    label, order = f"“{evaluation.task.label}”", ranked(evaluation)
    if not order:
        return f"No model could be tested on {label}."
    found = _leaders(order, accuracy, evaluation.task.majority)
    if found.sure:
        return _by_accuracy(evaluation, found, label)
    balanced = [one for one in order if math.isfinite(_balanced(one).value)]
    fair = _leaders(balanced, _balanced, 1 / len(evaluation.task.classes)) if balanced else found
    if fair.sure:
        return _by_balance(evaluation, fair, label)
    score, majority = accuracy(found.best), evaluation.task.majority
    verdict = "is below" if score.high < majority else "cannot be told apart from"
    if score.low > majority:
        verdict = f"cannot, as the best of {len(order)} probes, be told apart from"
    return (
        f"No model separates {label}: the best, {found.best.model}, gets "
        f"{_right(evaluation, found.best)}, which {verdict} the {_always(evaluation.task)}."
    )


def ranked(evaluation: Evaluation) -> list[Probed]:
    """Give what was tested, the most accurate first."""
    tested = [one for one in evaluation.probed if math.isfinite(accuracy(one).value)]
    return sorted(tested, key=lambda one: -accuracy(one).value)


def best_of_each_probe(evaluation: Evaluation) -> list[Probed]:
    """Give the most accurate model of every probe, in the order of `PROBES`."""
    best: dict[str, Probed] = {}
    for one in ranked(evaluation):
        best.setdefault(one.probe, one)
    return [best[probe] for probe in PROBES if probe in best]


def accuracy(one: Probed) -> Score:
    """Give the accuracy of a probed model; NaN where it was not measured."""
    return one.scores.get("accuracy", Score(math.nan, math.nan, math.nan))


def between(evaluation: Evaluation, a: Probed, b: Probed) -> Score:
    """Give how much more accurate `a` is than `b`: where it was measured, on the same units."""
    for one in evaluation.differences:
        if one.probe == a.probe == b.probe and {one.a, one.b} == {a.model, b.model}:
            found = one.accuracy
            return found if one.a == a.model else Score(-found.value, -found.high, -found.low)
    return _apart(accuracy(a), accuracy(b))


def told_apart(difference: Difference) -> bool:
    """Tell whether the interval of a difference leaves 0 out."""
    return difference.accuracy.low > 0 or difference.accuracy.high < 0


def warnings(evaluation: Evaluation) -> list[str]:
    """Give what may make the result untrue, each thing once."""
    found = [one.warning for one in evaluation.confounds if one.warning]
    made = evaluation.made
    if made is not None:
        for title, one in made.sets.items():
            if one.get("verified") is False:
                own = f"{title} was made with weights that are not the published ones."
                said = (s for s in evaluation.notes if s.startswith(title) and "weights" in s)
                found.append(next(said, own))
    return list(dict.fromkeys(found))


def notes(evaluation: Evaluation) -> list[str]:
    """Give what else is to be known, without the warnings."""
    said = set(warnings(evaluation))
    every = dict.fromkeys([*evaluation.notes, *evaluation.task.left_out, of_rarer(evaluation)])
    return [sentence for sentence in every if sentence and sentence not in said]


def setting(one: Probed) -> str:
    """Say how a probe was set: `40 components`, `5 neighbours`."""
    word = "neighbour" if one.probe == "nearest" else "component"
    return counted(one.setting, word)


@dataclass(frozen=True)
class _Leaders:
    """The best of the models and of the baseline, each with its best probe."""

    best: Probed
    baseline: Probed | None
    """None where there is none, or nothing else."""
    sure: bool
    """Whether one of them is above chance for certain."""


def _leaders(tested: list[Probed], score: Callable[[Probed], Score], chance: float) -> _Leaders:
    """Find them by a score; what is above chance for certain goes first."""

    def certain(one: Probed) -> bool:
        return low_of_best(score(one), len(tested)) > chance

    order = sorted(tested, key=lambda one: (not certain(one), -score(one).value))
    best = next((one for one in order if not one.baseline), order[0])
    baseline = None if best.baseline else next((one for one in order if one.baseline), None)
    return _Leaders(best, baseline, certain(order[0]))


def _by_accuracy(evaluation: Evaluation, found: _Leaders, label: str) -> str:
    best, baseline = found.best, found.baseline
    right = _right(evaluation, best)
    if baseline is not None:
        over, other = between(evaluation, best, baseline), accuracy(baseline)
        if over.low <= 0:
            base = f"{baseline.model} with {percent(other.value)} ({_interval(other)})"
            return _no_better(best, right, base, label, over)
    against = [_always(evaluation.task)]
    if baseline is not None:
        against.insert(0, f"{percent(accuracy(baseline).value)} of {baseline.model}")
    rivals, tied = _rivals(evaluation, best)
    end = f"against {listed(against)}."
    if tied:
        which = listed(tied) if len(tied) <= _NAMED else f"{len(tied)} other models"
        return (
            f"{best.model} comes first on {label} with {right}, but cannot be told apart from "
            f"{which}; {end}"
        )
    how = f"{label} best" if rivals else label
    return f"{best.model} separates {how}: {right}, {end}"


def _by_balance(evaluation: Evaluation, found: _Leaders, label: str) -> str:
    """Look at balanced accuracy: where a class is rare, who never says it is mostly right."""
    task, best, baseline = evaluation.task, found.best, found.baseline
    score, against = _balanced(best), [f"{percent(1 / len(task.classes))} by chance"]
    said = f"{percent(score.value)} ({_interval(score)})"
    if baseline is not None:
        other = _balanced(baseline)
        over = _apart(score, other)
        if over.low <= 0:
            base = f"{baseline.model} with {percent(other.value)} ({_interval(other)})"
            return _no_better(best, said, base, label, over, by=" by balanced accuracy")
        against.insert(0, f"{percent(other.value)} of {baseline.model}")
    return (
        f"{best.model} separates {label}, though not by accuracy: balanced accuracy "
        f"{said}, against {listed(against)}; {_right(evaluation, best)}, against {_always(task)}."
    )


def _balanced(one: Probed) -> Score:
    return one.scores.get("balanced_accuracy", Score(math.nan, math.nan, math.nan))


def _always(task: Task) -> str:
    return f"{percent(task.majority)} of always saying {commonest(task)}"


def _right(evaluation: Evaluation, one: Probed) -> str:
    score = accuracy(one)
    return f"{percent(score.value)} of the {unit(evaluation)}s right ({_interval(score)})"


def _no_better(best: Probed, said: str, base: str, label: str, over: Score, *, by: str = "") -> str:
    if over.high < 0:
        return (
            f"The baseline separates {label} best{by}: {base}; the best model, {best.model}, "
            f"gets {said}."
        )
    return (
        f"No model separates {label} better than the baseline{by}: {best.model} gets {said}, "
        f"which cannot be told apart from {base}."
    )


def _interval(score: Score) -> str:
    return f"95 % interval {percent_range(score)}"


def _apart(a: Score, b: Score) -> Score:
    """Give by how much the first is more, from two intervals alone (Newcombe 1998, method 10).

    It takes them for independent. Scores of the same units rather rise and fall together, so
    that it errs on the careful side.
    """
    over = a.value - b.value
    low = math.hypot(a.value - a.low, b.high - b.value)
    return Score(over, over - low, over + math.hypot(a.high - a.value, b.value - b.low))


def _rivals(evaluation: Evaluation, best: Probed) -> tuple[int, list[str]]:
    """Count the other models, and name those whose best probe cannot be told apart."""
    others: dict[str, Probed] = {}
    for one in ranked(evaluation):
        if one.model != best.model and not one.baseline:
            others.setdefault(one.model, one)
    tied = [name for name, one in others.items() if between(evaluation, best, one).low <= 0]
    return len(others), tied
