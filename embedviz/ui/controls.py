"""The choices around a map: which set, which projection, its settings, which row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import streamlit as st

from embedviz.data import EmbeddingSet, Provenance
from embedviz.figures import colour_columns
from embedviz.neighbours import METRICS
from embedviz.store import KEY
from embedviz.ui.detail import describe, model_title
from embedviz.ui.projections import DEFAULTS, METHODS, stored_choice
from embedviz.ui.recordings import counted
from embedviz.ui.session import CHOSEN
from embedviz.ui.workspace import Workspace

MOST_OFFERED = 200
"""A longer list of rows would take the browser seconds; it is searched instead."""


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
        format_func=lambda name: described(workspace, name),
        width=340,
    )
    st.session_state[CHOSEN] = chosen
    return chosen


def choose_projection(name: str, embedding_set: EmbeddingSet) -> dict[str, Any]:
    """Choose a method, the number of axes and the method's settings."""
    stored = stored_choice(embedding_set) or {"method": "umap", "dims": 2, **DEFAULTS["umap"]}
    method = st.segmented_control(
        "Projection",
        list(METHODS),
        default=stored["method"],
        format_func=METHODS.__getitem__,
        required=True,
        key=f"method-{name}",
        persist_state="session",
    )
    dims = st.segmented_control(
        "Axes",
        [2, 3],
        default=stored["dims"],
        format_func="{}-D".format,
        required=True,
        key=f"dims-{name}",
        persist_state="session",
    )
    settings = dict(DEFAULTS[method])
    if stored["method"] == method:
        settings |= {key: stored[key] for key in settings}
    if settings:
        with st.popover("Settings", icon=":material/tune:"):
            settings = _settings(name, method, settings)
    return {"method": method, "dims": dims, **settings}


def choose_colour(name: str, embedding_set: EmbeddingSet) -> str:
    """Choose the column that colours the map."""
    chosen: str = st.selectbox(
        "Colour by",
        colour_columns(embedding_set),
        key=f"colour-{name}",
        persist_state="session",
        width=200,
    )
    return chosen


def choose_row(name: str, embedding_set: EmbeddingSet, rows: Sequence[int]) -> int | None:
    """Choose one row: of those chosen on the map, or any by its name; this needs no pointer.

    Parameters
    ----------
    name
        The set's name in the workspace.
    rows
        Those chosen on the map.
    """
    offered: Sequence[int] = rows or range(len(embedding_set))
    words = ""
    if len(offered) > MOST_OFFERED:
        words = st.text_input(
            "Find a recording", key=f"find-{name}", placeholder="Part of its name or label"
        )
        offered = matching(embedding_set, offered, words)
    chosen: int | None = st.selectbox(
        f"Window ({len(rows):,} selected)" if rows else "Window",
        offered[:MOST_OFFERED],
        index=0 if offered and (rows or words) else None,
        format_func=lambda row: describe(embedding_set, row),
        placeholder="Choose a window" if offered else "No recording has these words",
        key=f"row-{name}-{hash((words, *rows))}",
    )
    if len(offered) > MOST_OFFERED:
        st.caption(f"The list holds the first {MOST_OFFERED} of {len(offered):,} windows.")
    return chosen


def matching(embedding_set: EmbeddingSet, rows: Sequence[int], words: str) -> list[int]:
    """Give those of `rows` whose recording or one of whose labels holds `words`."""
    table = embedding_set.table
    found = table["recording"].str.contains(words, case=False, regex=False)
    for column in embedding_set.label_columns:
        found |= table[column].astype(str).str.contains(words, case=False, regex=False)
    fitting = found.to_numpy()
    return [row for row in rows if fitting[row]]


def _settings(name: str, method: str, start: dict[str, Any]) -> dict[str, Any]:
    """Ask for the settings of UMAP or t-SNE; nothing is computed until they are applied."""
    with st.form(f"settings-{name}-{method}", border=False):
        chosen: dict[str, Any] = {
            "metric": st.selectbox("Distance", METRICS, index=METRICS.index(start["metric"]))
        }
        if method == "umap":
            neighbours = start["n_neighbors"]
            chosen["n_neighbors"] = st.slider(
                "Neighbours",
                2,
                max(100, neighbours),
                max(2, neighbours),
                help="Few show detail, many the whole.",
            )
            chosen["min_dist"] = st.slider(
                "Least distance", 0.0, 1.0, start["min_dist"], help="How tightly points may lie."
            )
        else:
            # A small set's map has been made with less than the slider's own least.
            perplexity = float(start["perplexity"])
            chosen["perplexity"] = st.slider(
                "Perplexity", min(2.0, perplexity), max(100.0, perplexity), perplexity
            )
        chosen["seed"] = st.number_input("Seed", 0, 2**31 - 1, start["seed"])
        st.form_submit_button("Apply")
    return chosen


def described(workspace: Workspace, name: str) -> str:
    """Give a set as it is listed: its name, model and number of points."""
    path = workspace.set_path(name)
    try:
        return f"{name} · {_summary(path, path.stat().st_mtime_ns)}"
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return f"{name} · cannot be read"


@lru_cache(maxsize=256)
def _summary(path: Path, stamp: int) -> str:
    """Sum a set up from its file's head; `stamp` tells two states of one file apart."""
    head = pq.read_metadata(path)
    made = Provenance.from_json(json.loads(head.metadata[KEY]))
    return f"{model_title(made)} · {counted(head.num_rows, 'point')}"
