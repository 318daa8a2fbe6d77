"""Plotly figures of an evaluation; a table beside each says the same in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from embedviz import palette
from embedviz.evaluation.report import comparing, words
from embedviz.evaluation.report.headline import accuracy, ranked, told_apart
from embedviz.evaluation.results import Confound, Evaluation, Point, Probed, Score
from embedviz.figures import FONT
from embedviz.palette import Theme

ROW_PX, FRAME_PX, CURVES_PX = 30, 84, 320
LONGEST_NAME = 34
MOST_CURVES = 12


def colours(evaluation: Evaluation, theme: Theme) -> dict[str, str]:
    """Give each model a colour that people with any colour vision tell apart; baselines grey."""
    grey = {one.model for one in evaluation.probed if one.baseline}
    names = [n for n in dict.fromkeys(one.model for one in evaluation.probed) if n not in grey]
    every = palette.category_colours(palette.MOST_CATEGORIES, theme)
    found = {name: every[place % len(every)] for place, name in enumerate(names)}
    return found | dict.fromkeys(grey, theme.muted)


def strip(evaluation: Evaluation, probe: str, theme: Theme) -> go.Figure:
    """Draw the accuracy of every model with one probe: interval, mean and each fold."""
    order = [one for one in reversed(ranked(evaluation)) if one.probe == probe]
    own = colours(evaluation, theme)
    figure = go.Figure()
    for row, one in enumerate(order):
        folds = [100 * value for value in one.fold_accuracy if math.isfinite(value)]
        figure.add_scatter(
            x=folds,
            y=[row] * len(folds),
            mode="markers",
            marker={
                "color": own[one.model],
                "size": 13,
                "opacity": 0.7,
                "symbol": "line-ns-open",
                "line": {"width": 2},
            },
            hovertemplate="a fold: %{x:.1f} %<extra></extra>",
        )
        _interval(figure, row, accuracy(one), own[one.model], one.model)
    _line(figure, 100 * evaluation.task.majority, theme, "majority")
    return _rows(figure, [one.model for one in order], theme, "accuracy in %")


def differences(evaluation: Evaluation, probe: str, theme: Theme) -> go.Figure:
    """Draw by how much models differ with one probe; grey where they cannot be told apart."""
    found = [comparing.positive(one) for one in evaluation.differences if one.probe == probe]
    found.sort(key=lambda one: one.accuracy.value)
    figure = go.Figure()
    for row, one in enumerate(found):
        colour = theme.accent if told_apart(one) else theme.muted
        _interval(figure, row, one.accuracy, colour, f"{one.a} minus {one.b}")
    _line(figure, 0.0, theme, "no difference")
    names = [f"{_short(one.a, 24)} − {_short(one.b, 24)}" for one in found]
    return _rows(figure, names, theme, "percentage points")


def curves(
    evaluation: Evaluation, found: Sequence[Probed], along: str, theme: Theme, *, labelled: bool
) -> go.Figure:
    """Draw accuracy against a setting or the number of labelled recordings.

    Parameters
    ----------
    found
        The models whose curves are drawn.
    along
        What the horizontal axis counts.
    labelled
        Whether against labelled recordings.
    """
    own = colours(evaluation, theme)
    figure = go.Figure()
    every: set[float] = set()
    for place, one in enumerate(found[:MOST_CURVES]):
        points = one.by_labelled if labelled else one.by_setting
        every |= {point.x for point in points}
        _band(figure, points, own[one.model])
        figure.add_scatter(
            x=[point.x for point in points],
            y=[100 * point.score.value for point in points],
            mode="lines+markers",
            name=_short(one.model),
            line={"color": own[one.model], "width": 2},
            marker={"symbol": palette.SYMBOLS[place % len(palette.SYMBOLS)], "size": 7},
            hovertemplate=f"%{{x:.0f}} {along}: %{{y:.1f}} %<extra></extra>",
        )
    figure.add_hline(y=100 * evaluation.task.majority, line=_dashes(theme))
    ticks = sorted(every)
    figure.update_xaxes(title=along, tickvals=ticks, ticktext=[f"{x:.0f}" for x in ticks])
    if ticks and ticks[0] > 0 and ticks[-1] / ticks[0] >= 8:
        figure.update_xaxes(type="log")
    figure.update_yaxes(title="accuracy in %")
    figure.update_layout(legend={"orientation": "h", "y": -0.25}, showlegend=len(found) > 1)
    return _framed(figure, theme, CURVES_PX)


def confounds(evaluation: Evaluation, found: Sequence[Confound], theme: Theme) -> go.Figure:
    """Draw what else one model's vectors predict, beside chance and the label itself."""
    order = list(reversed(found))
    figure = go.Figure()
    for row, one in enumerate(order):
        colour = palette.OKABE_ITO[3] if one.warning else theme.accent
        _interval(figure, row, one.score, colour, one.what)
    figure.add_scatter(
        x=[100 * one.chance for one in order],
        y=list(range(len(order))),
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 14, "color": theme.muted},
        hovertemplate="by chance: %{x:.1f} %<extra></extra>",
    )
    label = comparing.label_score(evaluation, order[0].model)
    if label is not None:
        _line(figure, 100 * label.value, theme, "the label itself")
    return _rows(figure, [one.what for one in order], theme, "score in %")


