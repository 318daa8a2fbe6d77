"""The answer in a sentence, and what its reader must not overlook."""

from __future__ import annotations

import math

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

    Differences count as found only where their 95 % interval does not reach 0.
    """
    label, order = f"“{evaluation.task.label}”", ranked(evaluation)
    if not order:
        return f"No model could be tested on {label}."
    best = next((one for one in order if not one.baseline), order[0])
    return _judged(evaluation, best, label)


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


def between(evaluation: Evaluation, a: Probed, b: Probed) -> Score | None:
    """Give how much more accurate `a` is than `b`, where that was measured."""
    for one in evaluation.differences:
        if one.probe == a.probe == b.probe and {one.a, one.b} == {a.model, b.model}:
            found = one.accuracy
            return found if one.a == a.model else Score(-found.value, -found.high, -found.low)
    return None


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


def _judged(evaluation: Evaluation, best: Probed, label: str) -> str:
    task, score = evaluation.task, accuracy(best)
    if score.low <= task.majority:
        return _not_by_accuracy(evaluation, best, label)
    right = _right(evaluation, best)
    baseline = _baseline(evaluation, best)
    over = None if baseline is None else between(evaluation, best, baseline)
    if baseline is not None and over is not None and over.low <= 0:
        return _no_better(best, baseline, label, right, over)
    against = [_always(task)]
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
    if rivals:
        return f"{best.model} separates {label} best: {right}, {end}"
    return f"{best.model} separates {label}: {right}, {end}"


def _not_by_accuracy(evaluation: Evaluation, best: Probed, label: str) -> str:
    """Look at balanced accuracy: where a class is rare, who never says it is mostly right."""
    task = evaluation.task
    found = _by_balance(evaluation)
    if found is None:
        below = accuracy(best).high < task.majority
        verdict = "is below" if below else "cannot be told apart from"
        return (
            f"No model separates {label}: the best, {best.model}, gets "
            f"{_right(evaluation, best)}, which {verdict} the {_always(task)}."
        )
    score, against = _balanced(found), [f"{percent(1 / len(task.classes))} by chance"]
    baseline = _baseline(evaluation, found)
    if baseline is not None and math.isfinite(_balanced(baseline).value):
        against.insert(0, f"{percent(_balanced(baseline).value)} of {baseline.model}")
    return (
        f"{found.model} separates {label}, though not by accuracy: balanced accuracy "
        f"{percent(score.value)} ({_interval(score)}), against {listed(against)}; "
        f"{_right(evaluation, found)}, against {_always(task)}."
    )


def _by_balance(evaluation: Evaluation) -> Probed | None:
    """Give the model with the best balanced accuracy of those surely above chance, if any."""
    chance = 1 / len(evaluation.task.classes)
    above = [one for one in ranked(evaluation) if _balanced(one).low > chance]
    # A baseline is named only where no model is above chance.
    return max(above, key=lambda one: (not one.baseline, _balanced(one).value), default=None)


def _balanced(one: Probed) -> Score:
    return one.scores.get("balanced_accuracy", Score(math.nan, math.nan, math.nan))


def _always(task: Task) -> str:
    return f"{percent(task.majority)} of always saying {commonest(task)}"


def _right(evaluation: Evaluation, one: Probed) -> str:
    score = accuracy(one)
    return f"{percent(score.value)} of the {unit(evaluation)}s right ({_interval(score)})"


def _no_better(best: Probed, baseline: Probed, label: str, right: str, over: Score) -> str:
    other = accuracy(baseline)
    base = f"{baseline.model} with {percent(other.value)} ({_interval(other)})"
    if over.high < 0:
        return (
            f"The baseline separates {label} best: {base}; the best model, {best.model}, "
            f"gets {right}."
        )
    return (
        f"No model separates {label} better than the baseline: {best.model} gets {right}, "
        f"which cannot be told apart from {base}."
    )


def _interval(score: Score) -> str:
    return f"95 % interval {percent_range(score)}"


def _baseline(evaluation: Evaluation, best: Probed) -> Probed | None:
    if best.baseline:
        return None
    same = (one for one in ranked(evaluation) if one.probe == best.probe and one.baseline)
    return next(same, None)


def _rivals(evaluation: Evaluation, best: Probed) -> tuple[int, list[str]]:
    """Count the other models with this probe, and name those that cannot be told apart."""
    others = [
        one
        for one in ranked(evaluation)
        if one.probe == best.probe and one.model != best.model and not one.baseline
    ]
    tied = []
    for one in others:
        over = between(evaluation, best, one)
        if over is not None and over.low <= 0:
            tied.append(one.model)
    return len(others), tied
