"""The panel that brings recordings in and lists them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from embedviz.data import Recording
from embedviz.errors import EmbedvizError
from embedviz.labels import LABEL
from embedviz.served.whole import refuse_unplayable
from embedviz.ui import recordings as brought
from embedviz.ui.addresses import address
from embedviz.ui.bringing import show_bringing
from embedviz.ui.folderpicker import show_folders
from embedviz.ui.labelling import FOLDERS, NONE, Labelling, labelled, sources, summary
from embedviz.ui.progress import plain
from embedviz.ui.recordings import Collection
from embedviz.ui.uploading import show_uploader
from embedviz.ui.workspace import Workspace
from embedviz.wording import counted

CHOSEN, OFFERED = "labels-from", "labels-offered"
ROUND = "intake-round"
"""Counts what was brought in: a new key empties the small uploaders and closes what is open."""
MICROPHONE_HZ = 48_000
ROW_PX, ROWS_SHOWN, LIST_PX = 35, 9, 352
SENTENCES_PX = 180


def intake(workspace: Workspace) -> tuple[Collection, Labelling]:
    """Draw the panel and give what lies in the workspace, with its labels."""
    st.subheader("Recordings", anchor=False)
    show_uploader(workspace)
    _other_sources(workspace)
    # Quick after the first look: headers are read again only where something changed.
    with st.spinner("Looking at the recordings …", width="stretch"):
        collection = brought.collected(workspace)
    labelling = Labelling(())
    if collection.recordings:
        labelling = _labels(workspace, collection)
        _list(workspace, labelling)
    elif not collection.failures:
        _nothing_yet(collection)
    _failures(workspace, collection)
    return collection, labelling


def _other_sources(workspace: Workspace) -> None:
    with st.container(horizontal=True):
        if show_folders(workspace, key=_key("way-server-folder")):
            _again()
        with st.popover("Record", icon=":material/mic:", key=_key("way-microphone")):
            sound = st.audio_input(
                "Record with the microphone", sample_rate=MICROPHONE_HZ, key=_key("microphone")
            )
        show_bringing(workspace)
        demo = st.button(
            "Try the demo",
            icon=":material/science:",
            help="96 synthetic clips of eight kinds of sound, with labels.",
        )
    if sound:
        sound.name = "microphone.wav"
        _bring(workspace, [sound])
    if demo:
        with st.spinner("Writing the demo recordings; the first time takes some seconds …"):
            brought.keep_demo(workspace)
        _again()


def _bring(workspace: Workspace, files: Sequence[brought.Upload]) -> None:
    with st.spinner(f"Keeping {counted(len(files), 'file')} …"):
        brought.keep(workspace, files)
    _again()


def _again() -> None:
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    st.rerun()


def _key(name: str) -> str:
    return f"{name}-{st.session_state.get(ROUND, 0)}"


def _nothing_yet(collection: Collection) -> None:
    with st.container(border=True, height=220, vertical_alignment="center"):
        st.markdown("**No recordings yet**", text_alignment="center")
        st.caption(
            "Drop files, a folder or a zip above, record something, or try the demo.",
            text_alignment="center",
        )
        if collection.tables:
            waiting = counted(len(collection.tables), "label table")
            st.caption(f"{waiting} will be used with them.", text_alignment="center")


def _labels(workspace: Workspace, collection: Collection) -> Labelling:
    offered = sources(collection)
    # Something new was brought in: what tells most is chosen anew.
    if st.session_state.get(OFFERED) != offered:
        st.session_state[OFFERED], st.session_state[CHOSEN] = offered, offered[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place = st.container(width="stretch")
        source = st.selectbox(
            "Labels",
            offered,
            key=CHOSEN,
            format_func=_source_name,
            persist_state="session",
            width=190,
        )
        with st.popover("Add a table", icon=":material/table_view:", key=_key("way-table")):
            table = st.file_uploader(
                "A CSV or TSV table; one column names the recordings",
                type=["csv", "tsv"],
                key=_key("table"),
            )
    if table:
        _bring(workspace, [table])
    labelling = labelled(collection, source or NONE)
    place.markdown(f"**{summary(labelling)}**")
    _about_labels(collection, labelling)
    return labelling


def _source_name(source: str) -> str:
    return {FOLDERS: "Names of the folders", NONE: "None"}.get(source, source)


def _about_labels(collection: Collection, labelling: Labelling) -> None:
    """Say what became of the tables."""
    if labelling.sentence:
        st.caption(labelling.sentence)
    unused = [labelled(collection, name).problem for name, _ in collection.tables]
    for problem in sorted(filter(None, {labelling.problem, *unused}))[:2]:
        st.caption(f":orange[:material/warning: {plain(problem)}]")


def _list(workspace: Workspace, labelling: Labelling) -> None:
    recordings = labelling.recordings
    rows = st.dataframe(
        _table(labelling),
        hide_index=True,
        height=LIST_PX if len(recordings) > ROWS_SHOWN else "auto",
        row_height=ROW_PX,
        column_config={
            "name": st.column_config.TextColumn("Recording", width="medium"),
            "duration": st.column_config.NumberColumn("Duration", format="%.1f s"),
            "rate": st.column_config.NumberColumn("Rate", format="%.4g kHz"),
            "channels": st.column_config.NumberColumn("Channels"),
            LABEL: st.column_config.TextColumn("Label"),
        },
        key=_key(f"list-{len(recordings)}"),
        on_select="rerun",
        selection_mode="multi-row",
        alt="The recordings with their duration, rate, channels and labels",
    )
    chosen = [recordings[row] for row in rows["selection"]["rows"] if row < len(recordings)]
    with st.container(horizontal=True, vertical_alignment="center"):
        _player(workspace, chosen)
        if chosen and st.button(f"Remove {len(chosen):,} selected", icon=":material/delete:"):
            brought.remove(workspace, [recording.path for recording in chosen])
            _again()
        if st.button("Remove all", icon=":material/delete_sweep:", type="tertiary"):
            brought.remove_all(workspace)
            _again()


def _player(workspace: Workspace, chosen: Sequence[Recording]) -> None:
    if len(chosen) != 1:
        words = "Select a recording to hear it." if not chosen else ""
        st.caption(words, width="stretch")
        return
    try:
        refuse_unplayable(chosen[0].path, chosen[0].name)
        changed = chosen[0].path.stat().st_mtime_ns
    except EmbedvizError as error:
        st.caption(plain(str(error)), width="stretch")
        return
    # Another file of the same name has another address, or the browser would play the old one.
    sound = address("brought", workspace, chosen[0].name)
    st.audio(f"{sound}?changed={changed}", width="stretch")


def _table(labelling: Labelling) -> pd.DataFrame:
    recordings = labelling.recordings
    columns: dict[str, list[object]] = {
        "name": [r.name for r in recordings],
        "duration": [r.duration_s for r in recordings],
        "rate": [r.rate_hz / 1000 for r in recordings],
        "channels": [r.channels for r in recordings],
    }
    for name in labelling.columns:
        # A label column may be called like one of the list's own.
        key = name if name not in columns else f"{name} (label)"
        columns[key] = [r.labels.get(name, "") for r in recordings]
    return pd.DataFrame(columns)


def _failures(workspace: Workspace, collection: Collection) -> None:
    failures = collection.failures
    if failures:
        words = f"{counted(len(failures), 'file')} could not be read"
        # With a key it stays open where the page is drawn anew around it.
        with st.expander(words, key="unread", icon=":material/warning:"):
            sentences(failures)
            if st.button("Remove them", icon=":material/delete:"):
                brought.remove(workspace, [], [name for name, _ in failures])
                _again()
    if collection.skipped:
        verb = (
            "is no recording and was" if collection.skipped == 1 else "are no recordings and were"
        )
        st.caption(f"{counted(collection.skipped, 'file')} {verb} left aside.")


def sentences(failures: Sequence[tuple[str, str]]) -> None:
    """List what failed by name, each with its sentence."""
    lines = [
        f"- {plain(why)}"
        if why.startswith(Path(name).name) or name in why
        else f"- **{plain(name)}**: {plain(why)}"
        for name, why in failures
    ]
    with st.container(height=SENTENCES_PX if len(lines) > 5 else "content", border=False):
        st.markdown("\n".join(lines))
