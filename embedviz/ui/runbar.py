"""What a point is, the bar that starts runs, and what came out of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from embedviz.catalogue import megabytes
from embedviz.data import Recording
from embedviz.facts import Facts
from embedviz.model import Per
from embedviz.ui import runs, session
from embedviz.ui.choice import Choice, download_bytes, points
from embedviz.ui.importing import Imported
from embedviz.ui.intake import sentences
from embedviz.ui.job import Job
from embedviz.ui.jobs import queue
from embedviz.ui.making import Finished, Made
from embedviz.ui.progress import clock, plain
from embedviz.ui.recordings import Collection
from embedviz.ui.workspace import Workspace
from embedviz.wording import counted

PER = {"window": "window", "seconds": "some seconds", "recording": "recording"}
MOST_RESULTS = 3
SHORTEST_HOP_S = 0.01


def choose_points(chosen: Sequence[tuple[Facts, str]], collection: Collection) -> list[Choice]:
    """Draw the settings of points and give them with every chosen model."""
    st.subheader("Points", anchor=False)
    with st.container(border=True):
        kind = st.segmented_control(
            "One point per",
            list(PER),
            default="window",
            required=True,
            format_func=PER.__getitem__,
            key="per",
            persist_state="session",
        )
        with st.container(horizontal=True):
            per: Per = "recording" if kind == "recording" else "window"
            if kind == "seconds":
                per = _seconds()
            hop_s = _hop([facts for facts, _ in chosen])
            channel = _channel(collection.channels)
    return [Choice(facts.name, variant, per, hop_s, channel) for facts, variant in chosen]


def run_bar(
    workspace: Workspace,
    collection: Collection,
    recordings: Sequence[Recording],
    choices: Sequence[Choice],
) -> None:
    """Draw what a run would give and the button that starts it."""
    fit = [choice for choice in choices if choice.refusal is None]
    waiting = runs.waiting(workspace, recordings, fit)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap="xxsmall", key="prospect"):
            st.markdown(_prospect(recordings, choices, fit, waiting))
            _refusals(choices)
        pressed = st.button(
            f"Embed {counted(len(recordings), 'recording')}",
            type="secondary" if _finished(workspace) else "primary",
            icon=":material/graphic_eq:",
            disabled=not (recordings and waiting),
        )
    if pressed:
        runs.start(workspace, collection, recordings, waiting)
        # The panel of running work lies above this page and was drawn before.
        st.rerun()


def results(workspace: Workspace) -> None:
    """Draw what the last runs have made, newest first, each with the way to its map."""
    done = [j for j in queue().of(workspace.token) if isinstance(j.result, Finished | Imported)]
    if not done:
        return
    # No higher than a part of the window, see `page.css`.
    with st.container(key="results", gap="small"):
        for job in done[: -MOST_RESULTS - 1 : -1]:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                _result(job)


def _result(job: Job) -> None:
    if isinstance(job.result, Finished):
        _embedded(job, job.result)
    elif isinstance(job.result, Imported):
        _imported(job.result)
    if st.button("Dismiss", key=f"done-{job.id}", type="tertiary"):
        queue().forget(job)
        st.rerun()


def _finished(workspace: Workspace) -> list[Job]:
    return [job for job in queue().of(workspace.token) if isinstance(job.result, Finished)]


def _seconds() -> float:
    seconds = st.number_input(
        "Seconds",
        min_value=0.1,
        value=5.0,
        step=1.0,
        format="%g",
        key="per-seconds",
        persist_state="session",
        width=130,
    )
    return float(seconds or 5.0)


def _hop(every: Sequence[Facts]) -> float | None:
    own = sorted({facts.hop_s for facts in every})
    hop_s = st.number_input(
        "Hop in seconds",
        min_value=SHORTEST_HOP_S,
        value=None,
        step=0.1,
        format="%g",
        placeholder=" / ".join(f"{hop:g}" for hop in own),
        key="hop",
        persist_state="session",
        help="From the start of one window to the start of the next. "
        "Left empty, every model keeps its own.",
        width=170,
    )
    return None if hop_s is None else float(hop_s)


def _channel(channels: int) -> int | None:
    if channels < 2:
        return None
    channel: int | None = st.selectbox(
        "Channel",
        [None, *range(1, channels + 1)],
        format_func=lambda channel: "Mean of all" if channel is None else f"Channel {channel}",
        key="channel",
        persist_state="session",
        width=160,
    )
    return channel


def _prospect(
    recordings: Sequence[Recording],
    choices: Sequence[Choice],
    fit: Sequence[Choice],
    waiting: Sequence[Choice],
) -> str:
    if not recordings:
        return "Add recordings to embed them."
    if not choices:
        return "Choose at least one model."
    if not fit:
        return "No chosen model makes points so."
    if not waiting:
        return "This is being embedded already."
    words = [
        f"**{choice.title}** about {counted(points(recordings, choice), 'point')}"
        for choice in waiting
    ]
    download = sum(download_bytes(choice) for choice in waiting)
    words += [f"first a download of {megabytes(download)}"] if download else []
    return " · ".join(words)


def _refusals(choices: Sequence[Choice]) -> None:
    for choice in choices:
        if choice.refusal is not None:
            words = f"Not with {choice.title}: {choice.refusal}"
            st.caption(f":orange[:material/warning:] {plain(words)}")


def _embedded(job: Job, found: Finished) -> None:
    took = f"in {clock(job.elapsed_s)}" + (" together" if len(found.sets) > 1 else "")
    with st.container(gap="xsmall"):
        for number, made in enumerate(found.sets):
            with st.container(horizontal=True, vertical_alignment="center"):
                _made(made, took, key=f"map-{job.id}-{number}", primary=number == 0)
        for title, sentence in found.refused.items():
            st.caption(f":orange[:material/warning:] {plain(title)}: {plain(sentence)}")


def _made(made: Made, took: str, *, key: str, primary: bool) -> None:
    st.markdown(f":green[:material/check_circle:] **{plain(made.name)}**", width="content")
    heard = counted(made.recordings, "recording")
    st.caption(f"{counted(made.points, 'point')} of {heard} {took}", width="stretch")
    if made.failures:
        _popover(made.failures, "recording")
    _map_button("See the map", made.name, key=key, primary=primary)


def _imported(made: Imported) -> None:
    words = f":green[:material/check_circle:] **Imported {counted(made.points, 'point')}**"
    st.markdown(words, width="content")
    st.caption(f"a sample of {made.whole:,}" if made.whole > made.points else "", width="stretch")
    if made.failures:
        _popover(made.failures, "source")
    for name in made.names:
        _map_button(
            f"Map of {plain(name)}", name, key=f"map-of-{name}", primary=name == made.names[0]
        )


def _map_button(words: str, name: str, *, key: str, primary: bool) -> None:
    if st.button(
        words,
        key=key,
        type="primary" if primary else "secondary",
        icon=":material/scatter_plot:",
    ):
        st.session_state[session.CHOSEN] = name
        session.go("explore")


def _popover(failures: Mapping[str, str], what: str) -> None:
    words = f"{counted(len(failures), what)} left out"
    with st.popover(words, icon=":material/warning:", type="tertiary"):
        sentences(list(failures.items()))
