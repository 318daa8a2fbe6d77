"""Plotly figures: the map, what the model heard, and the recording around it.

Each is a pure function of its arguments; the map never depends on what is selected, because a
changed figure would lose the selection.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sequential

from embedviz.data import ByteArray, EmbeddingSet, Projection
from embedviz.palette import Theme
from embedviz.spectrogram import Spectrogram
from embedviz.traces import traces

FONT = '"Source Sans", sans-serif'
"""The app's own."""
LEGEND_PX = 84
TICKS_HZ = (50, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)


def colour_columns(embedding_set: EmbeddingSet) -> list[str]:
    """Give the columns that a map can be coloured by, the most telling first."""
    table = embedding_set.table
    first = [*embedding_set.label_columns, "top_class", "recording", "start_s"]
    rest = [name for name in table.columns if name not in first and name != "stop_s"]
    told_apart = [name for name in rest if table[name].nunique() > 1]
    return [name for name in first if name in table] + told_apart


def scatter(
    embedding_set: EmbeddingSet, projection: Projection, colour_by: str, theme: Theme
) -> go.Figure:
    """Draw the map: one trace a category, or one with a colour bar for numbers.

    Every point's `customdata` is its row number, which is all that a selection needs.
    """
    figure = go.Figure(traces(embedding_set, projection, colour_by, theme))
    figure.update_layout(**_axes(projection, theme), **_frame(theme))
    return figure.update_layout(
        # Colours may change, the view stays.
        uirevision=f"{projection.method}{projection.dims}{sorted(projection.settings.items())}",
        dragmode="lasso" if projection.dims == 2 else "orbit",
        hovermode="closest",
        # Beyond some lines it scrolls, so that many labels leave room for the map.
        legend={
            "itemsizing": "constant",
            "orientation": "h",
            "y": -0.02,
            "yanchor": "top",
            "maxheight": LEGEND_PX,
        },
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": theme.muted, "activecolor": theme.accent},
    )


def heard(thumbnail: ByteArray, embedding_set: EmbeddingSet, row: int, theme: Theme) -> go.Figure:
    """Draw what the model received for a row: time in s, frequency in Hz, its own units.

    Parameters
    ----------
    thumbnail
        (frames, bands) as the set keeps it.
    """
    facts = embedding_set.provenance
    start_s, stop_s = patch_span(embedding_set, row)
    low, high = facts.patch_range
    values = low + thumbnail.astype(np.float32) / 255 * (high - low)
    frames, bands = thumbnail.shape
    step = (stop_s - start_s) / frames
    centres_hz = np.asarray(facts.bands_hz)
    # Kept pictures have at most 128 bands, each the mean of the model's own beside it.
    positions = np.interp(np.arange(bands), np.linspace(0, bands - 1, len(centres_hz)), centres_hz)
    ticks = [hz for hz in TICKS_HZ if positions[0] <= hz <= positions[-1]]
    figure = go.Figure(
        go.Heatmap(
            z=values.T,
            x0=start_s + step / 2,
            dx=step,
            colorscale=_spectrogram_colours(theme),
            zmin=low,
            zmax=high,
            customdata=np.repeat(np.round(positions)[:, np.newaxis], frames, axis=1),
            hovertemplate="%{x:.2f} s, %{customdata:.0f} Hz: %{z:.1f}<extra></extra>",
            colorbar={"title": {"text": facts.patch_unit, "side": "right"}, "thickness": 10},
        )
    )
    figure.update_xaxes(title="time in s", range=[start_s, stop_s])
    figure.update_yaxes(
        title="Hz", tickvals=np.interp(ticks, positions, np.arange(bands)), ticktext=ticks
    )
    return figure.update_layout(**_frame(theme, left=60, bottom=40))


def around(
    picture: Spectrogram, offset_s: float, window_s: tuple[float, float], theme: Theme
) -> go.Figure:
    """Draw the recording around a window, which is framed.

    Parameters
    ----------
    picture
        The spectrogram of the stretch.
    offset_s
        Where the stretch starts in the recording.
    window_s
        Start and stop of the window in the recording.
    """
    figure = go.Figure(
        go.Heatmap(
            z=picture.levels_db.T,
            x=picture.times_s + offset_s,
            y=picture.bands_hz / 1000,
            colorscale=_spectrogram_colours(theme),
            showscale=False,
            hovertemplate="%{x:.2f} s, %{y:.1f} kHz: %{z:.0f} dB<extra></extra>",
        )
    )
    figure.add_vrect(
        *window_s, line={"color": theme.accent, "width": 2}, fillcolor=theme.accent, opacity=0.18
    )
    figure.update_xaxes(title="time in s")
    figure.update_yaxes(title="kHz")
    return figure.update_layout(**_frame(theme, left=48, bottom=40))


def patch_span(embedding_set: EmbeddingSet, row: int) -> tuple[float, float]:
    """Give the seconds that a row's patch shows; a window's edges and padding belong to it."""
    values, made = embedding_set.table.iloc[row], embedding_set.provenance
    start_s, stop_s = float(values["start_s"]), float(values["stop_s"])
    if made.per not in ("window", made.window_s):
        return start_s, stop_s
    end_s = stop_s + float(values.get("padding_s", 0.0))
    return min(start_s, end_s - made.window_s), end_s


def _axes(projection: Projection, theme: Theme) -> dict[str, Any]:
    """Give axes of fixed ranges: those that Plotly finds move with every ring around a point."""
    low, high = projection.coordinates.min(axis=0), projection.coordinates.max(axis=0)
    margin = np.where(high > low, 0.06 * (high - low), 1.0)
    ranges = np.stack([low - margin, high + margin], axis=1).astype(float).tolist()
    if projection.dims == 2:
        x, y = ({"visible": False, "range": ends} for ends in ranges)
        return {"xaxis": x, "yaxis": {**y, "scaleanchor": "x"}}
    plain: dict[str, Any] = {"showticklabels": False, "zeroline": False, "showspikes": False}
    plain |= {"backgroundcolor": "rgba(0,0,0,0)", "gridcolor": theme.line}
    axes = {
        f"{name}axis": {**plain, "title": title, "range": ends}
        for name, title, ends in zip("xyz", _axis_titles(projection), ranges, strict=True)
    }
    # A little further away than Plotly's own, whose axes' titles are cut off.
    camera = {"eye": {"x": 1.45, "y": 1.45, "z": 1.2}}
    return {"scene": {**axes, "aspectmode": "auto", "camera": camera}}


def _axis_titles(projection: Projection) -> list[str]:
    if not projection.explained_variance:
        return [""] * projection.dims
    return [
        f"PC{i} ({share:.0%})" for i, share in enumerate(projection.explained_variance, start=1)
    ]


def _spectrogram_colours(theme: Theme) -> list[str]:
    """Give the colours of spectrograms, quiet to loud."""
    first, *rest = getattr(sequential, theme.spectrogram)
    # Streamlit takes #000004, Magma's first, for a place holder and puts another colour there.
    return ["#05020f" if first == "#000004" else first, *rest]


def _frame(theme: Theme, *, left: int = 0, bottom: int = 0) -> dict[str, Any]:
    return {
        "margin": {"l": left, "r": 0, "t": 4, "b": bottom},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": theme.muted, "size": 12, "family": FONT},
        "hoverlabel": {"bgcolor": theme.surface, "font": {"color": theme.text}},
    }
