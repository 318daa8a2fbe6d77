"""Export: sets as a bundle for the TensorFlow Embedding Projector."""

import io
from collections.abc import Sequence

import streamlit as st

from embedviz.data import EmbeddingSet
from embedviz.errors import BundleError
from embedviz.projector.cells import safe_cells
from embedviz.projector.frames import frame_colours, frames
from embedviz.projector.options import Options
from embedviz.projector.sampling import sampled
from embedviz.thumbnails import MOST_CLEAR_WINDOWS, sheet_cell_px, sprite_sheet
from embedviz.ui.addresses import address
from embedviz.ui.bundling import choose
from embedviz.ui.empty import nothing_yet
from embedviz.ui.exports import last_written, submit
from embedviz.ui.opening import frame, show_bundle
from embedviz.ui.packs import publish
from embedviz.ui.progress import plain
from embedviz.ui.session import CHOSEN, workspace
from embedviz.ui.workspace import Workspace

MOST_SHOWN = 1024
"""Cells of the preview; a whole sheet may have 64 million pixels."""
NAMES = "export-sets"


def main() -> None:
    """Draw the page."""
    st.title("Export", anchor=False)
    st.caption("A bundle that opens in the TensorFlow Embedding Projector, with its pictures.")
    own = workspace()
    offered = own.set_names()
    if not offered:
        nothing_yet("Nothing to export yet", "Embed some recordings, then take them along.")
        return
    bundle = last_written(own)
    left, right = st.columns([0.45, 0.55], gap="large")
    with left:
        names = choose_sets(offered)
        options = choose(own, names) if names else Options()
        if st.button("Write the bundle", type="primary", disabled=not names):
            submit(own, names, options)
            # The panel of running work was drawn before.
            st.rerun()
        if bundle is not None:
            show_bundle(own, bundle)
    with right:
        if names:
            preview(own, names, options)
    if bundle is not None:
        frame(own, bundle)


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


def preview(own: Workspace, names: Sequence[str], options: Options) -> None:
    """Show the pictures that the projector would draw the points of the first set with."""
    if not options.with_sprite:
        return
    embedding_set = own.open_set(names[0])
    if embedding_set.thumbnails is None:
        st.info("This set holds no pictures, so its bundle has no sprite sheet.")
        return
    if options.sample:
        embedding_set = sampled(embedding_set, options.sample, label=options.label)
    count = len(embedding_set)
    if options.cell_px is None and count > MOST_CLEAR_WINDOWS:
        st.info(
            f"A sheet shows the pictures of {MOST_CLEAR_WINDOWS:,} windows clearly, and these are "
            f"{count:,}. The bundle will hold none, unless you choose at most "
            f"{MOST_CLEAR_WINDOWS:,} windows under “More choices”.",
            icon=":material/photo_size_select_large:",
        )
        return
    try:
        show_cells(own, embedding_set, options)
    except BundleError as error:
        st.warning(plain(str(error)), icon=":material/photo_size_select_large:")


def show_cells(own: Workspace, embedding_set: EmbeddingSet, options: Options) -> None:
    """Show the used rows of the sprite sheet, or of its beginning where it is large.

    Raises
    ------
    BundleError
        The whole sheet cannot be drawn so.
    """
    cell_px = sheet_cell_px(len(embedding_set), options.cell_px)
    pictures = embedding_set.thumbnails[:MOST_SHOWN]
    drawn = None
    if options.frame_by is not None:
        values = safe_cells(embedding_set.table[options.frame_by], lambda _: None)
        drawn = frames(values[:MOST_SHOWN], frame_colours(values))
    sprite = sprite_sheet(pictures, cell_px=cell_px, colours=options.colours, frames=drawn)
    used = -(-len(pictures) // sprite.columns)
    words = f"one cell of {sprite.cell_px} px a point, the first at the top left"
    if len(embedding_set) > MOST_SHOWN:
        words = f"the first {MOST_SHOWN:,} of {len(embedding_set):,} points"
    png = io.BytesIO()
    sprite.image.crop((0, 0, sprite.image.width, used * sprite.cell_px)).save(png, "PNG")
    # Streamlit forgets its own pictures in the middle of a rerun, where a slow browser asks later.
    digest = publish(own, png.getvalue())
    st.image(
        address("drawn", own, f"{digest}.png"),
        width="stretch",
        caption=f"The sprite sheet: {words}.",
        alt="Spectrograms of the points, side by side",
    )


main()
