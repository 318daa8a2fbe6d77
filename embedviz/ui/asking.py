"""Query by example on a page: bring or record a clip, and see which points are most like it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from embedviz.data import EmbeddingSet
from embedviz.errors import EmbedvizError
from embedviz.titles import model_title
from embedviz.ui import query
from embedviz.ui.addresses import address
from embedviz.ui.detail import describe, is_there
from embedviz.ui.map import current_theme, picture_query
from embedviz.ui.progress import plain
from embedviz.ui.query import Query
from embedviz.ui.workspace import Workspace

ACROSS = 6
ENDINGS = ["wav", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff"]


def show_asking(workspace: Workspace, name: str, embedding_set: EmbeddingSet) -> None:
    """Take a clip and show what is known of the last one; it is placed on the map as a star."""
    found = query.answers(workspace, name)
    with st.expander(
        "Ask with a sound", expanded=bool(found), key="ask-with-a-sound", icon=":material/search:"
    ):
        _take(workspace, name, embedding_set)
        if found:
            _answer(workspace, name, embedding_set, found[0])


def _take(workspace: Workspace, name: str, embedding_set: EmbeddingSet) -> None:
    why_not = query.obstacle(embedding_set.provenance)
    if why_not:
        st.caption(plain(why_not))
        return
    model = plain(model_title(embedding_set.provenance))
    left, right = st.columns(2)
    dropped = left.file_uploader(
        f"A clip that {model} is to hear", ENDINGS, key=f"ask-{name}", max_upload_size=200
    )
    recorded = right.audio_input("Or record one", key=f"record-{name}")
    for clip in (dropped, recorded):
        if clip is not None:
            _ask_once(workspace, name, embedding_set, clip)


def _ask_once(
    workspace: Workspace, name: str, embedding_set: EmbeddingSet, clip: UploadedFile
) -> None:
    """Ask for a clip unless that was done before: a page is drawn again and again."""
    asked: set[str] = st.session_state.setdefault(f"asked-{name}", set())
    if clip.file_id in asked:
        return
    asked.add(clip.file_id)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{Path(clip.name).suffix}"
        path.write_bytes(clip.getbuffer())
        try:
            query.ask(workspace, name, path, clip.name, projection=embedding_set.projection)
        except EmbedvizError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
    # The panel of running work was drawn before.
    st.rerun()


def _answer(workspace: Workspace, name: str, embedding_set: EmbeddingSet, found: Query) -> None:
    st.markdown(f"**Most like {plain(found.title)}**")
    st.audio(address("recording", workspace, found.name, "0"))
    st.caption(plain(found.how))
    near = zip(found.nearest.rows.tolist(), found.nearest.distances.tolist(), strict=True)
    places = [
        place for _ in range(0, len(found.nearest.rows), ACROSS) for place in st.columns(ACROSS)
    ]
    # There may be fewer rows than places.
    for place, (row, distance) in zip(places, near, strict=False):
        with place, st.container(border=True, gap="xsmall"):
            _row(workspace, name, embedding_set, row, distance)


def _row(
    workspace: Workspace, name: str, embedding_set: EmbeddingSet, row: int, distance: float
) -> None:
    words = describe(embedding_set, row)
    if embedding_set.thumbnails is not None:
        picture = address("picture", workspace, name, f"{row}.png")
        picture += picture_query(current_theme())
        st.image(picture, width="stretch", alt=f"Spectrogram of {words}")
    label = plain(str(embedding_set.table.iloc[row].get("label", "")))
    st.markdown(f"**{label}** :gray[at {distance:.3f}]".removeprefix("**** "))
    st.caption(plain(words))
    if is_there(workspace, embedding_set, row):
        st.audio(address("sound", workspace, name, f"{row}.wav"), format="audio/wav")
