"""The map of a set. This is one piece: whatever draws it tells the rows that are chosen."""

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
    workspace: Workspace,
    name: str,
    embedding_set: EmbeddingSet,
    colour_by: str,
    *,
    pinned: int | None,
) -> None:
    """Draw the map; `chosen_rows` tells what is chosen on it.

    Parameters
    ----------
    name
        The set's name in the workspace.
    embedding_set
        With the projection to draw.
    colour_by
        A column of the set's table.
    pinned
        The row to draw a ring around.
    """
    projection = embedding_set.projection
    if projection is None:
        raise EmbedvizError("The set has no projection yet; choose one above.")
    theme = current_theme()
    pictures = address("picture", workspace, name, "{row}.png") + picture_query(theme)
    _component(
        key=_key(name, embedding_set),
        data={
            "figure": figures.scatter(embedding_set, projection, colour_by, theme).to_json(),
            "title": f"Map of {name}: {len(embedding_set):,} points, coloured by {colour_by}. "
            "The box named Window chooses a point with the keyboard.",
            "pictures": None if embedding_set.thumbnails is None else pictures,
            "sounds": address("sound", workspace, name, "{row}.wav?fade=1"),
            "pinned": pinned,
        },
        on_rows_change=lambda: None,
    )
    if projection.explained_variance:
        shares = ", ".join(f"{share:.0%}" for share in projection.explained_variance)
        st.caption(f"The axes hold {shares} of the variance.")


def chosen_rows(name: str, embedding_set: EmbeddingSet) -> list[int]:
    """Give the rows that are chosen on a set's map, in ascending order."""
    state = st.session_state.get(_key(name, embedding_set), {})
    return unpacked(state.get("rows") or "", len(embedding_set))


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


def _key(name: str, embedding_set: EmbeddingSet) -> str:
    # In 3-D Plotly needs another kind of scene: a map of its own.
    dims = 2 if embedding_set.projection is None else embedding_set.projection.dims
    return f"map-{name}-{dims}"
