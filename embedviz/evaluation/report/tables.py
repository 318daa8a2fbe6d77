"""What was found as tables, for spreadsheets and programs."""

from __future__ import annotations

import pandas as pd

from embedviz.evaluation.report.words import measured, rarer
from embedviz.evaluation.results import PROBES, Evaluation


def scores(evaluation: Evaluation) -> pd.DataFrame:
    """Give one row a model and probe: all scores with their intervals, and the folds."""
    rows = []
    for one in evaluation.probed:
        row: dict[str, object] = {
            "model": one.model,
            "probe": one.probe,
            "setting": one.setting,
            "baseline": one.baseline,
        }
        for key in measured(evaluation):
            score = one.scores.get(key)
            row[key] = None if score is None else score.value
            row[f"{key}_low"] = None if score is None else score.low
            row[f"{key}_high"] = None if score is None else score.high
        folds = zip(evaluation.task.folds, one.fold_accuracy, strict=True)
        row |= {f"accuracy in fold {name}": value for name, value in folds}
        row["majority"] = evaluation.task.majority
        if "average_precision" in measured(evaluation):
            row["average_precision_of"], row["average_precision_by_chance"] = rarer(evaluation.task)
        rows.append(row)
    return pd.DataFrame(rows)


def predictions(evaluation: Evaluation) -> pd.DataFrame:
    """Give one row a unit: where it is, its class, its fold, and what each model said."""
    units, task = evaluation.units, evaluation.task
    table = pd.DataFrame(
        {
            "recording": list(units.recording),
            "start_s": list(units.start_s),
            "stop_s": list(units.stop_s),
            "fold": [_named(task.folds, number) for number in units.fold.tolist()],
            "truth": [_named(task.classes, number) for number in units.truth.tolist()],
        }
    )
    for one in evaluation.probed:
        said = [_named(task.classes, number) for number in one.predicted.tolist()]
        table[f"{one.model}: {PROBES[one.probe]}"] = said
    return table


def confusions(evaluation: Evaluation) -> pd.DataFrame:
    """Give one row a model, probe, true class and predicted class: the units there."""
    classes = evaluation.task.classes
    rows = [
        (one.model, one.probe, true, said, int(one.confusion[row, column]))
        for one in evaluation.probed
        for row, true in enumerate(classes)
        for column, said in enumerate(classes)
    ]
    return pd.DataFrame(rows, columns=["model", "probe", "truth", "predicted", "units"])


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if number >= 0 else ""
