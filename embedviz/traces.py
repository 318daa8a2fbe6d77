"""The points of the map as Plotly traces: one a category, or one with a colour bar for numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from embedviz.data import EmbeddingSet, Projection
from embedviz.palette import (
    MOST_CATEGORIES,
    OTHER,
    Theme,
    category_colours,
    category_symbols,
)

MOST_HOVER_TEXTS = 20_000
"""Beyond this many rows the words under the pointer would outweigh the points."""
LONGEST_NAME = 24
"""In characters, of a category in the legend."""


def traces(
    embedding_set: EmbeddingSet, projection: Projection, colour_by: str, theme: Theme
) -> list[Any]:
    """Give the traces of a set coloured by one of its columns; `customdata` is the row number."""
    values = embedding_set.table[colour_by]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return [_numbers(embedding_set, projection, values)]
    return _categories(embedding_set, projection, values, theme)


def _categories(
    embedding_set: EmbeddingSet, projection: Projection, values: pd.Series[Any], theme: Theme
) -> list[Any]:
    groups, others = _groups(values)
    # Alphabetical, so that a class keeps its colour from map to map; what was lumped comes last.
    names = [*sorted(set(groups) - {others}), *filter(None, [others])]
    colours = category_colours(len(names), theme)
    drawn = []
    for name, colour, symbol in zip(names, colours, category_symbols(len(names)), strict=True):
        marker = {"color": OTHER if name == others else colour, "symbol": symbol}
        rows = np.flatnonzero(groups.to_numpy() == name)
        words = f"{_shortened(name)} · {len(rows):,}"
        drawn.append(_trace(embedding_set, projection, rows, marker, words))
    return drawn


def _groups(values: pd.Series[Any]) -> tuple[pd.Series[str], str | None]:
    """Give a category for each row, at most 20, and the name of the one that lumps the rare."""
    text = values.where(values.notna(), "").astype(str).replace("", "unknown")
    counts = text.value_counts()
    if len(counts) <= MOST_CATEGORIES:
        return text, None
    kept = counts.index[: MOST_CATEGORIES - 1]
    others = f"{len(counts) - len(kept)} others"
    return text.where(text.isin(kept), others), others


def _shortened(name: str) -> str:
    short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    # Plotly takes angle brackets for tags.
    return short.replace("&", "&amp;").replace("<", "&lt;")


def _numbers(embedding_set: EmbeddingSet, projection: Projection, values: pd.Series[Any]) -> Any:  # noqa: ANN401 (either kind of trace)
    marker = {
        "color": values.to_numpy(np.float32),
        "colorscale": "Viridis",
        "showscale": True,
        "colorbar": {"title": {"text": str(values.name), "side": "right"}, "thickness": 12},
    }
    rows = np.arange(len(values))
    return _trace(embedding_set, projection, rows, marker, str(values.name)).update(
        showlegend=False
    )


def _trace(
    embedding_set: EmbeddingSet,
    projection: Projection,
    rows: np.ndarray,
    marker: dict[str, Any],
    name: str,
) -> Any:  # noqa: ANN401 (either kind of trace)
    points = projection.coordinates[rows]
    size = 8 if len(embedding_set) <= 2_000 else 5 if len(embedding_set) <= 20_000 else 3
    common = {
        "mode": "markers",
        "name": name,
        # The map shows a card of its own; its words are the text.
        "hoverinfo": "none",
        "customdata": rows.astype(np.int32),
        "x": points[:, 0],
        "y": points[:, 1],
        "marker": {"size": size, "opacity": 0.85, "line": {"width": 0}, **marker},
    }
    if len(embedding_set) <= MOST_HOVER_TEXTS:
        common["text"] = _hover_texts(embedding_set.table.iloc[rows])
    if projection.dims == 3:
        common["marker"]["size"] = size / 3
        return go.Scatter3d(**common, z=points[:, 2])
    return go.Scattergl(**common)


def _hover_texts(rows: pd.DataFrame) -> list[str]:
    labels = rows["label"] if "label" in rows else [""] * len(rows)
    return [
        f"{label}\n{recording}\n{start:.2f} to {stop:.2f} s".lstrip()
        for label, recording, start, stop in zip(
            labels, rows["recording"], rows["start_s"], rows["stop_s"], strict=True
        )
    ]
