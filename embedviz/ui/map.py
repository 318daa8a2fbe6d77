"""The listening map on a page: one map with its side panel, or two whose rows correspond.

The browser gets addresses here, not rows: it asks `embedviz.server` for places, columns, pictures
and sounds itself, and answers with the name of what is selected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import streamlit as st

from embedviz import packing, palette, sheets
from embedviz.data import EmbeddingSet
from embedviz.errors import EmbedvizError
from embedviz.neighbours import IndexArray
from embedviz.palette import DARK, LIGHT, Theme
from embedviz.titles import axis_titles
from embedviz.ui import home
from embedviz.ui.addresses import address as address_to
from embedviz.ui.packs import publish
from embedviz.ui.workspace import Workspace

_component = st.components.v2.component(
    "embedviz_map",
    html=home.asset("explorer.html").read_text(),
    css="\n".join(home.asset(f"{name}.css").read_text() for name in ("explorer", "panel", "lists")),
    js=home.asset("explorer.js").read_text(),
    # Plotly puts its own style sheet into the page, which a shadow root would not see.
    isolate_styles=False,
)


@dataclass(frozen=True)
class Column:
    """A column that a map can show which is not in its set's table."""

    name: str
    title: str
    kind: str
    """`numbers` or `names`."""
    pack: str
    """Under which it is published, for the rows of the map."""


@dataclass(frozen=True)
class Look:
    """What the points of a map show."""

    colour: str
    """A column of the table, or the name of a `Column`."""
    size: str | None = None
    shown: tuple[str, ...] | None = None
    """The names that have colours of their own; None for the most frequent."""


@dataclass(frozen=True)
class Drawn:
    """A set as one map shows it."""

    name: str
    """In the workspace."""
    embedding_set: EmbeddingSet
    """With the projection to draw."""
    columns: Sequence[Column] = ()
    numbers: IndexArray | None = None
    """(N,) the numbers of these rows in the set's file; None for all of them."""
    total: int | None = None
    """How many rows the file has, where `numbers` are some of them."""
    heading: tuple[str, str] | None = None
    """What is said above the map, loudly and less loudly."""
    names: Sequence[Mapping[str, Any]] = ()
    """Words on the map: `text` and `at`, a place."""
    guests: Sequence[Sequence[float]] = ()
    """Places of sounds that are not in the set."""


def show_map(
    workspace: Workspace,
    maps: Sequence[Drawn],
    look: Look,
    *,
    key: str,
    selection: str = "",
    pinned: int | None = None,
    address: Mapping[str, str | None] | None = None,
) -> None:
    """Draw a map with its side panel, or two maps side by side; `Chosen.on` tells what is chosen.

    Parameters
    ----------
    maps
        One, or two of as many rows; row i of both is the same sound.
    key
        The name of the map on this page.
    selection, pinned
        The selection and the row to begin with.
    address
        What the page's address is to say; the map adds what is chosen. None leaves it alone.
    """
    first = maps[0]
    _component(
        key=key,
        data={
            "count": len(first.embedding_set),
            "total": first.total or len(first.embedding_set),
            "maps": [_described(workspace, drawn) for drawn in maps],
            "colour": _titled(first, look.colour) | {"shown": look.shown},
            "size": None if look.size is None else _titled(first, look.size),
            "palette": {
                "light": palette.category_colours(palette.MOST_CATEGORIES, LIGHT),
                "dark": palette.category_colours(palette.MOST_CATEGORIES, DARK),
                "other": palette.OTHER,
            },
            "panel": len(maps) == 1,
            "selection": address_to("selection", workspace, first.name),
            "restore": selection or None,
            "pinned": pinned,
            "address": address,
        },
        on_selection_change=lambda: None,
        on_pinned_change=lambda: None,
        on_shown_change=lambda: None,
    )


def current_theme() -> Theme:
    """Give the colours of the theme that the user sees."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def picture_query(theme: Theme) -> str:
    """Give the part of a picture's address that fits it to the theme."""
    return "?colours=magma" if theme is DARK else "?colours=inverted"


def _described(workspace: Workspace, drawn: Drawn) -> dict[str, Any]:
    """Give what the browser needs for one map."""
    found, projection = drawn.embedding_set, drawn.embedding_set.projection
    if projection is None:
        raise EmbedvizError("The set has no projection yet; choose one above.")
    points = publish(workspace, packing.pack_points(projection.coordinates))
    numbers = None
    if drawn.numbers is not None:
        numbers = _pack(workspace, publish(workspace, packing.pack_numbers(drawn.numbers)))
    return {
        "title": f"Map of {drawn.name}: {len(found):,} points",
        "heading": drawn.heading,
        "points": _pack(workspace, points),
        "axes": axis_titles(projection),
        "columns": _columns(workspace, drawn),
        "addresses": _addresses(workspace, drawn),
        "pictures": None if found.thumbnails is None else sheets.layout(found.thumbnails),
        "numbers": numbers,
        "names": list(drawn.names),
        "guests": [list(map(float, place)) for place in drawn.guests],
    }


def _columns(workspace: Workspace, drawn: Drawn) -> list[dict[str, Any]]:
    """List what can be asked about the rows: labels first, then what was computed."""
    table, state = drawn.embedding_set.table, workspace.state(drawn.name)
    first = [*drawn.embedding_set.label_columns, "top_class", "recording", "start_s", "stop_s"]
    names = dict.fromkeys([*(name for name in first if name in table), *table.columns])
    kept = [
        {
            "name": name,
            "title": name,
            "kind": "numbers" if packing.is_numeric(table[name]) else "names",
            "url": address_to("column", workspace, drawn.name, f"{quote(name, safe='')}?{state}"),
        }
        for name in names
    ]
    return kept + [
        {
            "name": column.name,
            "title": column.title,
            "kind": column.kind,
            "url": _pack(workspace, column.pack),
            "own": True,
        }
        for column in drawn.columns
    ]


def _addresses(workspace: Workspace, drawn: Drawn) -> dict[str, str | None]:
    def at(kind: str, rest: str) -> str:
        return address_to(kind, workspace, drawn.name, rest)

    pictured = drawn.embedding_set.thumbnails is not None
    return {
        "sound": at("sound", "{row}.wav"),
        "stretch": at("stretch", "{row}.wav"),
        "recording": at("recording", "{row}"),
        "around": at("around", "{row}.png"),
        "row": at("row", "{row}.json"),
        "nearest": at("nearest", "{row}.json"),
        "similar": at("similar", "{row}.json"),
        "picture": at("picture", "{row}.png") if pictured else None,
        "sheet": at("sheet", "{level}/{index}.png") if pictured else None,
    }


def _titled(drawn: Drawn, name: str) -> dict[str, Any]:
    titles = {column.name: column.title for column in drawn.columns}
    return {"name": name, "title": titles.get(name, name)}


def _pack(workspace: Workspace, digest: str) -> str:
    return address_to("pack", workspace, digest)
