"""Ready-made embeddings on a page: bundles of the projector, tables and arrays of vectors."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from embedviz.errors import EmbedvizError
from embedviz.ui.importing import import_into
from embedviz.ui.progress import plain
from embedviz.ui.workspace import Workspace, safe_name
from embedviz.wording import counted

ROUND = "bringing-round"
"""Counts what was brought in: a new key empties the uploader, whose files are in memory."""
EXPLAINED = (
    "Bundles of the Embedding Projector (a zip, or its files), Parquet with a column of vectors, "
    "`.npy` or `.npz` with a table beside it, AudioSet's TFRecords."
)


def show_bringing(workspace: Workspace) -> None:
    """Take files or an address; what was imported appears among the page's results."""
    number = st.session_state.get(ROUND, 0)
    with st.popover("Embeddings", icon=":material/dataset:", key=f"bringing-{number}"):
        st.caption(EXPLAINED)
        files = st.file_uploader(
            "Files that belong together",
            accept_multiple_files=True,
            key=f"bringing-files-{number}",
        )
        address = st.text_input(
            "Or a web address", placeholder="https://…/projector_config.json", key=f"from-{number}"
        )
        if st.button("Import", type="primary", disabled=not (files or address.strip())):
            _start(workspace, files, address.strip())


def _start(workspace: Workspace, files: Sequence[UploadedFile], address: str) -> None:
    try:
        if files:
            folder = _kept(workspace, files)
            only = folder / safe_name(files[0].name) if len(files) == 1 else folder
            title = files[0].name if len(files) == 1 else counted(len(files), "file")
            import_into(workspace, [only], title, then=lambda: shutil.rmtree(folder))
        else:
            import_into(workspace, [address], address)
    except EmbedvizError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    # The panel of running work was drawn before.
    st.rerun()


def _kept(workspace: Workspace, files: Sequence[UploadedFile]) -> Path:
    """Write uploaded files into a folder of their own: they are no recordings."""
    folder = workspace.folder / "imports" / secrets.token_hex(8)
    for file in files:
        target = folder / safe_name(file.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            shutil.copyfileobj(file, out)
    return folder
