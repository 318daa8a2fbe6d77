"""The choices about a bundle, as the page Export asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import streamlit as st

from embedviz.projector.options import MOST_DIGITS, Options
from embedviz.thumbnails import Colours
from embedviz.ui.exports import common_columns
from embedviz.ui.workspace import Workspace

NO_PICTURES = "no pictures"
CELLS_PX = {
    "choose for me": None,
    "32 px": 32,
    "48 px": 48,
    "64 px": 64,
    "96 px": 96,
    "128 px": 128,
    NO_PICTURES: None,
}
FEWEST_DIGITS = 3
CELL = "export-cell"


def choose(own: Workspace, names: Sequence[str]) -> Options:
    """Ask how these sets are to be written; what is not chosen, the bundle chooses."""
    cell = st.selectbox("Picture of each point", list(CELLS_PX), key=CELL, persist_state="session")
    columns = common_columns(own, names)
    # What one set has another may lack.
    of_sets = "+".join(names)
    with st.expander("More choices", key="more-choices", icon=":material/tune:"):
        pictures = _pictures(columns, of_sets)
        words = _words(columns, of_sets)
        numbers = _numbers()
    return Options(
        cell_px=CELLS_PX[cell],
        with_sprite=cell != NO_PICTURES,
        **pictures,
        **words,
        **numbers,
    )


def _pictures(columns: Sequence[str], of_sets: str) -> dict[str, Any]:
    return {
        "colours": st.selectbox(
            "Colours of the pictures",
            get_args(Colours),
            help="The projector multiplies a picture by its point's colour, so dark ones hide it.",
            key="export-colours",
            persist_state="session",
        ),
        "frame_by": st.selectbox(
            "Frame in the colour of",
            columns,
            index=None,
            placeholder="No frames",
            key=f"export-frame-{of_sets}",
            persist_state="session",
        ),
    }


def _words(columns: Sequence[str], of_sets: str) -> dict[str, Any]:
    chosen = st.multiselect(
        "Columns",
        columns,
        placeholder="All columns",
        key=f"export-columns-{of_sets}",
        persist_state="session",
    )
    return {
        "columns": tuple(chosen) or None,
        "label": st.selectbox(
            "Label points by",
            columns,
            index=None,
            placeholder="Choose for me",
            key=f"export-label-{of_sets}",
            persist_state="session",
        ),
        "join_windows": st.toggle(
            "Join the windows of a recording by a line", key="export-join", persist_state="session"
        ),
    }


def _numbers() -> dict[str, Any]:
    digits = st.selectbox(
        "Digits of the vectors",
        range(FEWEST_DIGITS, MOST_DIGITS + 1),
        index=None,
        placeholder="All, exact to the last bit",
        key="export-digits",
        persist_state="session",
    )
    sample = st.number_input(
        "Windows of each set, at most",
        min_value=2,
        value=None,
        placeholder="All",
        help="Fewer are chosen so that every label keeps its share.",
        key="export-sample",
        persist_state="session",
    )
    base_url = st.text_input(
        "Web address where the files will lie",
        placeholder="https://…",
        help="Only for a bundle that you put on a web server of your own.",
        key="export-base",
        persist_state="session",
    )
    return {"digits": digits, "sample": sample, "base_url": base_url.strip() or None}
