"""The figures as a bar chart: one SVG file, which browsers and READMEs show as it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree

from embedviz.bench.measured import Measured, Setting
from embedviz.bench.table import described, hours
from embedviz.models import facts
from embedviz.palette import LIGHT, OKABE_ITO

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 880, 150, 90, 84, 44
BAR, GAP = 14, 16
ROW = 2 * BAR + GAP
WAYS = (("end to end", "end_to_end_s", OKABE_ITO[0]), ("graph alone", "graph_s", OKABE_ITO[5]))


def svg(setting: Setting, found: Sequence[Measured]) -> str:
    """Give the chart: two bars a model, hours of sound a minute on a logarithmic scale."""
    height = TOP + len(found) * ROW + BOTTOM
    chart = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {height}",
            "width": str(WIDTH),
            "height": str(height),
            "role": "img",
            "aria-labelledby": "title words",
            "font-family": "system-ui, sans-serif",
            "font-size": "13",
        },
    )
    heading = "Hours of sound embedded per minute"
    _add(chart, "title", heading, id="title")
    _add(chart, "desc", _words(setting, found), id="words")
    _add(chart, "rect", width="100%", height="100%", fill=LIGHT.surface)
    _text(chart, heading, x=16, y=28, fill=LIGHT.text, size=18)
    _text(chart, described(setting), x=16, y=48, fill=LIGHT.muted, size=12)
    _legend(chart)
    scale = _Scale([m.hours_per_minute(getattr(m, key)) for m in found for _, key, _ in WAYS])
    _grid(chart, scale, height)
    for row, measured in enumerate(found):
        _bars(chart, measured, scale, y=TOP + row * ROW)
    return ElementTree.tostring(chart, encoding="unicode") + "\n"


class _Scale:
    """A logarithmic scale from hours a minute to pixels; it starts with a decade."""

    def __init__(self, values: Sequence[float]) -> None:
        # The shortest bar is seen too.
        self.first = math.floor(math.log10(min(values) / 1.5))
        self.last = max(math.log10(max(values)), self.first + 1.0)

    def decades(self) -> range:
        """Give the powers of ten on the scale."""
        return range(self.first, math.floor(self.last) + 1)

    def x(self, value: float) -> float:
        """Give where a value lies."""
        part = (math.log10(value) - self.first) / (self.last - self.first)
        return LEFT + part * (WIDTH - LEFT - RIGHT)


def _words(setting: Setting, found: Sequence[Measured]) -> str:
    """Give the chart in words, for those who do not see it."""
    said = "; ".join(
        f"{measured.model} {hours(measured, measured.end_to_end_s)} end to end, "
        f"{hours(measured, measured.graph_s)} for the graph alone"
        for measured in found
    )
    return f"{said}. Measured on {described(setting)}."


def _legend(chart: ElementTree.Element) -> None:
    x = LEFT
    for name, _, colour in WAYS:
        _add(chart, "rect", x=x, y=60, width=12, height=12, fill=colour)
        _text(chart, name, x=x + 18, y=71, fill=LIGHT.text)
        x += 130
    _text(chart, "logarithmic scale", x=x, y=71, fill=LIGHT.muted)


def _grid(chart: ElementTree.Element, scale: _Scale, height: int) -> None:
    for power in scale.decades():
        x = scale.x(10.0**power)
        end = height - BOTTOM
        _add(chart, "line", x1=x, x2=x, y1=TOP - 4, y2=end, stroke=LIGHT.line)
        _text(chart, f"{10.0**power:g}", x=x, y=end + 18, fill=LIGHT.muted, anchor="middle")


def _bars(chart: ElementTree.Element, measured: Measured, scale: _Scale, *, y: int) -> None:
    _text(
        chart,
        facts(measured.model).title,
        x=LEFT - 10,
        y=y + BAR + 4,
        fill=LIGHT.text,
        anchor="end",
    )
    for place, (_, key, colour) in enumerate(WAYS):
        seconds = getattr(measured, key)
        x = scale.x(measured.hours_per_minute(seconds))
        top = y + place * BAR
        width = max(1.0, x - LEFT)
        _add(chart, "rect", x=LEFT, y=top, width=width, height=BAR - 1, fill=colour)
        _text(chart, hours(measured, seconds), x=x + 6, y=top + 11, fill=LIGHT.text, size=12)


def _text(
    chart: ElementTree.Element,
    words: str,
    *,
    x: float,
    y: float,
    fill: str,
    size: int = 13,
    anchor: str = "start",
) -> None:
    look: dict[str, str | float] = {"font-size": size, "text-anchor": anchor}
    _add(chart, "text", words, x=x, y=y, fill=fill, **look)


def _add(chart: ElementTree.Element, tag: str, words: str = "", **attributes: str | float) -> None:
    given = {
        name: f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in attributes.items()
    }
    ElementTree.SubElement(chart, tag, given).text = words or None
