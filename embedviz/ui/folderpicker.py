"""The folders of this machine on a page: choose one, see what it holds, add it or open a set."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from embedviz.errors import EmbedvizError
from embedviz.large import LARGE_ROWS
from embedviz.ui import serverfolders
from embedviz.ui.importing import import_into
from embedviz.ui.progress import plain
from embedviz.ui.recordings import lasting
from embedviz.ui.serverfolders import Survey
from embedviz.ui.workspace import Workspace
from embedviz.wording import counted

MOST_POINTS = LARGE_ROWS
"""Rows of a set that are brought into a workspace, where all of them are held in memory."""
DEEPEST = 12
"""Folders inside folders that are offered; what lies deeper comes with them."""
FRESH_S = 120
"""Seconds that a survey is taken for true."""


def show_folders(workspace: Workspace, *, key: str) -> bool:
    """Draw the choice where the owner of this machine allows folders; tell whether one changed.

    Parameters
    ----------
    key
        Another one begins anew.
    """
    roots = serverfolders.roots()
    if not roots:
        return False
    with st.popover(
        "Folders on this machine", icon=":material/hard_drive:", key=key, on_change="rerun"
    ) as opened:
        # Looking into folders takes time: only for those who want to see them.
        if not opened.open:
            return False
        try:
            return _choice(workspace, roots) or _used(workspace)
        except EmbedvizError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return False


def _choice(workspace: Workspace, roots: Sequence[Path]) -> bool:
    st.caption("Recordings are used where they lie; nothing is copied or changed.")
    names = [folder.name for folder in roots]
    top = st.selectbox(
        "Folder",
        roots,
        format_func=lambda one: one.name if names.count(one.name) == 1 else str(one),
        key="server-folder",
    )
    folder = _inside(top or roots[0])
    found = _survey(str(folder))
    st.markdown(f"**{plain(folder.name)}**: {_words(found)}")
    added = st.button("Add this folder", type="primary", disabled=not found.recordings)
    if added:
        serverfolders.use(workspace, folder)
    return _sets(workspace, folder) or added


def _sets(workspace: Workspace, folder: Path) -> bool:
    """Offer the embedding sets in a folder; tell whether one is being opened."""
    found = _sets_in(str(folder))
    if not found:
        return False
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            f"Embeddings in {folder.name}",
            list(found),
            key=f"server-sets-in-{folder}",
            help=f"What `embedviz embed` wrote, in one file or in parts. Of more than "
            f"{MOST_POINTS:,} points a sample is brought, every label with its share.",
            width="stretch",
        )
        opened = st.button("Open", icon=":material/scatter_plot:", key=f"open-set-in-{folder}")
    if opened and name:
        import_into(workspace, [found[name]], name, sample=MOST_POINTS)
    return opened


def _inside(folder: Path) -> Path:
    """Let the user go down, a folder at a time."""
    for _ in range(DEEPEST):
        names = serverfolders.subfolders(folder)
        if not names:
            break
        chosen = st.selectbox(
            f"In {folder.name}",
            names,
            index=None,
            placeholder=f"all of it, with {counted(len(names), 'folder')}",
            key=f"server-folder-in-{folder}",
        )
        if not chosen:
            break
        folder = folder / chosen
    return folder


def _used(workspace: Workspace) -> bool:
    """List what is added; offer to look again and to take it away."""
    folders = serverfolders.used(workspace)
    for folder, seen_s in folders.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{plain(Path(folder).name)}, as of {_ago(seen_s)}", width="stretch")
            again = st.button("Look again", key=f"again-{folder}", type="tertiary")
            gone = st.button("Leave out", key=f"leave-{folder}", type="tertiary")
        if again:
            serverfolders.use(workspace, Path(folder))
        if gone:
            serverfolders.leave(workspace, folder)
        if again or gone:
            return True
    return False


@st.cache_data(ttl=FRESH_S, max_entries=100, show_spinner="Looking into the folder …")
def _survey(folder: str) -> Survey:
    return serverfolders.survey(Path(folder))


@st.cache_data(ttl=FRESH_S, max_entries=100, show_spinner=False)
def _sets_in(folder: str) -> dict[str, Path]:
    return serverfolders.sets(Path(folder))


def _words(found: Survey) -> str:
    """Say how much there is: `412 recordings · 103 h 0 min`."""
    if found.seconds is None:
        return f"more than {counted(found.recordings, 'recording')}"
    if not found.recordings:
        return "no recordings"
    about = "" if found.exact else "about "
    return f"{counted(found.recordings, 'recording')} · {about}{lasting(found.seconds)}"


def _ago(seen_s: float) -> str:
    minutes = round((time.time() - seen_s) / 60)
    if minutes < 1:
        return "just now"
    return f"{minutes} min ago" if minutes < 120 else f"{minutes // 60:,} h ago"
