"""One model's vectors probed for the label: scores, confusion and curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embedviz.data import FloatArray
from embedviz.evaluation import curves
from embedviz.evaluation.intervals import all_scores
from embedviz.evaluation.probes import DEFAULTS, Predicted, predict_for_settings
from embedviz.evaluation.results import IntArray, Point, Probed
from embedviz.evaluation.units import Gathered

if TYPE_CHECKING:
    from embedviz.evaluation.fitting import Fitted
    from embedviz.evaluation.steps import Part


@dataclass(frozen=True)
class Probing:
    """How models are probed."""

    probe: str
    setting: int | None
    """None takes the default."""
    curves: frozenset[str]
    """`setting`, `labelled`, both or none."""
    seed: int


def probed(
    title: str,
    vectors: FloatArray,
    asked: Gathered,
    how: Probing,
    *,
    baseline: bool,
    first: Fitted = None,
    tell: Part,
) -> tuple[Probed, tuple[str, ...]]:
    """Probe vectors (U, D) out of fold; gives what was found, and sentences on what was not."""
    truth, fold = asked.units.truth, asked.units.fold
    setting = DEFAULTS[how.probe] if how.setting is None else how.setting
    settings: Sequence[int] = [setting]
    if "setting" in how.curves:
        settings = curves.settings_of_curve(vectors.shape[1], fold, how.probe, setting)
    half = 2 if "labelled" in how.curves else 1
    found = predict_for_settings(
        vectors,
        truth,
        fold,
        settings=settings,
        probe=how.probe,
        seed=how.seed,
        first=first,
        progress=lambda done, total: tell(done, half * total),
    )
    chosen = _chosen(found, setting)
    labelled: tuple[Point, ...] = ()
    notes = [chosen.note]
    if "labelled" in how.curves:
        labelled, note = curves.by_labelled(
            vectors,
            asked,
            whole=chosen,
            probe=how.probe,
            seed=how.seed,
            first=first,
            progress=lambda done, total: tell(total + done, 2 * total),
        )
        notes.append(note)
    named = f"{title}: " if chosen.note else ""
    result = Probed(
        model=title,
        probe=how.probe,
        setting=chosen.setting,
        scores=all_scores(truth, chosen.predicted, chosen.scores, asked.groups, seed=how.seed),
        fold_accuracy=_fold_accuracy(asked, chosen.predicted),
        confusion=_confusion(asked, chosen.predicted),
        predicted=chosen.predicted,
        by_setting=curves.by_setting(found, truth, asked.groups, seed=how.seed)
        if len(found) > 1
        else (),
        by_labelled=labelled,
        baseline=baseline,
    )
    return result, tuple(dict.fromkeys([f"{named}{chosen.note}", *notes[1:]]))


def _chosen(found: Sequence[Predicted], setting: int) -> Predicted:
    """Give the prediction with the asked setting, or with the largest that there is below."""
    return max((one for one in found if one.setting <= setting), key=lambda one: one.setting)


def _fold_accuracy(asked: Gathered, predicted: IntArray) -> tuple[float, ...]:
    right, fold = predicted == asked.units.truth, asked.units.fold
    return tuple(
        float(right[fold == number].mean()) if (fold == number).any() else float("nan")
        for number in range(len(asked.task.folds))
    )


def _confusion(asked: Gathered, predicted: IntArray) -> IntArray:
    classes, tested = len(asked.task.classes), predicted >= 0
    pairs = asked.units.truth[tested] * classes + predicted[tested]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes).astype(np.int64)
