"""The question of an evaluation: which sets, which label, what must not be on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import streamlit as st

from embedviz import packing
from embedviz.cli_evaluate import PARTS
from embedviz.data import RESERVED_COLUMNS
from embedviz.ui.controls import described
from embedviz.ui.evaluating_kept import Asked
from embedviz.ui.session import CHOSEN
from embedviz.ui.workspace import Workspace

POOLINGS = {
    "window": "every row by itself",
    "mean": "mean of a recording",
    "max": "largest values of a recording",
    "mean+std": "mean and spread of a recording",
}
QUICK, EVERYTHING, SOME = "Quick", "Everything", "Choose"
CALLED = {
    "curves": "Curves",
    "ensembles": "Ensembles",
    "clusters": "Clusters",
    "trust": "Trust of the map",
    "confounds": "Confounds",
    "corrections": "Corrections",
}
DEPTH_HELP = (
    "*Quick*: scores, differences and mistakes, in seconds. *Everything*: also accuracy against "
    "components, neighbours and labelled recordings, ensembles of the models, clusters, how far "
    "each map can be trusted, what else the vectors know, and corrections, in minutes."
)
MOST_FOLDS = 50
"""Values of a column that could be folds."""


@dataclass(frozen=True)
class Columns:
    """What can be asked about a set."""

    labels: tuple[str, ...]
    """Columns that name something, those that were given as labels first."""
    splits: tuple[str, ...]
    """Columns whose values can be kept apart."""
    folds: tuple[str, ...]
    one_each: bool
    """Whether every recording has one row."""


def choose_sets(workspace: Workspace, offered: Sequence[str]) -> list[str]:
    """Choose what is evaluated: at first the set that the map shows."""
    wanted = st.session_state.get(CHOSEN)
    return st.multiselect(
        "Sets",
        offered,
        default=[wanted if wanted in offered else offered[0]],
        format_func=lambda name: described(workspace, name),
        help="Sets of the same recordings, one a model, are compared over what all of them have.",
        key=f"evaluate-sets-{wanted}",
        persist_state="session",
    )


def label_columns(workspace: Workspace, names: Sequence[str]) -> list[str]:
    """Name the columns that can be the label, of any of these sets."""
    every = [column for name in names for column in columns_of(workspace, name).labels]
    return list(dict.fromkeys(every))


def choose_question(workspace: Workspace, names: Sequence[str], labels: Sequence[str]) -> Asked:
    """Draw what is asked about some sets; `labels` are the columns that can be the label."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = _select("Label", labels, key="label", help_="The column that is predicted.")
        having = next(n for n in names if label in columns_of(workspace, n).labels)
        own = columns_of(workspace, having)
        group = _or_none(
            "Kept together",
            [name for name in own.splits if name != label],
            "recordings",
            key=f"group-{having}-{label}",
            help_="A site, an individual, a day: no value of it is both trained on and tested. "
            "Recordings never are.",
        )
        folds = _or_none(
            "Folds",
            [name for name in own.folds if name not in (label, group)],
            "made here, five at most",
            key=f"folds-{having}-{label}-{group}",
            help_="A column with official folds is used as it is.",
        )
        pooling = _pooling(workspace, names)
    return Asked(tuple(names), label, group, folds, pooling)


def choose_depth(asked: Asked) -> Asked:
    """Draw how much is found out, and the settings of the probes."""
    parts = _parts(len(asked.names))
    return replace(asked, parts=parts, **_settings())


def columns_of(workspace: Workspace, name: str) -> Columns:
    """Give what can be asked about a set; remembered, because a page asks at every run."""
    return _columns(workspace, name, workspace.state(name))


@lru_cache(maxsize=64)
def _columns(workspace: Workspace, name: str, _state: str) -> Columns:
    found = workspace.open_set(name)
    table = found.table
    given = [column for column in found.label_columns if column in table]
    free = [str(c) for c in table if c not in RESERVED_COLUMNS and c not in given]
    worded = [column for column in free if not packing.is_numeric(table[column])]
    values = {column: table[column].nunique() for column in [*given, *free]}
    splits = [column for column in [*given, *free] if values[column] > 1]
    return Columns(
        labels=(*given, *(column for column in worded if values[column] > 1)),
        splits=tuple(splits),
        folds=tuple(column for column in splits if values[column] <= MOST_FOLDS),
        one_each=len(table) == table["recording"].nunique(),
    )


def _pooling(workspace: Workspace, names: Sequence[str]) -> str | None:
    """Choose how rows become one; None where every recording has one row already."""
    if all(columns_of(workspace, name).one_each for name in names):
        return None
    several = len(names) > 1
    return _select(
        "Classified",
        list(POOLINGS),
        key=f"pooling-{several}",
        index=1 if several else 0,
        words=POOLINGS,
        help_="Models with different windows can be compared per recording only.",
    )


def _parts(sets: int) -> tuple[str, ...]:
    chosen = st.segmented_control(
        "How much",
        [QUICK, EVERYTHING, SOME],
        default=QUICK,
        required=True,
        key="evaluate-depth",
        persist_state="session",
        help=DEPTH_HELP,
    )
    offered = [part for part in PARTS if part != "ensembles" or sets > 1]
    if chosen == EVERYTHING:
        return tuple(offered)
    if chosen == QUICK:
        return ()
    some = st.pills(
        "Beside the scores",
        offered,
        selection_mode="multi",
        default=["curves"],
        format_func=CALLED.__getitem__,
        key=f"evaluate-parts-{sets > 1}",
        persist_state="session",
    )
    return tuple(part for part in offered if part in some)


def _settings() -> dict[str, Any]:
    with st.popover("Settings", icon=":material/tune:"):
        return {
            "components": st.number_input(
                "Components of the PCA",
                min_value=1,
                value=None,
                placeholder="128, or as many as there are",
                key="evaluate-components",
                persist_state="session",
            ),
            "neighbours": st.number_input(
                "Neighbours asked",
                min_value=1,
                value=None,
                placeholder="5",
                key="evaluate-neighbours",
                persist_state="session",
            ),
            "seed": st.number_input(
                "Seed",
                min_value=0,
                max_value=2**31 - 1,
                value=0,
                key="evaluate-seed",
                persist_state="session",
            ),
        }


def _select(
    words_: str,
    options: Sequence[str],
    *,
    key: str,
    help_: str,
    index: int = 0,
    words: dict[str, str] | None = None,
) -> str:
    chosen: str = st.selectbox(
        words_,
        options,
        index=index,
        format_func=lambda one: (words or {}).get(one, one),
        key=f"evaluate-{key}",
        persist_state="session",
        help=help_,
        width=230,
    )
    return chosen


def _or_none(words: str, options: Sequence[str], none: str, *, key: str, help_: str) -> str | None:
    chosen: str = st.selectbox(
        words,
        # An empty name: a choice of None could be cleared, and would then say nothing.
        ["", *options],
        format_func=lambda one: one or none,
        key=f"evaluate-{key}",
        persist_state="session",
        help=help_,
        width=230,
    )
    return chosen or None
