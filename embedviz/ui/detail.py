"""Rows, heard and seen: the model's picture, the recording around it, neighbours, a selection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from embedviz import audio, figures, models
from embedviz.data import EmbeddingSet, FloatArray, Provenance
from embedviz.errors import EmbedvizError
from embedviz.neighbours import IndexArray, nearest
from embedviz.spectrogram import spectrogram
from embedviz.ui.addresses import address
from embedviz.ui.map import current_theme, picture_query
from embedviz.ui.progress import plain
from embedviz.ui.workspace import Workspace

AROUND_S = 4.0
NEIGHBOURS = 10
ACROSS = 5


def show_row(workspace: Workspace, name: str, embedding_set: EmbeddingSet, row: int) -> None:
    """Show a row with its sound and pictures.

    Parameters
    ----------
    name
        The set's name in the workspace.
    """
    show_headline(embedding_set, row)
    path = heard_from(embedding_set, row)
    if path is not None:
        st.audio(address("sound", workspace, name, f"{row}.wav"), format="audio/wav")
    show_heard(name, embedding_set, row)
    if path is not None:
        _recording(embedding_set, row, path)


def show_heard(name: str, embedding_set: EmbeddingSet, row: int) -> None:
    """Show what the model received for a row, where the set keeps it."""
    if embedding_set.thumbnails is None:
        return
    model = _receiver(embedding_set.provenance)
    st.caption(f"What {plain(model)} received")
    st.plotly_chart(
        figures.heard(embedding_set.thumbnails[row], embedding_set, row, current_theme()),
        key=f"heard-{name}-{row}",
        theme=None,
        height=230,
        config={"displayModeBar": False},
        alt=f"Spectrogram that {model} received for this row",
    )


def show_neighbours(workspace: Workspace, name: str, embedding_set: EmbeddingSet, row: int) -> None:
    """Show the rows nearest to a row in embedding space, each with its picture and sound."""
    if len(embedding_set) < 2:
        return
    path = workspace.set_path(name)
    indices, distances = _nearest(
        embedding_set.vectors, f"{path} {path.stat().st_mtime_ns}", row, NEIGHBOURS
    )
    st.markdown("**Nearest in embedding space**")
    places = [place for _ in range(0, len(indices), ACROSS) for place in st.columns(ACROSS)]
    # There may be fewer neighbours than places.
    for place, index, distance in zip(places, indices.tolist(), distances.tolist(), strict=False):
        with place, st.container(border=True, gap="xsmall"):
            _neighbour(workspace, name, embedding_set, index, distance)


def _neighbour(
    workspace: Workspace, name: str, embedding_set: EmbeddingSet, row: int, distance: float
) -> None:
    if embedding_set.thumbnails is not None:
        picture = address("picture", workspace, name, f"{row}.png")
        picture += picture_query(current_theme())
        st.image(picture, width="stretch", alt=f"Spectrogram of {describe(embedding_set, row)}")
    label = str(embedding_set.table.iloc[row].get("label", ""))
    headline = f"**{plain(label)}** " if label else ""
    st.markdown(f"{headline}:gray[at {distance:.3f}]")
    st.caption(plain(describe(embedding_set, row)))
    if is_there(embedding_set, row):
        st.audio(address("sound", workspace, name, f"{row}.wav"), format="audio/wav")


@st.cache_data(max_entries=256, show_spinner=False)
def _nearest(
    _vectors: FloatArray, state: str, row: int, most: int
) -> tuple[IndexArray, FloatArray]:
    """Find the nearest rows once for a row of a set's file; `state` names both."""
    return nearest(_vectors, row, k=min(most, len(_vectors) - 1))


def _receiver(made: Provenance) -> str:
    """Give the model whose pictures a set keeps: of an ensemble the first."""
    if not made.members:
        return model_title(made)
    first = made.members[0]
    return models.facts(first).title if first in models.names() else first


