"""Everything about one model: its facts, how to cite it, and its weights on this machine."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from embedviz import catalogue, weights
from embedviz.errors import WeightsError
from embedviz.facts import Facts, WeightFile
from embedviz.ui.cards import (
    DAMAGED,
    MOST_BUTTONS,
    READY,
    badge,
    choose_variant,
    file_state,
    kilohertz,
    weights_state,
)
from embedviz.ui.jobs import queue
from embedviz.ui.progress import plain
from embedviz.ui.recordings import Upload
from embedviz.ui.weightjobs import Verified, start_download, start_verifying
from embedviz.ui.workspace import Workspace, safe_name

CHUNK_BYTES = 1 << 20
NOT_PUBLISHED = " is not the published "
"""In the sentence of `weights.add` where only the checksum is in the way."""
MARKS = {
    "ok": ":green[:material/check_circle:]",
    "FAILED": ":red[:material/error:]",
    "unverified": ":orange[:material/warning:]",
}


def dossier(workspace: Workspace, facts: Facts) -> None:
    """Draw the section of one model."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(facts.title, anchor=False, width="content")
            badge(weights_state(facts, facts.default_variant))
            st.space("stretch")
            st.link_button("Home", facts.home, icon=":material/open_in_new:", type="tertiary")
        st.markdown(facts.hears)
        _facts(facts)
        left, right = st.columns([1, 1], gap="large")
        with left:
            _words(facts)
        with right:
            _weights(workspace, facts)


def _facts(facts: Facts) -> None:
    low, high = facts.bands_hz[0], facts.bands_hz[-1]
    values = {
        "Rate": kilohertz(facts.rate_hz),
        "Window": f"{facts.window_s:.3g} s",
        "Hop": f"{facts.hop_s:.3g} s",
        "Bands": f"{len(facts.bands_hz)}, {low:,.0f} to {high:,.0f} Hz",
        "Vector": _vectors(facts),
        "Precision": ", ".join(facts.precisions),
        "Licence": facts.licence,
    }
    with st.container(horizontal=True, gap="large"):
        for name, value in values.items():
            with st.container(width="content", gap=None):
                st.caption(name)
                st.markdown(value)


def _words(facts: Facts) -> None:
    st.caption("To cite")
    st.code(facts.paper, language=None, wrap_lines=True)
    if facts.notes:
        st.caption(facts.notes)


def _vectors(facts: Facts) -> str:
    if len(facts.variants) == 1:
        return f"{facts.variants[facts.default_variant]:,} values"
    if len(facts.variants) > MOST_BUTTONS:
        sizes = sorted(set(facts.variants.values()))
        return f"{' or '.join(f'{size:,}' for size in sizes)}, {len(facts.variants)} variants"
    return ", ".join(f"{size:,} {name}" for name, size in facts.variants.items())


def _weights(workspace: Workspace, facts: Facts) -> None:
    if not facts.files:
        st.markdown("**No weights**")
        st.caption("It computes what it says from the sound itself; there is nothing to download.")
        return
    variant = facts.default_variant
    if len({facts.files_for(name) for name in facts.variants}) > 1:
        variant = choose_variant(facts, f"weights-of-{facts.name}")
    for file in facts.files_for(variant):
        _file(facts, file)
    with st.container(horizontal=True):
        _download(workspace, facts, variant)
        _add(workspace, facts)
        ready = any(catalogue.ready(facts, name) for name in facts.variants)
        if st.button(
            "Verify",
            key=f"verify-{facts.name}",
            icon=":material/verified:",
            disabled=not ready or _busy(workspace, "Verifying", facts),
            help="Compares checksums, and the output with whatever is published.",
        ):
            start_verifying(workspace, facts)
            st.rerun()
    _offer(facts)
    _verdict(workspace, facts)


