"""Clusters, the trust of the maps, and how an evaluation was made, on the page Evaluate."""

from __future__ import annotations

import streamlit as st

from embedviz.evaluation.report import words
from embedviz.evaluation.results import Evaluation, Made, Trusted
from embedviz.ui import evaluating_tables as tables
from embedviz.ui import session
from embedviz.ui.evaluating_columns import Added, added, columns_title, submit_columns
from embedviz.ui.evaluating_kept import Kept
from embedviz.ui.evaluating_shown import say_missing
from embedviz.ui.jobs import queue
from embedviz.ui.progress import plain
from embedviz.ui.session import CHOSEN
from embedviz.ui.workspace import DEMO, Workspace

METHODS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}


def show_maps(workspace: Workspace, one: Kept, evaluation: Evaluation) -> None:
    """Show clusters, what may be read from each map, and the way to have them as columns."""
    if evaluation.clustered:
        st.markdown("**Clusters against the label**")
        st.table(tables.clusters(evaluation.clustered))
        st.caption("Found without the label; the two agreements are 0 by chance and 1 in full.")
    if evaluation.trusted:
        st.markdown("**How far to trust the maps**")
        for trusted in evaluation.trusted:
            _trusted(trusted)
    if not evaluation.clustered and not evaluation.trusted:
        say_missing(one, {"clusters": "Clusters", "trust": "Trust of the map"})
    _columns(workspace, one)


def show_made(workspace: Workspace, one: Kept, evaluation: Evaluation) -> None:
    """Show how it was made, so that its reader can repeat it."""
    made = evaluation.made
    task = evaluation.task
    counts = " · ".join(
        f"{plain(name)} {count:,}" for name, count in zip(task.classes, task.counts, strict=True)
    )
    st.markdown(f"**{words.unit(evaluation).capitalize()}s of each class** {counts}")
    if made is None:
        return
    st.markdown("**Repeat it**")
    st.caption("Type this where the files of the sets lie; they can be downloaded here.")
    st.code(made.command, language="bash", wrap_lines=True)
    for title, name in one.titles.items():
        _set(workspace, one, made, title, name)
    versions = ", ".join(f"{name} {version}" for name, version in made.versions.items())
    st.caption(f"Made {made.made_at[:16].replace('T', ' ')} UTC, seed {made.seed}, with {versions}")


def _trusted(one: Trusted) -> None:
    with st.container(border=True):
        method = METHODS.get(one.method, one.method)
        st.markdown(f"**{plain(one.model)}** :gray[{plain(method)}]")
        st.markdown(plain(one.sentence))
        with st.container(horizontal=True):
            st.metric("Trustworthiness", words.decimal(one.trustworthiness))
            st.metric("Continuity", words.decimal(one.continuity))
            st.metric(
                f"Neighbours kept of {one.k}",
                words.percent(one.kept_neighbours),
                help=f"By chance {words.percent(one.chance)}.",
            )
            st.metric(
                "Same with other seeds",
                words.percent(one.stability),
                help=words.counted(one.seeds, "seed"),
            )


def _columns(workspace: Workspace, one: Kept) -> None:
    """Offer clusters and the trust of each row as columns of the sets."""
    st.markdown("**As columns**")
    st.caption("The cluster of every row, and how far the map is to be trusted there.")
    there, done = workspace.set_names(), added(workspace)
    running = {job.title for job in queue().of(workspace.token) if job.active}
    for name in one.titles.values():
        if name not in there:
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            if name in done and done[name].name in there:
                _show_clusters(done[name])
                continue
            pressed = st.button(
                "Add columns to a copy" if name == DEMO else "Add columns to the set",
                icon=":material/add_column_right:",
                key=f"evaluate-columns-{name}",
                disabled=columns_title(name) in running,
            )
            st.markdown(plain(name), width="content")
        if pressed:
            submit_columns(workspace, name, seed=one.asked.seed)
            # The panel of running work was drawn before.
            st.rerun()


def _show_clusters(done: Added) -> None:
    st.markdown(
        f":green[:material/check_circle:] **{plain(done.name)}** has "
        f"{plain(words.listed(done.columns))}",
        width="content",
    )
    if st.button(
        "See the clusters", icon=":material/scatter_plot:", key=f"evaluate-clusters-{done.name}"
    ):
        st.session_state[CHOSEN] = done.name
        st.session_state[f"colour-{done.name}"] = done.columns[0]
        session.go("explore")


def _set(workspace: Workspace, one: Kept, made: Made, title: str, name: str) -> None:
    facts, path = made.sets.get(title, {}), one.set_file(workspace, name)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"{plain(name)}.parquet",
            path.read_bytes,
            file_name=f"{name}.parquet",
            icon=":material/download:",
            on_click="ignore",
            type="tertiary",
            disabled=not path.is_file(),
            key=f"evaluate-set-{one.number}-{name}",
        )
        rows, dimensions = facts.get("rows", 0), facts.get("dimensions", 0)
        st.caption(
            f"{plain(title)}: {rows:,} rows of {dimensions:,} numbers · "
            f"SHA-256 {facts.get('sha256', '')[:16]}…"
        )
