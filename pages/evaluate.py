"""Evaluate: which model separates a label, what it hears, how far its map can be trusted."""

import streamlit as st

from embedviz.errors import EvaluationError
from embedviz.ui.empty import nothing_yet
from embedviz.ui.evaluating import jobs_of, submit
from embedviz.ui.evaluating_choices import (
    choose_depth,
    choose_question,
    choose_sets,
    label_columns,
)
from embedviz.ui.evaluating_kept import Kept, kept
from embedviz.ui.evaluating_maps import show_made, show_maps
from embedviz.ui.evaluating_mistakes import show_mistakes
from embedviz.ui.evaluating_read import read_evaluation
from embedviz.ui.evaluating_shown import (
    choose_evaluation,
    show_answer,
    show_confounds,
    show_downloads,
    show_models,
)
from embedviz.ui.progress import plain
from embedviz.ui.session import link, workspace
from embedviz.ui.workspace import Workspace

TABS = ("Models", "Mistakes", "The call or the recorder", "Clusters and maps", "Repeat it")


def main() -> None:
    """Draw the page."""
    st.title("Evaluate", anchor=False)
    st.caption(
        "Which model separates your labels, is it the call or the recorder that it hears, and how "
        "far can the map be trusted?"
    )
    own = workspace()
    offered = own.set_names()
    if not offered:
        nothing_yet(
            "Nothing to evaluate yet",
            "Embed recordings with labels, with one model or several, to see what each knows.",
        )
        return
    with st.container(border=True):
        ask(own, offered)
    tell_ended(own)
    every = kept(own)
    if every:
        show(own, choose_evaluation(every))
    elif any(job.active for job in jobs_of(own)):
        st.caption("The result comes here; its progress is below, and other pages can be used.")


def ask(own: Workspace, offered: list[str]) -> None:
    """Draw the question and the button that starts it."""
    names = choose_sets(own, offered)
    if not names:
        st.caption("Choose at least one set.")
        return
    labels = label_columns(own, names)
    if not labels:
        st.info(
            "These sets have no label to ask about. Label points on the map, or embed the "
            "recordings again with labels from folders or a table.",
            icon=":material/label_off:",
        )
        link("explore", label="Label points on the map", icon=":material/label:")
        return
    asked = choose_question(own, names, labels)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = choose_depth(asked)
        running = any(job.title == asked.title for job in jobs_of(own) if job.active)
        pressed = st.button("Evaluate", type="primary", icon=":material/rule:", disabled=running)
        if running:
            st.caption("This is being evaluated, from this tab or another; see below.")
    if pressed:
        submit(own, asked)
        # The panel of running work was drawn before.
        st.rerun()


def tell_ended(own: Workspace) -> None:
    """Say why the last evaluation has no result, where it has none."""
    jobs = jobs_of(own)
    if not jobs or jobs[-1].state not in ("failed", "stopped"):
        return
    show_why = st.error if jobs[-1].state == "failed" else st.warning
    show_why(plain(jobs[-1].message), icon=":material/block:")


def show(own: Workspace, one: Kept) -> None:
    """Show a finished evaluation."""
    try:
        evaluation = read_evaluation(one.numbers)
    except EvaluationError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    show_answer(own, one, evaluation)
    show_downloads(one)
    models, mistakes, confounds, maps, made = st.tabs(TABS, key="evaluate-tab", on_change="rerun")
    # A hidden tab costs nothing.
    if models.open:
        with models:
            show_models(one, evaluation)
    if mistakes.open:
        with mistakes:
            show_mistakes(own, one, evaluation)
    if confounds.open:
        with confounds:
            show_confounds(one, evaluation)
    if maps.open:
        with maps:
            show_maps(own, one, evaluation)
    if made.open:
        with made:
            show_made(own, one, evaluation)


main()
