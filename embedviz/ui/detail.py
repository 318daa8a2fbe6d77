"""A row as Compare shows it: what it is, what a model received, whether it can be heard."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from embedviz import figures
from embedviz.data import EmbeddingSet
from embedviz.errors import EmbedvizError
from embedviz.served.rows import Row
from embedviz.titles import receiver
from embedviz.ui.map import current_theme
from embedviz.ui.progress import plain
from embedviz.ui.workspace import Workspace


def show_heard(name: str, embedding_set: EmbeddingSet, row: int) -> None:
    """Show what the model received for a row, where the set keeps it."""
    if embedding_set.thumbnails is None:
        return
    model = receiver(embedding_set.provenance)
    st.caption(f"What {plain(model)} received")
    st.plotly_chart(
        figures.heard(embedding_set.thumbnails[row], embedding_set, row, current_theme()),
        key=f"heard-{name}-{row}",
        theme=None,
        height=230,
        config={"displayModeBar": False},
        alt=f"Spectrogram that {model} received for this row",
    )


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


def heard_from(workspace: Workspace, embedding_set: EmbeddingSet, row: int) -> Path | None:
    """Give the path of a row's recording; say why where it cannot be heard."""
    try:
        return Row(workspace, embedding_set, row).file()
    except EmbedvizError as error:
        st.info(plain(str(error)), icon=":material/volume_off:")
        return None


def is_there(workspace: Workspace, embedding_set: EmbeddingSet, row: int) -> bool:
    """Tell whether a row can be heard."""
    try:
        Row(workspace, embedding_set, row).file()
    except EmbedvizError:
        return False
    return True