def _interval(figure: go.Figure, row: int, score: Score, colour: str, name: str) -> None:
    value, low, high = 100 * score.value, 100 * score.low, 100 * score.high
    known = math.isfinite(low) and math.isfinite(high)
    figure.add_scatter(
        x=[value],
        y=[row],
        mode="markers",
        marker={"color": colour, "size": 11},
        error_x={
            "array": [high - value if known else 0],
            "arrayminus": [value - low if known else 0],
            "color": colour,
            "thickness": 2.5,
            "width": 5,
        },
        hovertemplate=f"{_plain(name)}: %{{x:.1f}} ({low:.1f} to {high:.1f})<extra></extra>",
    )


def _band(figure: go.Figure, points: Iterable[Point], colour: str) -> None:
    known = [point for point in points if math.isfinite(point.score.low)]
    across = [point.x for point in known]
    edge = [100 * p.score.high for p in known] + [100 * p.score.low for p in reversed(known)]
    figure.add_scatter(
        x=across + across[::-1],
        y=edge,
        fill="toself",
        fillcolor=colour,
        opacity=0.13,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )


def _line(figure: go.Figure, at: float, theme: Theme, text: str) -> None:
    if math.isfinite(at):
        figure.add_vline(
            x=at,
            line=_dashes(theme),
            annotation={"text": text, "font": {"color": theme.muted, "size": 12}},
            annotation_position="top",
            layer="below",
        )


def _rows(figure: go.Figure, names: Sequence[str], theme: Theme, title: str) -> go.Figure:
    figure.update_xaxes(title=title)
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[_short(name) for name in names],
        range=[-0.9, len(names) - 0.4],
        zeroline=False,
        showgrid=False,
    )
    return _framed(figure.update_layout(showlegend=False), theme, FRAME_PX + ROW_PX * len(names))


def _framed(figure: go.Figure, theme: Theme, height_px: int) -> go.Figure:
    figure.update_xaxes(gridcolor=theme.line, linecolor=theme.line, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=theme.line, linecolor=theme.line, automargin=True)
    return figure.update_layout(
        height=height_px,
        margin={"l": 8, "r": 40, "t": 20, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": theme.text, "size": 13, "family": FONT},
        hoverlabel={"bgcolor": theme.surface, "font": {"color": theme.text}},
        hovermode="closest",
    )


def _dashes(theme: Theme) -> Mapping[str, Any]:
    return {"color": theme.muted, "width": 1.5, "dash": "dash"}


def _short(name: str, longest: int = LONGEST_NAME) -> str:
    return _plain(name if len(name) <= longest else f"{name[: longest - 1].rstrip()}…")


def _plain(text: str) -> str:
    """Escape what Plotly would take for its own markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "% {")


def alternative(evaluation: Evaluation, probe: str) -> str:
    """Say a strip plot in words."""
    said = [
        f"{one.model} {words.percent(accuracy(one).value)}"
        for one in ranked(evaluation)
        if one.probe == probe
    ]
    return f"Accuracy with its interval: {', '.join(said)}; the table above holds all numbers."
