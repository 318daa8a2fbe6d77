"""One row as two models know it: one sound, what each received, and what lies nearest in each."""

from __future__ import annotations

import streamlit as st

from embedviz.agreement import NEIGHBOURS
from embedviz.data import EmbeddingSet, FloatArray
from embedviz.neighbours import IndexArray, nearest
from embedviz.titles import model_title
from embedviz.ui.addresses import address
from embedviz.ui.detail import (
    describe,
    heard_from,
    is_there,
    show_headline,
    show_heard,
)
from embedviz.ui.map import current_theme, picture_query
from embedviz.ui.pairs import Pair, Side
from embedviz.ui.progress import plain
from embedviz.ui.workspace import Workspace

PICTURE_PX, WIDEST_PX, PLAYER_PX = 56, 112, 190


def show_counterparts(workspace: Workspace, pair: Pair, row: int) -> None:
    """Show a row with its sound, and what each model received of it.

    Parameters
    ----------
    row
        Of the pair.
    """
    # Either set may know where the recording lies.
    side = next((s for s in pair.sides if is_there(workspace, s.embedding_set, row)), pair.left)
    show_headline(side.embedding_set, row)
    if heard_from(workspace, side.embedding_set, row) is not None:
        st.audio(_address(workspace, "sound", side, row, "wav"), format="audio/wav")
    for place, one in zip(st.columns(2, gap="medium"), pair.sides, strict=True):
        with place:
            show_heard(one.name, one.embedding_set, row)


def show_both_neighbours(workspace: Workspace, pair: Pair, row: int) -> None:
    """Show the rows nearest to a row in each model; those that both find are marked."""
    lists = [_nearest(workspace, side, row) for side in pair.sides]
    common = set(lists[0][0].tolist()) & set(lists[1][0].tolist())
    sides = zip(st.columns(2, gap="medium"), pair.sides, lists, strict=True)
    for place, side, (indices, distances) in sides:
        with place, st.container(border=True, gap="small"):
            model = plain(model_title(side.embedding_set.provenance))
            st.markdown(f"**Nearest to {model}**, {len(common)} of {len(indices)} in both")
            for index, distance in zip(indices.tolist(), distances.tolist(), strict=True):
                _neighbour(workspace, side, index, distance, index in common)


def _neighbour(workspace: Workspace, side: Side, row: int, distance: float, common: bool) -> None:
    found = side.embedding_set
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if found.thumbnails is not None:
            picture = _address(workspace, "picture", side, row, "png")
            frames, bands = found.thumbnails.shape[1:]
            st.image(
                picture + picture_query(current_theme()),
                # As high as those of the other model, so that the lists keep step.
                width=min(WIDEST_PX, max(1, PICTURE_PX * frames // bands)),
                alt=f"Spectrogram of {describe(found, row)}",
            )
        with st.container(gap=None, width="stretch"):
            label = plain(str(found.table.iloc[row].get("label", "")))
            both = " :primary-badge[in both]" if common else ""
            st.markdown(f"**{label}** :gray[at {distance:.3f}]{both}".removeprefix("**** "))
            st.caption(plain(describe(found, row)))
        if is_there(workspace, found, row):
            sound = _address(workspace, "sound", side, row, "wav")
            st.audio(sound, format="audio/wav", width=PLAYER_PX)


def _nearest(workspace: Workspace, side: Side, row: int) -> tuple[IndexArray, FloatArray]:
    path = workspace.set_path(side.name)
    state = f"{path} {path.stat().st_mtime_ns} {len(side.numbers)} {side.numbers.sum()}"
    return _found(side.embedding_set, state, row)


@st.cache_data(max_entries=256, show_spinner=False)
def _found(_embedding_set: EmbeddingSet, state: str, row: int) -> tuple[IndexArray, FloatArray]:
    """Find the nearest rows once for a row; `state` names the set's file and the rows in it."""
    return nearest(_embedding_set.vectors, row, k=min(NEIGHBOURS, len(_embedding_set) - 1))


def _address(workspace: Workspace, kind: str, side: Side, row: int, ending: str) -> str:
    return address(kind, workspace, side.name, f"{side.numbers[row]}.{ending}")
