"""What is taken for what: a confusion matrix whose cells open the sounds behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from embedviz import packing
from embedviz.data import EmbeddingSet
from embedviz.errors import EmbedvizError
from embedviz.evaluation.report import words
from embedviz.evaluation.report.headline import ranked
from embedviz.evaluation.report.matrices import short
from embedviz.evaluation.results import PROBES, Evaluation, IntArray, Probed, Units
from embedviz.ui import home, session
from embedviz.ui.addresses import address
from embedviz.ui.chosen import Chosen
from embedviz.ui.detail import is_there
from embedviz.ui.evaluating_kept import Kept
from embedviz.ui.map import current_theme, picture_query
from embedviz.ui.packs import keep_selection
from embedviz.ui.progress import plain
from embedviz.ui.session import CHOSEN
from embedviz.ui.workspace import Workspace

AT_ONCE = 8
"""Units that are listed before more are asked for."""
PICTURE_PX, PLAYER_PX = 56, 260
LONGEST_S = 60.0
"""Of a longer unit the beginning is played."""
_SAME_S = 1e-3

_component = st.components.v2.component(
    "embedviz_confusion",
    html='<div class="cm" data-testid="confusion"></div>',
    css=home.asset("confusion.css").read_text(),
    js=home.asset("confusion.js").read_text(),
)


@st.fragment
def show_mistakes(workspace: Workspace, one: Kept, evaluation: Evaluation) -> None:
    """Draw the matrix of one model and the units behind the chosen cell; a choice reruns this."""
    order = ranked(evaluation)
    chosen = st.selectbox(
        "Model and probe",
        range(len(order)),
        format_func=lambda place: f"{order[place].model}, {PROBES[order[place].probe]}",
        key=f"evaluate-matrix-{one.number}",
        width=420,
    )
    probed = order[chosen or 0]
    key = f"evaluate-cell-{one.number}-{chosen}"
    cell = _cell(st.session_state.get(key, {}), len(evaluation.task.classes))
    _component(key=key, data=matrix(evaluation, probed, cell), on_cell_change=lambda: None)
    if cell is None:
        unit = words.unit(evaluation)
        st.caption(f"Choose a cell to hear the {unit}s behind it; arrow keys move between cells.")
        return
    numbers = behind(evaluation.units, probed, *cell)
    with st.container(border=True):
        st.markdown(f"**{plain(sentence(evaluation, probed, *cell))}**")
        if len(numbers):
            _listed(workspace, one, evaluation, numbers, key=f"{key}-{cell[0]}-{cell[1]}")


def matrix(evaluation: Evaluation, probed: Probed, cell: tuple[int, int] | None) -> dict[str, Any]:
    """Give what the browser draws: the cells that hold anything, by their share of a row."""
    confusion, classes = probed.confusion, evaluation.task.classes
    rows = np.maximum(confusion.sum(axis=1), 1)
    return {
        "caption": f"{probed.model}, {PROBES[probed.probe]}: {words.unit(evaluation)}s, "
        "coloured by their share of the true class",
        "classes": [[name, short(name)] for name in classes],
        "cells": [
            {
                "truth": truth,
                "predicted": predicted,
                "count": int(confusion[truth, predicted]),
                "share": round(float(confusion[truth, predicted] / rows[truth]), 3),
                "words": sentence(evaluation, probed, truth, predicted),
            }
            for truth, predicted in np.argwhere(confusion).tolist()
        ],
        "chosen": None if cell is None else list(cell),
    }


def sentence(evaluation: Evaluation, probed: Probed, truth: int, predicted: int) -> str:
    """Say what a cell counts: `3 of 40 rain are taken for dog`."""
    classes = evaluation.task.classes
    count, whole = int(probed.confusion[truth, predicted]), int(probed.confusion[truth].sum())
    taken = "recognised" if truth == predicted else f"taken for {classes[predicted]}"
    return f"{count:,} of {whole:,} {classes[truth]} {'is' if count == 1 else 'are'} {taken}"


def behind(units: Units, probed: Probed, truth: int, predicted: int) -> IntArray:
    """Give the numbers of the units behind a cell, spread over their recordings."""
    found = np.flatnonzero((units.truth == truth) & (probed.predicted == predicted))
    recordings = pd.Series([units.recording[number] for number in found], dtype=object)
    turns = recordings.groupby(recordings, sort=False).cumcount().to_numpy()
    return np.asarray(found[np.argsort(turns, kind="stable")], np.int64)


def rows_of(
    found: EmbeddingSet, units: Units, numbers: Sequence[int], *, whole: bool
) -> list[list[int]]:
    """Give the rows of a set that each unit is made of; none where the set has changed.

    Parameters
    ----------
    whole
        Whether a unit is a recording with all of its rows.
    """
    wanted = {units.recording[number] for number in numbers}
    table = found.table
    starts = table["start_s"].to_numpy(np.float64)
    inside = np.flatnonzero(table["recording"].isin(wanted).to_numpy())
    by_recording: dict[str, list[int]] = {}
    for row, name in zip(inside.tolist(), table["recording"].iloc[inside], strict=True):
        by_recording.setdefault(str(name), []).append(row)
    return [
        [
            row
            for row in by_recording.get(units.recording[number], [])
            if whole or abs(starts[row] - units.start_s[number]) < _SAME_S
        ]
        for number in numbers
    ]


def _listed(
    workspace: Workspace, one: Kept, evaluation: Evaluation, numbers: IntArray, *, key: str
) -> None:
    """List units with their sounds and the way to the map."""
    name = _set_with_label(workspace, one)
    if name is None:
        st.info(
            "The set with these labels is no longer in this workspace; the report still has "
            "some of the sounds.",
            icon=":material/volume_off:",
        )
        return
    found = workspace.open_set(name)
    whole = evaluation.task.pooling != "window"
    rows = rows_of(found, evaluation.units, numbers.tolist(), whole=whole)
    every = [row for own in rows for row in own]
    with st.container(horizontal=True, vertical_alignment="center"):
        if every and st.button(
            "Show them on the map", icon=":material/scatter_plot:", key=f"{key}-map"
        ):
            _to_map(workspace, name, len(found), every)
        st.caption(f"of {plain(name)}")
    shown = st.session_state.get(f"{key}-most", AT_ONCE)
    for number, own in list(zip(numbers.tolist(), rows, strict=True))[:shown]:
        _unit(workspace, name, found, evaluation, number, own)
    if len(numbers) > shown and st.button(f"{len(numbers) - shown:,} more", key=f"{key}-more"):
        st.session_state[f"{key}-most"] = shown + 4 * AT_ONCE
        st.rerun(scope="fragment")


def _unit(
    workspace: Workspace,
    name: str,
    found: EmbeddingSet,
    evaluation: Evaluation,
    number: int,
    rows: Sequence[int],
) -> None:
    units, folds = evaluation.units, evaluation.task.folds
    start_s, stop_s = units.start_s[number], units.stop_s[number]
    span = f"{words.seconds(start_s)} to {words.seconds(stop_s)}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if rows and found.thumbnails is not None:
            picture = address("picture", workspace, name, f"{rows[0]}.png")
            st.image(
                picture + picture_query(current_theme()),
                width=PICTURE_PX,
                alt=f"Spectrogram of {units.recording[number]}, {span}",
            )
        with st.container(gap=None, width="stretch"):
            st.markdown(f"**{plain(units.recording[number])}**")
            st.caption(f"{span} · fold {plain(folds[units.fold[number]])}")
        if rows and is_there(workspace, found, rows[0]):
            sound = _sound(workspace, name, found, rows, (start_s, stop_s))
            st.audio(sound, format="audio/wav", width=PLAYER_PX)
        else:
            st.caption("cannot be heard here", width="content")


def _sound(
    workspace: Workspace,
    name: str,
    found: EmbeddingSet,
    rows: Sequence[int],
    span_s: tuple[float, float],
) -> str:
    """Give the address of a unit's sound."""
    if len(rows) == 1:
        return address("sound", workspace, name, f"{rows[0]}.wav")
    source = found.provenance.recordings[str(found.table["recording"].iloc[rows[0]])]
    start_s = max(span_s[0], 0.0)
    stop_s = min(span_s[1], source.duration_s, start_s + LONGEST_S)
    rest = f"{rows[0]}.wav?start={start_s:.3f}&stop={stop_s:.3f}"
    return address("stretch", workspace, name, rest)


def _to_map(workspace: Workspace, name: str, count: int, rows: Sequence[int]) -> None:
    """Open the map with these rows selected, the first of them pinned."""
    flags = np.zeros(count, bool)
    flags[list(rows)] = True
    selection = keep_selection(workspace, name, packing.pack_rows(flags), count)
    st.session_state[CHOSEN] = name
    st.session_state[f"chosen-{name}"] = Chosen(selection, rows[0])
    session.go("explore")


def _set_with_label(workspace: Workspace, one: Kept) -> str | None:
    """Give the set whose rows the units are called by, where it is still there."""
    for name in one.titles.values():
        try:
            if one.asked.label in workspace.open_set(name).table:
                return name
        except EmbedvizError:
            continue
    return None


def _cell(state: Any, classes: int) -> tuple[int, int] | None:  # noqa: ANN401 (the browser's word)
    """Read which cell is chosen; None for nonsense."""
    said = state.get("cell") if hasattr(state, "get") else None
    if not isinstance(said, list | tuple) or len(said) != 2:
        return None
    if not all(isinstance(one, int | float) and 0 <= one < classes for one in said):
        return None
    return int(said[0]), int(said[1])
