"""The two maps of Compare: which sets, drawn how, and how far their models agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from embedviz import packing
from embedviz.agreement import NEIGHBOURS
from embedviz.data import EmbeddingSet, Projection
from embedviz.titles import model_title
from embedviz.ui.actions import SENT
from embedviz.ui.chosen import Chosen
from embedviz.ui.controls import colour_columns, described
from embedviz.ui.map import Column, Drawn
from embedviz.ui.packs import publish
from embedviz.ui.pairs import Agreement, Pair, Side, likely_pair
from embedviz.ui.progress import plain
from embedviz.ui.projections import DEFAULTS, METHODS, stored_choice
from embedviz.ui.workspace import Workspace

SHARED = "shared neighbours"
"""What a map can be coloured by beside the columns of its table."""
LEFT, RIGHT, METHOD, COLOUR = (f"compare-{what}" for what in ("left", "right", "method", "colour"))
BEGUN = "compare-begun"
"""The key of the set and the selection that Explore sent last."""
EXPLAINED = (
    f"For every point its {NEIGHBOURS} nearest neighbours are looked up in both embedding spaces "
    "by cosine distance, among the points that both sets have. *Nearest neighbour by label* is "
    "the share of points whose nearest one of another recording has the same label."
)


def choose_pair(workspace: Workspace, names: Sequence[str]) -> tuple[str, str]:
    """Choose two of the workspace's sets; there are at least two."""
    sent = st.session_state.pop(SENT, None)
    if sent is not None and sent[0] in names:
        st.session_state[BEGUN] = sent
        st.session_state[LEFT] = sent[0]
        names = [sent[0], *(name for name in names if name != sent[0])]
    likely = likely_pair(workspace, names)
    left = _choose_set(workspace, "Left", names, likely[0], LEFT)
    rest = [name for name in names if name != left]
    wanted = likely[1] if likely[1] in rest else likely[0]
    return left, _choose_set(workspace, "Right", rest, wanted, RIGHT)


def choose_method(pair: Pair) -> dict[str, Any]:
    """Choose the projection of both maps; its settings are those of a map that is there already."""
    stored = [stored_choice(side.whole) for side in pair.sides]
    flat = [choice for choice in stored if choice is not None and choice["dims"] == 2]
    method = st.segmented_control(
        "Projection",
        list(METHODS),
        default=flat[0]["method"] if flat else "umap",
        format_func=METHODS.__getitem__,
        required=True,
        key=METHOD,
        persist_state="session",
    )
    known = [choice for choice in flat if choice["method"] == method]
    return known[0] if known else {"method": method, "dims": 2, **DEFAULTS[method]}


def choose_colour(pair: Pair) -> str:
    """Choose what colours both maps: a column of either set, or how far the models agree."""
    columns = colour_columns(_with_table(pair.left.embedding_set, pair))
    labels = [name for name in columns if name in pair.label_columns]
    rest = [name for name in columns if name not in labels]
    chosen: str = st.selectbox(
        "Colour both by",
        [*labels, SHARED, *rest],
        key=COLOUR,
        persist_state="session",
        width=200,
    )
    return chosen


def asked_label(pair: Pair, colour_by: str) -> str | None:
    """Give the label that nearest neighbours are asked for: the one that is seen, or the first."""
    labels = pair.label_columns
    return colour_by if colour_by in labels else next(iter(labels), None)


def begun(pair: Pair) -> Chosen:
    """Give what Explore sent along for the left set."""
    name, selection = st.session_state.get(BEGUN, ("", ""))
    return Chosen(selection) if name == pair.left.name else Chosen()


def summary(pair: Pair, agreement: Agreement) -> str:
    """Say how far the models agree, and about how many points."""
    k = min(NEIGHBOURS, len(pair) - 1)
    neighbours = f"{k} nearest neighbours" if k > 1 else "nearest neighbour"
    words = (
        f"**{agreement.shared.mean():.0%}** of a point's {neighbours} are the same in both models "
        f"({agreement.chance:.1%} by chance) · {len(pair):,} points"
    )
    partly = [side for side in pair.sides if len(side.numbers) < len(side.whole)]
    if partly:
        parts = [f"{len(side.whole):,} of {plain(side.name)}" for side in partly]
        words += f" that both have, out of {' and '.join(parts)}"
    return words


def drawn(
    workspace: Workspace, pair: Pair, agreement: Agreement, places: tuple[Projection, Projection]
) -> tuple[Drawn, Drawn]:
    """Make the two maps.

    Parameters
    ----------
    places
        A projection of each whole set.
    """
    left, right = (
        _drawn(side, projection, accuracy)
        for side, projection, accuracy in zip(pair.sides, places, agreement.accuracies, strict=True)
    )
    return replace(left, columns=_columns(workspace, pair, agreement)), right


def _drawn(side: Side, projection: Projection, accuracy: float | None) -> Drawn:
    known = "no labels" if accuracy is None else f"nearest neighbour by label: {accuracy:.1%}"
    return Drawn(
        side.name,
        side.placed(projection),
        numbers=side.numbers,
        total=len(side.whole),
        heading=(model_title(side.whole.provenance), f"{side.name} · {known}"),
    )


def _columns(workspace: Workspace, pair: Pair, agreement: Agreement) -> list[Column]:
    """Give what the left set's own table does not hold: what both share, and the right one's."""
    shared = publish(workspace, packing.pack_numbers(agreement.shared))
    columns = [Column(SHARED, SHARED, "numbers", shared)]
    for name in map(str, pair.table):
        if name not in pair.left.embedding_set.table:
            pack = publish(workspace, packing.pack_column(pair.table[name]))
            kind = "numbers" if packing.is_numeric(pair.table[name]) else "names"
            columns.append(Column(name, name, kind, pack))
    return columns


def _with_table(embedding_set: EmbeddingSet, pair: Pair) -> EmbeddingSet:
    made = replace(embedding_set.provenance, label_columns=pair.label_columns)
    return replace(embedding_set, table=pair.table, provenance=made)


def _choose_set(
    workspace: Workspace, words: str, names: Sequence[str], wanted: str, key: str
) -> str:
    chosen: str = st.selectbox(
        words,
        names,
        index=names.index(wanted),
        format_func=lambda name: described(workspace, name),
        key=key,
        persist_state="session",
        width=320,
    )
    return chosen
