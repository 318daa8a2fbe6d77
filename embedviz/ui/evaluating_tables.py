"""The numbers of an evaluation as tables of words, for readers and screen readers."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from embedviz.evaluation.report import words
from embedviz.evaluation.report.comparing import positive
from embedviz.evaluation.report.headline import ranked, setting, told_apart
from embedviz.evaluation.results import (
    METRICS,
    PROBES,
    Clustered,
    Confound,
    Corrected,
    Evaluation,
    Probed,
    Score,
)
from embedviz.ui.progress import plain


def models(evaluation: Evaluation) -> pd.DataFrame:
    """Give one row a model and probe, the most accurate first, and the majority last."""
    keys = words.measured(evaluation)
    rows = [_model(one, keys) for one in ranked(evaluation)]
    task = evaluation.task
    always = {"Model": plain(f"always {words.commonest(task)}"), "Probe": words.NOTHING}
    rows.append(always | {METRICS[keys[0]]: words.percent(task.majority)} if keys else always)
    return _table(rows)


def differences(evaluation: Evaluation) -> pd.DataFrame:
    """Give one row a pair of models with the same probe."""
    return _table(
        {
            "More accurate": plain(one.a),
            "than": plain(one.b),
            "Probe": PROBES[one.probe],
            "Percentage points": (
                f"{words.points(one.accuracy.value)} ({words.points_range(one.accuracy)})"
            ),
            "": "**told apart**" if told_apart(one) else ":gray[cannot be told apart]",
        }
        for one in map(positive, evaluation.differences)
    )


def confounds(found: Sequence[Confound]) -> pd.DataFrame:
    """Give one row a thing that one model's vectors predict beside the label."""
    return _table(
        {
            "Predicted": plain(one.what) + (" :orange[see the warning]" if one.warning else ""),
            "Score": _share(one.score),
            "of": "variance explained" if one.kind == "number" else "balanced accuracy",
            "By chance": words.percent(one.chance),
            "Alone gives the label": words.percent(one.tied_to_label),
        }
        for one in found
    )


def corrections(found: Sequence[Corrected]) -> pd.DataFrame:
    """Give one row a correction: accuracy before and after."""
    return _table(
        {
            "Model": plain(one.model),
            "Correction": plain(one.correction),
            "Before": _share(one.before),
            "After": _share(one.after),
        }
        for one in found
    )


def clusters(found: Sequence[Clustered]) -> pd.DataFrame:
    """Give one row a model and method."""
    return _table(
        {
            "Model": plain(one.model),
            "Method": plain(one.method),
            "Clusters": f"{one.clusters:,}",
            "In none": words.percent(one.unclustered),
            "Adjusted Rand": words.decimal(one.adjusted_rand),
            "Adjusted mutual information": words.decimal(one.adjusted_mutual_information),
            "Silhouette": words.decimal(one.silhouette),
        }
        for one in found
    )


def _model(one: Probed, keys: Sequence[str]) -> dict[str, str]:
    name = plain(one.model) + (" :gray-badge[baseline]" if one.baseline else "")
    row = {"Model": name, "Probe": f"{PROBES[one.probe]}, {setting(one)}"}
    for key in keys:
        score = one.scores.get(key)
        between = words.metric_range(key, score)
        spread = f" :gray[({between})]" if between else ""
        row[METRICS[key]] = words.metric(key, score) + spread
    return row


def _share(score: Score) -> str:
    between = words.percent_range(score)
    return words.percent(score.value) + (f" :gray[({between})]" if between else "")


def _table(rows: object) -> pd.DataFrame:
    table = pd.DataFrame(list(rows)).fillna("")  # type: ignore[call-overload]
    return table if table.empty else table.set_index(str(table.columns[0]))
