"""Numbers and counts as a reader takes them in."""

from __future__ import annotations

import math

from embedviz.evaluation.results import METRICS, Evaluation, Score, Task
from embedviz.evaluation.scores import rarer_class
from embedviz.wording import counted as counted
from embedviz.wording import listed as listed

NOTHING = "–"
"""Stands where there is no number."""


def percent(share: float) -> str:
    """Give a share, 0 to 1, as `93.8 %`."""
    return f"{_tenths(100 * share)} %" if math.isfinite(share) else NOTHING


def percent_range(score: Score) -> str:
    """Give an interval of a share without the sign, as `90.1 to 96.2`."""
    return _between(_tenths(100 * score.low), _tenths(100 * score.high), score)


def points(difference: float) -> str:
    """Give a difference of two shares in percentage points, as `+3.2`."""
    return _signed(100 * difference) if math.isfinite(difference) else NOTHING


def points_range(score: Score) -> str:
    """Give an interval of a difference in percentage points, as `-1.0 to +7.4`."""
    return _between(_signed(100 * score.low), _signed(100 * score.high), score)


def decimal(value: float) -> str:
    """Give a number that is no share, as `0.62`."""
    return f"{value:.2f}".replace("-0.00", "0.00") if math.isfinite(value) else NOTHING


def decimal_range(score: Score) -> str:
    """Give an interval of such a number, as `0.58 to 0.66`."""
    return _between(decimal(score.low), decimal(score.high), score)


def metric(key: str, score: Score | None) -> str:
    """Give a score of `METRICS`: areas as numbers, the others as percentages."""
    if score is None:
        return NOTHING
    return decimal(score.value) if is_area(key) else percent(score.value)


def metric_range(key: str, score: Score | None) -> str:
    """Give the interval of a score of `METRICS`; empty where there is none."""
    if score is None:
        return ""
    return decimal_range(score) if is_area(key) else percent_range(score)


def is_area(key: str) -> bool:
    """Tell whether a score is an area under a curve."""
    return key in ("roc_auc", "average_precision")


def measured(evaluation: Evaluation) -> tuple[str, ...]:
    """Name the scores that any model has, in the order of `METRICS`."""
    return tuple(key for key in METRICS if any(key in one.scores for one in evaluation.probed))


def unit(evaluation: Evaluation) -> str:
    """Name what is classified: `window` or `recording`."""
    whole = evaluation.task.pooling != "window"
    one_each = len(evaluation.units.recording) == len(set(evaluation.units.recording))
    return "recording" if whole or one_each else "window"


def commonest(task: Task) -> str:
    """Name the class that most units have."""
    return task.classes[task.counts.index(max(task.counts))]


def rarer(task: Task) -> tuple[str, float]:
    """Name the class that average precision is given of, and its share, which chance gives."""
    place = rarer_class(task.counts)
    return task.classes[place], task.counts[place] / sum(task.counts)


def of_rarer(evaluation: Evaluation) -> str:
    """Say which class average precision is given of; empty where it was not measured."""
    if "average_precision" not in measured(evaluation):
        return ""
    name, share = rarer(evaluation.task)
    return (
        f"Average precision is that of “{name}”, which is {percent(share)} of the "
        f"{unit(evaluation)}s: chance gives about {decimal(share)}."
    )


def seconds(value: float) -> str:
    """Give a time of a recording as `1.44 s`, beyond a minute as `2:05.30`."""
    if not math.isfinite(value):
        return NOTHING
    hundredths = round(value * 100)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes}:{rest / 100:05.2f}" if minutes else f"{rest / 100:.2f} s"


def _between(low: str, high: str, score: Score) -> str:
    known = math.isfinite(score.low) and math.isfinite(score.high)
    return f"{low} to {high}" if known else ""


def _signed(value: float) -> str:
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "\N{MINUS SIGN}")


def _tenths(value: float) -> str:
    text = f"{value:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "\N{MINUS SIGN}")
