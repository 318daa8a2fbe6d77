"""The map of a set. This is one piece: whatever draws it gives back the rows that are chosen."""

from __future__ import annotations

import base64
import binascii

import numpy as np
import streamlit as st

from embedviz import figures
from embedviz.data import EmbeddingSet
from embedviz.errors import EmbedvizError
from embedviz.palette import DARK, LIGHT, Theme
from embedviz.ui import home
from embedviz.ui.addresses import address
from embedviz.ui.workspace import Workspace

HEIGHT_PX = 620

_component = st.components.v2.component(
    "embedviz_map",
    html=home.asset("explorer.html").read_text(),
    css=home.asset("explorer.css").read_text(),
    js=home.asset("explorer.js").read_text(),
    # Plotly puts its own style sheet into the page, which a shadow root would not see.
    isolate_styles=False,
)


def current_theme() -> Theme:
    """Give the colours of the theme that the user sees."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def show_map(
    workspace: Workspace, name: str, embedding_set: EmbeddingSet, colour_by: str
) -> list[int]:
    """Draw the map and give the chosen rows, in ascending order.

    Parameters
    ----------
    name
        The set's name in the workspace.
    embedding_set
        With the projection to draw.
    colour_by
        A column of the set's table.
    """
    projection = embedding_set.projection
    if projection is None:
        raise EmbedvizError("The set has no projection yet; choose one above.")
    theme = current_theme()
    key = f"map-{name}-{projection.dims}"
    rows = unpacked(st.session_state.get(key, {}).get("rows", ""), len(embedding_set))
    figure = figures.scatter(embedding_set, projection, colour_by, theme)
    result = _component(
        key=key,
        height=HEIGHT_PX,
        data={
            "figure": figure.update_layout(height=HEIGHT_PX).to_json(),
            "pictures": address("picture", workspace, name, "{row}.png") + picture_query(theme),
            "sounds": address("sound", workspace, name, "{row}.wav?fade=1"),
            "pinned": rows[0] if rows else None,
        },
        on_rows_change=lambda: None,
    )
    if projection.explained_variance:
        shares = ", ".join(f"{share:.0%}" for share in projection.explained_variance)
        st.caption(f"The axes hold {shares} of the variance.")
    return unpacked(result.rows or "", len(embedding_set))


def picture_query(theme: Theme) -> str:
    """Give the part of a picture's address that fits it to the theme."""
    return "?colours=magma" if theme is DARK else "?colours=inverted"


def unpacked(rows: str, count: int) -> list[int]:
    """Give row numbers below `count` from base64 of little-endian uint32; nonsense gives none."""
    try:
        numbers = np.frombuffer(base64.b64decode(rows, validate=True), "<u4")
    except (binascii.Error, ValueError):
        return []
    return [int(row) for row in np.unique(numbers) if row < count]
