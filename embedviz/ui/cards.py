"""Model cards: what each model hears, its facts, and whether its weights are here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from embedviz import catalogue, models
from embedviz.facts import Facts, WeightFile

GROUPS = ("General", "Music", "Bioacoustics", "Baseline")
MOST_BUTTONS = 4
DEFAULT_MODEL = "logmel"
Colour = Literal["green", "orange", "red", "gray"]


@dataclass(frozen=True)
class State:
    """The state of a model's weights, or of one file, in words and a colour."""

    words: str
    colour: Colour
    icon: str


NOT_NEEDED = State("no weights needed", "gray", ":material/check:")
READY = State("ready", "green", ":material/check_circle:")
UNVERIFIED = State("unverified weights", "orange", ":material/warning:")
DAMAGED = State("damaged", "red", ":material/error:")
MISSING = State("not here", "gray", ":material/download:")
FILE_STATES = {"ready": READY, "unverified": UNVERIFIED, "damaged": DAMAGED, "missing": MISSING}


def choose_models() -> list[tuple[Facts, str]]:
    """Draw a card for every model and give the chosen ones with their variants."""
    st.subheader("Models", anchor=False)
    chosen: list[tuple[Facts, str]] = []
    for group in GROUPS:
        members = [facts for facts in every_model() if facts.group == group]
        if members:
            st.caption(group)
        for facts in members:
            variant = _card(facts)
            if variant:
                chosen.append((facts, variant))
    return chosen


def every_model() -> list[Facts]:
    """Give the facts of all models, by group."""
    every = [models.facts(name) for name in models.names()]
    return sorted(every, key=lambda facts: GROUPS.index(facts.group))


def weights_state(facts: Facts, variant: str) -> State:
    """Tell whether a variant can be used, and what it takes if not."""
    files = [file for file in facts.files_for(variant) if not file.optional]
    if not files:
        return NOT_NEEDED
    states = [file_state(facts, file) for file in files]
    for worst in (DAMAGED, MISSING, UNVERIFIED):
        if worst in states:
            break
    else:
        return READY
    if worst is not MISSING:
        return worst
    size = catalogue.megabytes(catalogue.download_bytes(facts, variant))
    return State(f"{size} to download", "gray", MISSING.icon)


def file_state(facts: Facts, file: WeightFile) -> State:
    """Tell the state of one weight file."""
    return FILE_STATES[catalogue.file_state(facts, file)]


def badge(state: State) -> None:
    """Show a state as a badge."""
    st.badge(state.words, icon=state.icon, color=state.colour)


def kilohertz(rate_hz: int) -> str:
    """Write a rate: `22.05 kHz`."""
    return f"{rate_hz / 1000:g} kHz"


def _card(facts: Facts) -> str | None:
    """Draw one card and give the variant if it is chosen."""
    with st.container(border=True, gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            chosen = st.checkbox(
                f"**{facts.title}**",
                value=facts.name == DEFAULT_MODEL,
                key=f"model-{facts.name}",
                persist_state="session",
                width="stretch",
            )
            place = st.container(width="content")
        st.markdown(f":small[{facts.hears}]")
        variant = _variant(facts) if chosen else facts.default_variant
        with place:
            badge(weights_state(facts, variant))
        st.caption(
            f"{kilohertz(facts.rate_hz)} · {facts.window_s:.3g} s every {facts.hop_s:.3g} s · "
            f"{facts.variants[variant]:,} values · {facts.licence}"
        )
    return variant if chosen else None


def _variant(facts: Facts) -> str:
    if len(facts.variants) == 1:
        return facts.default_variant
    return choose_variant(facts, f"variant-{facts.name}")


def choose_variant(facts: Facts, key: str) -> str:
    """Let the user choose a variant: from buttons while they are few, from a list beyond."""
    label, names = f"Variant of {facts.title}", list(facts.variants)
    if len(names) > MOST_BUTTONS:
        chosen: str | None = st.selectbox(
            label, names, key=key, persist_state="session", label_visibility="collapsed"
        )
    else:
        chosen = st.segmented_control(
            label,
            names,
            default=facts.default_variant,
            required=True,
            key=key,
            persist_state="session",
            label_visibility="collapsed",
        )
    return chosen or facts.default_variant