def model_title(made: Provenance) -> str:
    """Give a set's model as people call it, with a word on unverified weights."""
    known = made.model in models.names()
    title = models.facts(made.model).title if known else made.model
    return made.title.replace(made.model, title, 1)


def describe(embedding_set: EmbeddingSet, row: int) -> str:
    """Give a row in words: recording and time span."""
    values = embedding_set.table.iloc[row]
    return f"{values['recording']}, {values['start_s']:.2f} to {values['stop_s']:.2f} s"


def show_headline(embedding_set: EmbeddingSet, row: int) -> None:
    """Say which row it is: its recording, its time span, what is known of it."""
    values = embedding_set.table.iloc[row]
    st.markdown(f"**{plain(str(values['recording']))}**")
    parts = [f"{values['start_s']:.2f} to {values['stop_s']:.2f} s"]
    shown = [*embedding_set.label_columns, "top_class"]
    parts += [plain(str(values[column])) for column in shown if str(values.get(column, ""))]
    padding_s = float(values.get("padding_s", 0.0))
    if padding_s > 0:
        parts.append(f"{padding_s:.2f} s of padding")
    st.caption(" · ".join(parts))


def heard_from(embedding_set: EmbeddingSet, row: int) -> Path | None:
    """Give the path of a row's recording; say why where it cannot be heard."""
    try:
        return _source(embedding_set, row)
    except EmbedvizError as error:
        st.info(plain(str(error)), icon=":material/volume_off:")
        return None


def _recording(embedding_set: EmbeddingSet, row: int, path: Path) -> None:
    values = embedding_set.table.iloc[row]
    start_s, stop_s = float(values["start_s"]), float(values["stop_s"])
    offset_s = max(0.0, start_s - AROUND_S)
    try:
        samples, rate_hz = audio.read(
            path,
            start_s=offset_s,
            stop_s=min(stop_s + AROUND_S, offset_s + 60.0),
            channel=embedding_set.provenance.channel,
        )
    except EmbedvizError:
        return
    st.caption("The recording around it")
    st.plotly_chart(
        figures.around(spectrogram(samples, rate_hz), offset_s, (start_s, stop_s), current_theme()),
        key=f"around-{row}",
        theme=None,
        height=170,
        config={"displayModeBar": False},
        alt="Spectrogram of the recording around the window, which is framed",
    )


def _source(embedding_set: EmbeddingSet, row: int) -> Path:
    """Give the path of a row's recording, or say why it cannot be heard."""
    recording = str(embedding_set.table["recording"].iloc[row])
    source = embedding_set.provenance.recordings.get(recording)
    if source is None:
        raise EmbedvizError(f"The set does not say where {recording} lies, so it cannot be heard.")
    path = Path(source.path)
    if not path.is_file():
        raise EmbedvizError(
            f"{recording} is not where it was when the set was made, so it cannot be heard."
        )
    audio.inspect(path, name=recording)
    return path


def is_there(embedding_set: EmbeddingSet, row: int) -> bool:
    """Tell whether a row's recording still lies where it was."""
    recording = str(embedding_set.table["recording"].iloc[row])
    source = embedding_set.provenance.recordings.get(recording)
    return source is not None and Path(source.path).is_file()


def selection_table(embedding_set: EmbeddingSet, rows: list[int]) -> None:
    """Show the selected rows and offer them as CSV."""
    table = embedding_set.table.iloc[rows].copy()
    table.insert(0, "row", np.array(rows))
    if embedding_set.projection is not None:
        for axis, values in zip("xyz", embedding_set.projection.coordinates[rows].T, strict=False):
            table[axis] = values
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(rows):,} selected**", width="content")
        st.download_button(
            "Download CSV",
            lambda: table.to_csv(index=False).encode(),
            file_name="selection.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    st.dataframe(
        table, hide_index=True, height=240, width="stretch", alt="The windows chosen on the map"
    )
