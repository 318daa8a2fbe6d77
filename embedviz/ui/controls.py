"""The choices above a map: which set, which projection, its settings."""

from __future__ import annotations

from typing import Any

import streamlit as st

from embedviz.data import EmbeddingSet
from embedviz.figures import colour_columns
from embedviz.neighbours import METRICS
from embedviz.ui.projections import DEFAULTS, METHODS, stored_choice
from embedviz.ui.workspace import Workspace

CHOSEN = "set"
"""The key under which a page finds the set that another page chose."""


def choose_set(workspace: Workspace) -> str | None:
    """Choose one of the workspace's sets; None if there is none."""
    names = workspace.set_names()
    if not names:
        return None
    wanted = st.session_state.get(CHOSEN)
    chosen: str = st.selectbox(
        "Set",
        names,
        index=names.index(wanted) if wanted in names else 0,
        format_func=lambda name: _described(workspace, name),
        width=340,
    )
    st.session_state[CHOSEN] = chosen
    return chosen


def choose_projection(embedding_set: EmbeddingSet) -> dict[str, Any]:
    """Choose a method, the number of axes and the method's settings."""
    stored = stored_choice(embedding_set) or {"method": "umap", "dims": 2}
    method = st.segmented_control(
        "Projection",
        list(METHODS),
        default=stored["method"],
        format_func=METHODS.__getitem__,
        required=True,
    )
    dims = st.segmented_control(
        "Axes", [2, 3], default=stored["dims"], format_func="{}-D".format, required=True
    )
    settings = dict(DEFAULTS[method])
    if stored["method"] == method:
        settings |= {key: stored[key] for key in settings}
    if settings:
        with st.popover("Settings", icon=":material/tune:"):
            settings = _settings(method, settings)
    return {"method": method, "dims": dims, **settings}


def choose_colour(name: str, embedding_set: EmbeddingSet) -> str:
    """Choose the column that colours the map."""
    chosen: str = st.selectbox(
        "Colour by", colour_columns(embedding_set), key=f"colour-{name}", width=200
    )
    return chosen


def _settings(method: str, start: dict[str, Any]) -> dict[str, Any]:
    """Ask for the settings of UMAP or t-SNE; nothing is computed until they are applied."""
    with st.form(f"settings-{method}", border=False):
        chosen: dict[str, Any] = {
            "metric": st.selectbox("Distance", METRICS, index=METRICS.index(start["metric"]))
        }
        if method == "umap":
            chosen["n_neighbors"] = st.slider(
                "Neighbours", 2, 100, start["n_neighbors"], help="Few show detail, many the whole."
            )
            chosen["min_dist"] = st.slider(
                "Least distance", 0.0, 0.99, start["min_dist"], help="How tightly points may lie."
            )
        else:
            chosen["perplexity"] = st.slider("Perplexity", 2.0, 100.0, start["perplexity"])
        chosen["seed"] = st.number_input("Seed", 0, 2**31 - 1, start["seed"])
        st.form_submit_button("Apply")
    return chosen


def _described(workspace: Workspace, name: str) -> str:
    embedding_set = workspace.open_set(name)
    return f"{name} · {embedding_set.provenance.title} · {len(embedding_set):,} rows"
