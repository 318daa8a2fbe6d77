"""The map of a set, alone or beside another: whatever draws it tells the rows that are chosen."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from embedviz import figures
from embedviz.data import EmbeddingSet
from embedviz.errors import EmbedvizError
from embedviz.neighbours import IndexArray
from embedviz.palette import DARK, LIGHT, Theme
from embedviz.ui import home
from embedviz.ui.addresses import address
from embedviz.ui.workspace import Workspace

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

_HTML = home.asset("explorer.html").read_text()


def _component(name: str, html: str) -> ComponentRenderer:
    return st.components.v2.component(
        name,
        html=html,
        css=home.asset("explorer.css").read_text(),
        js=home.asset("explorer.js").read_text(),
        # Plotly puts its own style sheet into the page, which a shadow root would not see.
        isolate_styles=False,
    )


_one = _component("embedviz_map", _HTML)
_two = _component("embedviz_pair", f'<div class="map-pair">{_HTML}{_HTML}</div>')


@dataclass(frozen=True)
class Beside:
    """One of two maps whose rows correspond."""

    name: str
    """The set's name in the workspace."""
    embedding_set: EmbeddingSet
    """The rows that correspond, with the projection to draw."""
    numbers: IndexArray
    """(N,) the numbers of these rows in the set's file."""
    figure: go.Figure
    heading: str
    note: str
    """What is said beside the heading, less loudly."""


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
    figure = figures.scatter(embedding_set, projection, colour_by, current_theme())
    title = _title(name, embedding_set, f"coloured by {colour_by}")
    _one(
        key=_key(name, embedding_set),
        data={"maps": [_drawn(workspace, name, embedding_set, figure, title, pinned=pinned)]},
        on_rows_change=lambda: None,
    )
    if projection.explained_variance:
        shares = ", ".join(f"{share:.0%}" for share in projection.explained_variance)
        st.caption(f"The axes hold {shares} of the variance.")


def show_pair(
    workspace: Workspace, sides: tuple[Beside, Beside], *, key: str, pinned: int | None
) -> None:
    """Draw two maps side by side; `chosen_pairs` tells what is chosen on either.

    Parameters
    ----------
    sides
        Two maps of as many rows; row i of both is the same sound.
    key
        The name of the pair, which `chosen_pairs` is asked with.
    pinned
        The row to draw a ring around in both.
    """
    maps = []
    for side in sides:
        title = _title(side.name, side.embedding_set, side.heading)
        drawn = _drawn(workspace, side.name, side.embedding_set, side.figure, title, pinned=pinned)
        maps.append(drawn | {"heading": [side.heading, side.note], "numbers": packed(side.numbers)})
    _two(key=key, data={"maps": maps}, on_rows_change=lambda: None)


def chosen_rows(name: str, embedding_set: EmbeddingSet) -> list[int]:
    """Give the rows that are chosen on a set's map, in ascending order."""
    return chosen_pairs(_key(name, embedding_set), len(embedding_set))


def chosen_pairs(key: str, count: int) -> list[int]:
    """Give the rows, of `count`, that are chosen on one of two maps, in ascending order."""
    state = st.session_state.get(key, {})
    return unpacked(state.get("rows") or "", count)


def picture_query(theme: Theme) -> str:
    """Give the part of a picture's address that fits it to the theme."""
    return "?colours=magma" if theme is DARK else "?colours=inverted"


def packed(rows: IndexArray) -> str:
    """Give row numbers as base64 of little-endian uint32."""
    return base64.b64encode(rows.astype("<u4").tobytes()).decode()


def unpacked(rows: str, count: int) -> list[int]:
    """Give row numbers below `count` from base64 of little-endian uint32; nonsense gives none."""
    try:
        numbers = np.frombuffer(base64.b64decode(rows, validate=True), "<u4")
    except (binascii.Error, ValueError):
        return []
    return [int(row) for row in np.unique(numbers) if row < count]


def _drawn(
    workspace: Workspace,
    name: str,
    embedding_set: EmbeddingSet,
    figure: go.Figure,
    title: str,
    *,
    pinned: int | None,
) -> dict[str, Any]:
    """Give what the browser needs for one map."""
    pictures = address("picture", workspace, name, "{row}.png") + picture_query(current_theme())
    return {
        "figure": figure.to_json(),
        "title": f"{title}. The box named Window chooses a point with the keyboard.",
        "pictures": None if embedding_set.thumbnails is None else pictures,
        "sounds": address("sound", workspace, name, "{row}.wav?fade=1"),
        "pinned": pinned,
    }


def _title(name: str, embedding_set: EmbeddingSet, more: str) -> str:
    return f"Map of {name}: {len(embedding_set):,} points, {more}"


def _key(name: str, embedding_set: EmbeddingSet) -> str:
    # In 3-D Plotly needs another kind of scene: a map of its own.
    dims = 2 if embedding_set.projection is None else embedding_set.projection.dims
    return f"map-{name}-{dims}"
