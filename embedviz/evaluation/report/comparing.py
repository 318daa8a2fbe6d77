"""Models side by side: the rows of the strip plot, of differences, confounds and corrections."""

from __future__ import annotations

import math
from dataclasses import dataclass

from embedviz.evaluation.report import words
from embedviz.evaluation.report.headline import accuracy, ranked, told_apart
from embedviz.evaluation.report.marks import Marks, Scale, marks, scale, score_values
from embedviz.evaluation.results import (
    PROBES,
    Confound,
    Corrected,
    Difference,
    Evaluation,
    Probed,
    Score,
)


@dataclass(frozen=True)
class Row:
    """A row of a chart."""

    marks: Marks
    probed: Probed | None = None
    difference: Difference | None = None
    confound: Confound | None = None
    corrected: Corrected | None = None
    apart: bool = False
    """Whether the interval leaves 0 out."""


@dataclass(frozen=True)
class Chart:
    """Rows on one scale."""

    title: str
    scale: Scale
    rows: tuple[Row, ...]


def strips(evaluation: Evaluation) -> list[Chart]:
    """Give the accuracy of every model, its interval and its folds: one chart a probe."""
    order, majority = ranked(evaluation), evaluation.task.majority
    own = scale(
        [
            *score_values(accuracy(one) for one in order),
            *(fold for one in order for fold in one.fold_accuracy),
            majority,
        ],
        _percent_tick,
    )
    always = [(majority, f"always saying {words.commonest(evaluation.task)}")]
    charts = []
    for probe, title in PROBES.items():
        rows = [
            Row(marks(own, accuracy(one), words=_strip(one), dots=one.fold_accuracy, lines=always),
                probed=one)
            for one in order
            if one.probe == probe
        ]  # fmt: skip
        if rows:
            charts.append(Chart(title, own, tuple(rows)))
    return charts


def differences(evaluation: Evaluation) -> list[Chart]:
    """Give how models differ, with intervals around 0: one chart a probe."""
    found = [positive(one) for one in evaluation.differences]
    own = scale(score_values(one.accuracy for one in found), _points_tick, also=[0.0])
    charts = []
    for probe, title in PROBES.items():
        rows = [
            Row(marks(own, one.accuracy, words=_difference(one), lines=[(0.0, "no difference")]),
                difference=one, apart=told_apart(one))
            for one in found
            if one.probe == probe
        ]  # fmt: skip
        if rows:
            charts.append(Chart(title, own, tuple(rows)))
    return charts


def positive(one: Difference) -> Difference:
    """Give a difference with the more accurate model first."""
    score = one.accuracy
    if not score.value < 0:
        return one
    return Difference(one.b, one.a, one.probe, Score(-score.value, -score.high, -score.low))


def confounds(evaluation: Evaluation) -> list[Chart]:
    """Give what else the vectors of each model predict: one chart a model."""
    found = evaluation.confounds
    label = {one.model: _label(evaluation, one.model) for one in found}
    values = [*score_values(one.score for one in found), *(one.chance for one in found)]
    own = scale([*values, *label.values()], _percent_tick, also=[0.0])
    name = f"“{evaluation.task.label}” itself"
    charts = []
    for model, whole in label.items():
        rows = [
            Row(marks(own, one.score, words=_confound(one),
                      lines=[(one.chance, "chance"), (whole, name)]), confound=one)
            for one in found
            if one.model == model
        ]  # fmt: skip
        charts.append(Chart(model, own, tuple(rows)))
    return charts


def corrections(evaluation: Evaluation) -> Chart | None:
    """Give the probe before and after each correction."""
    found = evaluation.corrected
    if not found:
        return None
    both = score_values(score for one in found for score in (one.before, one.after))
    own = scale(both, _percent_tick)
    rows = [
        Row(marks(own, one.after, words=_correction(one), before=one.before.value), corrected=one)
        for one in found
    ]
    return Chart("", own, tuple(rows))


def label_score(evaluation: Evaluation, model: str) -> Score | None:
    """Give how well a model's vectors predict the label: balanced accuracy, logistic if there."""
    for probe in PROBES:
        for one in evaluation.probed:
            if (one.model, one.probe) == (model, probe) and "balanced_accuracy" in one.scores:
                return one.scores["balanced_accuracy"]
    return None


def _label(evaluation: Evaluation, model: str) -> float:
    score = label_score(evaluation, model)
    return math.nan if score is None else score.value


def _strip(one: Probed) -> str:
    score = accuracy(one)
    folds = ", ".join(words.percent(fold) for fold in one.fold_accuracy)
    return (
        f"{one.model}: {words.percent(score.value)}, 95 % interval {words.percent_range(score)}; "
        f"folds {folds}"
    )


def _difference(one: Difference) -> str:
    return (
        f"{one.a} minus {one.b}: {words.points(one.accuracy.value)} percentage points, "
        f"95 % interval {words.points_range(one.accuracy)}"
    )


def _confound(one: Confound) -> str:
    return (
        f"{one.what}: {words.percent(one.score.value)}, 95 % interval "
        f"{words.percent_range(one.score)}, chance {words.percent(one.chance)}"
    )


def _correction(one: Corrected) -> str:
    return (
        f"{one.model}, {one.correction}: {words.percent(one.before.value)} before, "
        f"{words.percent(one.after.value)} after"
    )


def _percent_tick(value: float) -> str:
    return f"{100 * value:.3g} %".replace("-", "\N{MINUS SIGN}")


def _points_tick(value: float) -> str:
    text = f"{100 * value:+.3g}" if round(100 * value, 6) else "0"
    return text.replace("-", "\N{MINUS SIGN}")
