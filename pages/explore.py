"""Explore: the map of a set; choose a point to hear and see it."""

import streamlit as st

from embedviz.data import EmbeddingSet
from embedviz.ui.controls import choose_colour, choose_projection, choose_row, choose_set
from embedviz.ui.detail import selection_table, show_neighbours, show_row
from embedviz.ui.empty import nothing_yet
from embedviz.ui.jobs import Job
from embedviz.ui.map import chosen_rows, show_map
from embedviz.ui.projections import projection
from embedviz.ui.session import workspace
from embedviz.ui.waiting import wait_for
from embedviz.ui.workspace import Workspace


def main() -> None:
    """Draw the page."""
    own = workspace()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = choose_set(own)
        if name is not None:
            embedding_set = own.open_set(name)
            choice = choose_projection(name, embedding_set)
            colour_by = choose_colour(name, embedding_set)
    if name is None:
        nothing_yet("No sounds on the map yet", "Embed some recordings to see them here.")
        return
    if not embedding_set.provenance.verified:
        st.warning(
            "These rows were made with weights that are not the published ones.",
            icon=":material/gpp_maybe:",
        )
    found = projection(own, name, embedding_set, choice)
    if isinstance(found, Job):
        wait_for([found], "Arranging the map …", "There is no map yet")
        return
    explore(own, name, embedding_set.with_projection(found), colour_by)


@st.fragment
def explore(own: Workspace, name: str, embedding_set: EmbeddingSet, colour_by: str) -> None:
    """Draw the map and the row chosen on it; a choice reruns only this."""
    left, right = st.columns([0.6, 0.4], gap="medium")
    rows = chosen_rows(name, embedding_set)
    with right, st.container(border=True):
        row = choose_row(name, embedding_set, rows)
        if row is None:
            st.caption("Choose a point on the map, or a window by its name, to hear and see it.")
        else:
            show_row(own, name, embedding_set, row)
    with left, st.container(border=True):
        show_map(own, name, embedding_set, colour_by, pinned=row)
    if row is not None:
        show_neighbours(own, name, embedding_set, row)
    if len(rows) > 1:
        selection_table(embedding_set, rows)


main()
