"""The choices around a map: which set, which projection and settings, what colour and size say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import streamlit as st

from embedviz.data import EmbeddingSet, Provenance
from embedviz.neighbours import METRICS
from embedviz.store import KEY, THRIFT
from embedviz.titles import model_title
from embedviz.ui.extras import EXPLAINED, TITLES, offered
from embedviz.ui.projections import DEFAULTS, METHODS, stored_choice
from embedviz.ui.session import CHOSEN
from embedviz.ui.workspace import Workspace
from embedviz.wording import counted


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
        width=260,
    )
    st.session_state[CHOSEN] = chosen
    return chosen


def choose_projection(
    name: str, embedding_set: EmbeddingSet, wanted: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Choose a method, the number of axes and the method's settings.

    Parameters
    ----------
    name
        The set's name in the workspace.
    wanted
        The choice to begin with, such as that of an address; None for the map in the set's file.
    """
    begun = wanted or stored_choice(embedding_set)
    begun = begun or {"method": "umap", "dims": 2, **DEFAULTS["umap"]}
    method = st.segmented_control(
        "Projection",
        list(METHODS),
        default=begun["method"],
        format_func=METHODS.__getitem__,
        required=True,
        key=f"method-{name}",
        persist_state="session",
    )
    dims = st.segmented_control(
        "Axes",
        [2, 3],
        default=begun["dims"],
        format_func="{}-D".format,
        required=True,
        key=f"dims-{name}",
        persist_state="session",
    )
    known = begun if begun["method"] == method else {}
    settings = {key: known.get(key, value) for key, value in DEFAULTS[method].items()}
    with st.popover("Settings", icon=":material/tune:"):
        if method == "pca":
            settings = _components(name, embedding_set, dims, known)
        else:
            settings = _settings(name, method, settings)
    return {"method": method, "dims": dims, **settings}


def choose_look(
    name: str, embedding_set: EmbeddingSet, wanted: Mapping[str, Any]
) -> tuple[str, str | None]:
    """Choose the columns that colour the points and that give them their size.

    Parameters
    ----------
    name
        The set's name in the workspace.
    wanted
        `colour` and `size` to begin with, where they are known.
    """
    columns = [*colour_columns(embedding_set), *offered(embedding_set)]
    colour: str = st.selectbox(
        "Colour by",
        columns,
        index=columns.index(wanted["colour"]) if wanted.get("colour") in columns else 0,
        format_func=lambda column: TITLES.get(column, column),
        key=f"colour-{name}",
        persist_state="session",
        help=EXPLAINED,
        width=180,
    )
    size: str | None = st.selectbox(
        "Size by",
        columns,
        index=columns.index(wanted["size"]) if wanted.get("size") in columns else None,
        format_func=lambda column: TITLES.get(column, column),
        placeholder="all alike",
        key=f"size-{name}",
        persist_state="session",
        width=130,
    )
    return colour, size


def colour_columns(embedding_set: EmbeddingSet) -> list[str]:
    """Give the columns that a map can be coloured by, the most telling first."""
    table = embedding_set.table
    first = [*embedding_set.label_columns, "top_class", "recording", "start_s"]
    rest = [name for name in table.columns if name not in first and name != "stop_s"]
    told_apart = [name for name in rest if table[name].nunique() > 1]
    return [name for name in first if name in table] + told_apart


def _components(
    name: str, embedding_set: EmbeddingSet, dims: int, known: Mapping[str, Any]
) -> dict[str, Any]:
    """Ask which components of PCA the axes show; the first ones need no word."""
    from embedviz.project import PCA_AXES

    most = min(*embedding_set.vectors.shape, PCA_AXES)
    if most < dims:
        st.caption("These vectors have no further components.")
        return {}
    first = list(range(1, dims + 1))
    begun = list(known.get("axes", first))
    begun = begun if len(begun) == dims and max(begun) <= most else first
    with st.form(f"components-{name}-{dims}", border=False):
        axes = [
            st.number_input(f"Component on axis {axis}", 1, most, number)
            for axis, number in zip("xyz", begun, strict=False)
        ]
        st.form_submit_button("Apply")
    if len(set(axes)) < dims:
        st.caption("Each axis needs a component of its own; the first ones are shown.")
        return {}
    return {} if axes == first else {"axes": axes}


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
    with pq.ParquetFile(path, **THRIFT) as file:
        head = file.metadata
    made = Provenance.from_json(json.loads(head.metadata[KEY]))
    return f"{model_title(made)} · {counted(head.num_rows, 'point')}"
