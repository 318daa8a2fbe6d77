"""Export: sets as a bundle for the TensorFlow Embedding Projector."""

from collections.abc import Sequence

import streamlit as st

from embedviz.data import EmbeddingSet
from embedviz.errors import BundleError
from embedviz.thumbnails import sprite_sheet
from embedviz.ui.empty import nothing_yet
from embedviz.ui.exports import Bundle, last_written, submit
from embedviz.ui.progress import plain
from embedviz.ui.session import CHOSEN, workspace
from embedviz.ui.workspace import Workspace

CELLS_PX = {
    "choose for me": None,
    "32 px": 32,
    "48 px": 48,
    "64 px": 64,
    "96 px": 96,
    "128 px": 128,
}
MOST_SHOWN = 1024
"""Cells of the preview; a whole sheet may have 64 million pixels."""
NAMES, CELL = "export-sets", "export-cell"


def main() -> None:
    """Draw the page."""
    st.title("Export", anchor=False)
    st.caption("A bundle that opens in the TensorFlow Embedding Projector, with its pictures.")
    own = workspace()
    offered = own.set_names()
    if not offered:
        nothing_yet("Nothing to export yet", "Embed some recordings, then take them along.")
        return
    left, right = st.columns([0.45, 0.55], gap="large")
    with left:
        names = choose_sets(offered)
        cell = st.selectbox(
            "Picture of each point", list(CELLS_PX), key=CELL, persist_state="session"
        )
        if st.button("Write the bundle", type="primary", disabled=not names):
            submit(own, names, cell_px=CELLS_PX[cell])
            # The panel of running work was drawn before.
            st.rerun()
        if (bundle := last_written(own)) is not None:
            outcome(bundle)
    with right:
        if names:
            preview(own, names, CELLS_PX[cell])


def choose_sets(offered: Sequence[str]) -> list[str]:
    """Choose what goes into the bundle: at first the set that the map shows."""
    wanted = st.session_state.get(CHOSEN)
    return st.multiselect(
        "Sets in the bundle",
        offered,
        default=[wanted if wanted in offered else offered[0]],
        help="Several sets lie in one bundle; the projector lists them by their model.",
        key=f"{NAMES}-{wanted}",
        persist_state="session",
    )


def outcome(bundle: Bundle) -> None:
    """Show the validator's words about a bundle and its download."""
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


def preview(own: Workspace, names: Sequence[str], cell_px: int | None) -> None:
    """Show the pictures that the projector would draw the points of the first set with."""
    embedding_set = own.open_set(names[0])
    if embedding_set.thumbnails is None:
        st.info("This set holds no pictures, so its bundle has no sprite sheet.")
        return
    try:
        show_cells(embedding_set, cell_px)
    except BundleError as error:
        st.warning(plain(str(error)), icon=":material/photo_size_select_large:")


def show_cells(embedding_set: EmbeddingSet, cell_px: int | None) -> None:
    """Show the used rows of the sprite sheet, or of its beginning where it is large."""
    pictures = embedding_set.thumbnails[:MOST_SHOWN]
    sprite = sprite_sheet(pictures, cell_px=cell_px)
    used = -(-len(pictures) // sprite.columns)
    words = f"one cell of {sprite.cell_px} px a point, the first at the top left"
    if len(embedding_set) > MOST_SHOWN:
        words = f"the first {MOST_SHOWN:,} of {len(embedding_set):,} points"
    st.image(
        sprite.image.crop((0, 0, sprite.image.width, used * sprite.cell_px)),
        width="stretch",
        caption=f"The sprite sheet: {words}.",
        alt="Spectrograms of the points, side by side",
    )


main()
