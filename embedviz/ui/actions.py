"""What can be done with the rows that are selected on a map: label, take along, compare."""

from __future__ import annotations

import numpy as np
import streamlit as st

from embedviz.data import EmbeddingSet
from embedviz.errors import EmbedvizError
from embedviz.neighbours import IndexArray
from embedviz.ui.chosen import Chosen
from embedviz.ui.handouts import show_handouts, submit_clips, submit_page
from embedviz.ui.progress import plain
from embedviz.ui.relabelling import can_undo, set_label, undo
from embedviz.ui.session import go
from embedviz.ui.workspace import Workspace

SENT = "sent-to-compare"
"""The key under which Compare finds a set and its selection that Explore sent."""
NEW_COLUMN = "a new column …"
BUDGETS_MB = (5, 20, 50, 100)


def show_actions(
    workspace: Workspace, name: str, embedding_set: EmbeddingSet, chosen: Chosen, colour: str
) -> None:
    """Draw the row of buttons below the map and what came of them."""
    rows = chosen.rows(workspace, name, len(embedding_set))
    nothing = len(rows) == 0
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(rows):,} selected**", width="content")
        # Another key when labels have changed: a popover that is there stays open.
        key = f"label-{name}-{workspace.state(name)}"
        with st.popover("Label", icon=":material/label:", disabled=nothing, key=key):
            label_form(workspace, name, embedding_set, rows)
        if can_undo(workspace, name) and st.button(
            "Undo label", icon=":material/undo:", key=f"undo-{name}"
        ):
            undo(workspace, name)
            # A column may be gone from the choices above the map.
            st.rerun()
        st.download_button(
            "CSV",
            lambda: table_of(embedding_set, rows),
            file_name=f"{name}-selection.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=nothing,
        )
        if st.button("Clips", icon=":material/folder_zip:", disabled=nothing, key=f"clips-{name}"):
            submit_clips(workspace, name, embedding_set, rows.tolist())
            st.rerun()
        if st.button("Compare", icon=":material/compare:", disabled=nothing, key=f"to-{name}"):
            st.session_state[SENT] = (name, chosen.selection)
            go("compare")
        with st.popover("One HTML file", icon=":material/html:"):
            page_form(workspace, name, embedding_set, colour)
    show_handouts(workspace, name)


def label_form(
    workspace: Workspace, name: str, embedding_set: EmbeddingSet, rows: IndexArray
) -> None:
    """Ask for a label and write it for the rows."""
    columns = [*embedding_set.label_columns, NEW_COLUMN]
    with st.form(f"label-{name}", border=False, clear_on_submit=True):
        value = st.text_input("Label", placeholder="Nothing takes a label away")
        column = st.selectbox("In the column", columns)
        new = st.text_input("Name of a new column", placeholder="label")
        if not st.form_submit_button(f"Label {len(rows):,} rows", type="primary"):
            return
    target = (new.strip() or "label") if column == NEW_COLUMN else column
    try:
        set_label(workspace, name, rows.tolist(), target, value)
    except EmbedvizError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    # The choices of colours above the map know the new column after this.
    st.rerun()


def page_form(workspace: Workspace, name: str, embedding_set: EmbeddingSet, colour: str) -> None:
    """Ask how large the sounds in the file may be."""
    st.caption(
        "The whole map in one file that opens without a server: points, pictures and short sounds."
    )
    budget_mb = st.select_slider("Sounds, at most", BUDGETS_MB, 20, format_func="{} MB".format)
    if st.button("Write the file", type="primary", key=f"page-{name}"):
        submit_page(workspace, name, embedding_set, budget_mb=budget_mb, colour=colour)
        st.rerun()


def table_of(embedding_set: EmbeddingSet, rows: IndexArray) -> bytes:
    """Give rows with their places on the map as CSV."""
    table = embedding_set.table.iloc[rows].copy()
    # A column that came with the labels may be called so.
    table.insert(0, "row" if "row" not in table else "row of the set", np.asarray(rows))
    if embedding_set.projection is not None:
        for axis, values in zip("xyz", embedding_set.projection.coordinates[rows].T, strict=False):
            table[axis] = values
    text: str = table.to_csv(index=False)
    return text.encode()
