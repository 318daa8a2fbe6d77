"""Export: sets as a bundle for the TensorFlow Embedding Projector."""

import streamlit as st

from embedviz.data import EmbeddingSet
from embedviz.thumbnails import sprite_sheet
from embedviz.ui import session
from embedviz.ui.controls import CHOSEN
from embedviz.ui.exports import Bundle, submit
from embedviz.ui.jobs import Job
from embedviz.ui.progress import plain
from embedviz.ui.session import workspace

CELLS_PX = {
    "choose for me": None,
    "32 px": 32,
    "48 px": 48,
    "64 px": 64,
    "96 px": 96,
    "128 px": 128,
}
JOB = "export_job"


def main() -> None:
    """Draw the page."""
    st.title("Export", anchor=False)
    st.caption("A bundle that opens in the TensorFlow Embedding Projector, with its pictures.")
    own = workspace()
    offered = own.set_names()
    if not offered:
        nothing_yet()
        return
    left, right = st.columns([0.45, 0.55], gap="large")
    with left:
        wanted = st.session_state.get(CHOSEN)
        names = st.multiselect(
            "Sets in the bundle",
            offered,
            default=[wanted if wanted in offered else offered[0]],
            help="Several sets lie in one bundle; the projector lists them by their model.",
        )
        cell = st.selectbox("Picture of each point", list(CELLS_PX))
        if st.button("Write the bundle", type="primary", disabled=not names):
            st.session_state[JOB] = submit(own, names, cell_px=CELLS_PX[cell])
            st.rerun()
        job = st.session_state.get(JOB)
        if job is not None and job.owner == own.token:
            outcome(job)
    with right:
        if names:
            preview(own.open_set(names[0]), CELLS_PX[cell])


def outcome(job: Job) -> None:
    """Show the validator's words and the download, once the bundle is written."""
    if job.active:
        st.caption("The bundle is being written; its progress is below.")
        return
    if not isinstance(job.result, Bundle):
        return
    bundle: Bundle = job.result
    if not bundle.path.is_file():
        return
    show = st.success if bundle.report.ok else st.error
    show(plain(bundle.report.summary), icon=":material/rule:")
    for finding in bundle.report.findings:
        show = st.error if finding.level == "error" else st.warning
        show(plain(f"{finding.where}: {finding.message}"))
    size = bundle.path.stat().st_size / 1e6
    st.download_button(
        f"Download {plain(bundle.path.name)} ({size:.1f} MB)",
        bundle.path.read_bytes,
        file_name=bundle.path.name,
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption(
        "Unpack it and follow its README.txt: load tensors.tsv and metadata.tsv on "
        "projector.tensorflow.org, or point TensorBoard at the folder."
    )


def preview(embedding_set: EmbeddingSet, cell_px: int | None) -> None:
    """Show the sprite sheet that the projector would draw the points from."""
    if embedding_set.thumbnails is None:
        st.info("This set holds no pictures, so its bundle has no sprite sheet.")
        return
    sprite = sprite_sheet(embedding_set.thumbnails, cell_px=cell_px)
    st.image(
        sprite.image,
        width="stretch",
        caption=f"The sprite sheet: {sprite.columns} x {sprite.columns} cells of "
        f"{sprite.cell_px} px for {len(embedding_set):,} points, first point top left.",
        alt="Sprite sheet of the set's spectrograms",
    )


def nothing_yet() -> None:
    """Say what to do when there is no set at all."""
    with st.container(
        border=True, height=320, horizontal_alignment="center", vertical_alignment="center"
    ):
        st.subheader("Nothing to export yet", anchor=False, text_alignment="center")
        st.caption("Embed some recordings, then take them along.", text_alignment="center")
        session.link("embed", label="Embed recordings", icon=":material/graphic_eq:")


main()
