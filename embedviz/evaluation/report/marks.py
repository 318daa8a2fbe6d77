"""Where numbers lie on a line: scales, their ticks, and rows of dots with intervals.

A chart of the report is a table whose cells each hold one drawing of the same scale, so that names
of any length wrap and pages break between rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from embedviz.evaluation.results import Score

WIDTH = 320
"""Of a drawing, in its own units."""
_MARGIN = 14
_TICKS = 5


@dataclass(frozen=True)
class Tick:
    """A place on a scale and what is written there."""

    x: float
    text: str


@dataclass(frozen=True)
class Scale:
    """A line from `low` to `high`."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def at(self, value: float) -> float:
        """Give the place of a value, in units of the drawing."""
        share = (value - self.low) / (self.high - self.low)
        return round(_MARGIN + share * (WIDTH - 2 * _MARGIN), 1)


@dataclass(frozen=True)
class Marks:
    """What one row draws."""

    x: float | None
    """Of the value; None where there is no number."""
    low: float | None
    high: float | None
    dots: tuple[float, ...] = ()
    lines: tuple[Tick, ...] = ()
    """Values to compare with, and what they are."""
    hollow: float | None = None
    """An earlier value, from which an arrow leads to the value."""
    words: str = ""
    """The row in words, for those who do not see it."""


def scale(
    values: Iterable[float], words: Callable[[float], str], *, also: Sequence[float] = ()
) -> Scale:
    """Give a scale that holds all values.

    Parameters
    ----------
    words
        Writes a value beside its tick.
    also
        Values that must lie on the scale, as 0 of differences.
    """
    known = [value for value in [*values, *also] if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    step = _step(high - low)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    empty = Scale(first * step, last * step, ())
    ticks = [Tick(empty.at(n * step), words(n * step)) for n in range(first, last + 1)]
    return Scale(empty.low, empty.high, tuple(ticks))


def score_values(scores: Iterable[Score]) -> list[float]:
    """Give all numbers of scores, for `scale`."""
    return [number for one in scores for number in (one.value, one.low, one.high)]


def marks(
    own: Scale,
    score: Score,
    *,
    words: str,
    dots: Sequence[float] = (),
    lines: Sequence[tuple[float, str]] = (),
    before: float = math.nan,
) -> Marks:
    """Place a score, its interval and what it is compared with on a scale.

    Parameters
    ----------
    dots
        Single values around the score, as those of folds.
    lines
        Values to compare with, and what they are.
    before
        An earlier value of the same thing.
    """
    return Marks(
        x=_place(own, score.value),
        low=_place(own, score.low),
        high=_place(own, score.high),
        dots=tuple(own.at(dot) for dot in dots if math.isfinite(dot)),
        lines=tuple(Tick(own.at(value), what) for value, what in lines if math.isfinite(value)),
        hollow=_place(own, before),
        words=words,
    )


def _place(own: Scale, value: float) -> float | None:
    return own.at(value) if math.isfinite(value) else None


def _step(span: float) -> float:
    """Give the distance of ticks: 1, 2 or 5 times a power of ten."""
    wanted = max(span, 1e-3) / _TICKS
    power = 10.0 ** math.floor(math.log10(wanted))
    return power * next(times for times in (1, 2, 5, 10) if times * power >= wanted * (1 - 1e-9))
