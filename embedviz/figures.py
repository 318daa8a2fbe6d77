"""Plotly figures of what a model heard."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sequential

from embedviz.data import ByteArray, EmbeddingSet
from embedviz.palette import Theme

FONT = '"Source Sans", sans-serif'
"""The app's own."""
TICKS_HZ = (50, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)


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
    # The bands of imported pictures have numbers instead of frequencies.
    unit = "Hz" if facts.bands_hz else "band"
    centres_hz = np.asarray(facts.bands_hz or range(bands), dtype=float)
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
            hovertemplate=f"%{{x:.2f}} s, %{{customdata:.0f}} {unit}: %{{z:.1f}}<extra></extra>",
            colorbar={"title": {"text": facts.patch_unit, "side": "right"}, "thickness": 10},
        )
    )
    figure.update_xaxes(title="time in s", range=[start_s, stop_s])
    figure.update_yaxes(
        title=unit, tickvals=np.interp(ticks, positions, np.arange(bands)), ticktext=ticks
    )
    return figure.update_layout(**_frame(theme, left=60, bottom=40))


def patch_span(embedding_set: EmbeddingSet, row: int) -> tuple[float, float]:
    """Give the seconds that a row's patch shows; a window's edges and padding belong to it."""
    values, made = embedding_set.table.iloc[row], embedding_set.provenance
    start_s, stop_s = float(values["start_s"]), float(values["stop_s"])
    if made.per not in ("window", made.window_s):
        return start_s, stop_s
    end_s = stop_s + float(values.get("padding_s", 0.0))
    return min(start_s, end_s - made.window_s), end_s


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
