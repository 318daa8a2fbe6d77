"""The place of a page where files, folders and archives are dropped: they go to disk in pieces."""

from __future__ import annotations

import streamlit as st

from embedviz.recordings import EXTENSIONS
from embedviz.ui import home
from embedviz.ui.addresses import address
from embedviz.ui.incoming import largest_bytes
from embedviz.ui.recordings import TABLES
from embedviz.ui.workspace import Workspace

_component = st.components.v2.component(
    "embedviz_upload",
    html=home.asset("upload.html").read_text(),
    css=home.asset("upload.css").read_text(),
    js=home.asset("upload.js").read_text(),
)


def show_uploader(workspace: Workspace) -> None:
    """Draw it; the page runs anew when the last file is in the workspace.

    The browser sends the files to `embedviz.served.uploads`: Streamlit's own uploader would hold
    them in the memory of the server, however long they are.
    """
    _component(
        key="uploader",
        data={
            "address": address("upload", workspace, ""),
            "extensions": [*sorted(EXTENSIONS), ".zip", *TABLES],
            "hint": "WAV, FLAC, Ogg, Opus, MP3, AIFF and what else libsndfile reads, up to "
            f"{largest_bytes() / 1e9:g} GB a file. CSV and TSV tables become labels.",
        },
        on_finished_change=lambda: None,
    )