def _file(facts: Facts, file: WeightFile) -> None:
    state = file_state(facts, file)
    with st.container(gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(file.name)}**", width="content")
            badge(state)
            words = [catalogue.megabytes(file.size_bytes)]
            words += ["optional"] if file.optional else []
            st.caption(" · ".join(words), width="content")
        if state is DAMAGED:
            st.caption(":red[It is not the published file; download it again or replace it.]")
        checksum = f"`{file.checksum}`" if file.checksum else "no checksum is published"
        st.markdown(f":small[{checksum}]  \n:small[{file.url}]")


def _download(workspace: Workspace, facts: Facts, variant: str) -> None:
    missing = [file for file in facts.files_for(variant) if file_state(facts, file) is not READY]
    if not missing:
        return
    size = catalogue.megabytes(sum(file.size_bytes or 0 for file in missing))
    if st.button(
        f"Download {size}",
        key=f"download-{facts.name}",
        icon=":material/download:",
        disabled=_busy(workspace, "Downloading", facts),
    ):
        start_download(workspace, facts, variant)
        st.rerun()


def _busy(workspace: Workspace, verb: str, facts: Facts) -> bool:
    title = f"{verb} {facts.title}"
    return any(job.active and job.title == title for job in queue().of(workspace.token))


def _add(workspace: Workspace, facts: Facts) -> None:
    turn = st.session_state.get(f"add-turn-{facts.name}", 0)
    # A new key closes the popover and empties the uploader.
    with st.popover("Add a file", icon=":material/upload_file:", key=f"way-{facts.name}-{turn}"):
        file = st.file_uploader(
            f"An official weight file of {facts.title}", key=f"add-{facts.name}-{turn}"
        )
    if file:
        st.session_state[f"add-turn-{facts.name}"] = turn + 1
        with st.spinner("Comparing it with the published file …"):
            _try(facts, _kept(workspace, facts, file), unverified=False)
        st.rerun()


def _kept(workspace: Workspace, facts: Facts, file: Upload) -> Path:
    """Write an uploaded file to a place of its own, where no other file is taken along."""
    path = workspace.folder / "weights" / facts.name / safe_name(file.name).name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as copy:
        while block := file.read(CHUNK_BYTES):
            copy.write(block)
    return path


def _try(facts: Facts, path: Path, *, unverified: bool) -> None:
    """Add a file; where it is not the published one, remember it for the user's decision."""
    offer = f"offer-{facts.name}"
    st.session_state.pop(offer, None)
    try:
        added = weights.add(facts, path, unverified=unverified)
    except WeightsError as error:
        # The words after the semicolon are for the command line.
        sentence = str(error).replace(str(path), path.name).split("; `--unverified`")[0]
        st.session_state[offer] = (path, f"{sentence.rstrip('.')}.")
        if NOT_PUBLISHED not in sentence:
            path.unlink(missing_ok=True)
        return
    path.unlink(missing_ok=True)
    names = ", ".join(found.file.name for found in added)
    st.toast(f"{plain(names)} is here.", icon=":material/check:")


def _offer(facts: Facts) -> None:
    """Show why a file was not taken, and let the user take it all the same."""
    offer = f"offer-{facts.name}"
    if offer not in st.session_state:
        return
    path, sentence = st.session_state[offer]
    st.warning(plain(sentence), icon=":material/warning:")
    with st.container(horizontal=True):
        if path.is_file() and st.button(
            "Use it all the same (unverified)",
            key=f"accept-{facts.name}",
            help="Every set made with it says that its weights are unverified.",
        ):
            _try(facts, path, unverified=True)
            st.rerun()
        if st.button("Discard it", key=f"discard-{facts.name}", type="tertiary"):
            del st.session_state[offer]
            path.unlink(missing_ok=True)
            st.rerun()


def _verdict(workspace: Workspace, facts: Facts) -> None:
    """Show what the last check of this model's weights has found."""
    found = [
        job.result
        for job in queue().of(workspace.token)
        if isinstance(job.result, Verified) and job.result.model == facts.name
    ]
    # A check says nothing about weights that went missing since.
    if found and any(catalogue.ready(facts, variant) for variant in facts.variants):
        lines = [f"{MARKS[mark]} {plain(words)}" for mark, words in found[-1].lines]
        st.markdown("  \n".join(lines))
