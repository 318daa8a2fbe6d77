"""Accuracy against a setting: small charts, one a model, with the other models in grey behind."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embedviz.evaluation.report.headline import ranked
from embedviz.evaluation.report.words import percent, percent_range
from embedviz.evaluation.results import PROBES, Evaluation, Point, Probed

WIDTH, HEIGHT = 220, 140
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 8, 22
"""Margins of a chart, in its own units."""
_LOG_FROM = 8
"""From this ratio of the largest to the smallest setting on, the axis is logarithmic."""
_MOST_TICKS = 5


@dataclass(frozen=True)
class Dot:
    """A measured place."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Panel:
    """The curve of one model."""

    model: str
    line: str
    """Points of a line as SVG wants them."""
    band: str
    """The corners of its interval."""
    dots: tuple[Dot, ...]
    behind: tuple[str, ...]
    """The lines of the other models."""


@dataclass(frozen=True)
class Curves:
    """The curves of all models with one probe, on the same axes."""

    title: str
    along: str
    """What the horizontal axis counts."""
    panels: tuple[Panel, ...]
    across: tuple[tuple[float, str], ...]
    """Ticks of the horizontal axis."""
    up: tuple[tuple[float, str], ...]
    majority: float
    """The height of always saying the commonest class."""


def by_setting(evaluation: Evaluation) -> list[Curves]:
    """Give accuracy against components and against neighbours."""
    along = {"logistic": "components of the PCA", "nearest": "neighbours asked"}
    return [
        curves
        for probe in PROBES
        for curves in _curves(evaluation, probe, along[probe], lambda one: one.by_setting)
    ]


def by_labelled(evaluation: Evaluation) -> list[Curves]:
    """Give accuracy against the number of labelled recordings."""
    return [
        curves
        for probe in PROBES
        for curves in _curves(evaluation, probe, "labelled recordings", lambda one: one.by_labelled)
    ]


def _curves(
    evaluation: Evaluation, probe: str, along: str, points: Callable[[Probed], tuple[Point, ...]]
) -> list[Curves]:
    known = {
        one.model: found
        for one in ranked(evaluation)
        if one.probe == probe
        and len(found := [p for p in points(one) if math.isfinite(p.score.value)]) > 1
    }
    if not known:
        return []
    every = [point for found in known.values() for point in found]
    majority = evaluation.task.majority
    x, across = _across([point.x for point in every])
    lows = [_or(point.score.low, point.score.value) for point in every]
    y, up = _up(min([*lows, majority]))
    lines = {model: _text((x(p.x), y(p.score.value)) for p in found) for model, found in
             known.items()}  # fmt: skip
    panels = tuple(
        Panel(
            model=model,
            line=lines[model],
            band=_band(found, x, y),
            dots=tuple(Dot(x(p.x), y(p.score.value), _words(p, along)) for p in found),
            behind=tuple(line for other, line in lines.items() if other != model),
        )
        for model, found in known.items()
    )
    return [Curves(PROBES[probe], along, panels, across, up, y(majority))]


def _words(point: Point, along: str) -> str:
    range_ = percent_range(point.score)
    return f"{point.x:g} {along}: {percent(point.score.value)}" + (f" ({range_})" if range_ else "")


def _across(
    values: Sequence[float],
) -> tuple[Callable[[float], float], tuple[tuple[float, str], ...]]:
    places = sorted(set(values))
    log = places[0] > 0 and places[-1] / places[0] >= _LOG_FROM
    shown: Callable[[float], float] = math.log if log else float
    low, high = shown(places[0]), shown(places[-1])

    def x(value: float) -> float:
        share = (shown(value) - low) / ((high - low) or 1)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    every = -(-len(places) // _MOST_TICKS)
    ticks = places[::-1][::every][::-1]
    return x, tuple((x(value), f"{value:g}") for value in ticks)


def _up(lowest: float) -> tuple[Callable[[float], float], tuple[tuple[float, str], ...]]:
    """Give heights: up to 100 %, from the quarter below the lowest value."""
    low = min(max(math.floor(lowest * 4) / 4, 0.0), 0.75)

    def y(value: float) -> float:
        share = (value - low) / (1 - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    step = (1 - low) / (2 if low >= 0.5 else 4 if low == 0 else 3)
    marks = [low + step * n for n in range(round((1 - low) / step) + 1)]
    return y, tuple((y(mark), f"{100 * mark:g} %") for mark in marks)


def _band(found: Sequence[Point], x: Callable[[float], float], y: Callable[[float], float]) -> str:
    above = [(x(p.x), y(_or(p.score.high, p.score.value))) for p in found]
    below = [(x(p.x), y(_or(p.score.low, p.score.value))) for p in found]
    return _text([*above, *reversed(below)])


def _or(value: float, otherwise: float) -> float:
    return value if math.isfinite(value) else otherwise


def _text(places: object) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)  # type: ignore[attr-defined]
