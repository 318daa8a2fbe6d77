"""The `README.txt` of a bundle: what lies there, how to open it, and what was changed."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from embedviz.data import EmbeddingSet
from embedviz.projector.changes import Change
from embedviz.projector.contents import CONFIG_JSON, SERVE, Written

_WIDTH = 96


def readme(
    sets: Mapping[str, EmbeddingSet],
    written: Sequence[Written],
    base_url: str | None,
    changes: Sequence[Change],
) -> str:
    """Give `README.txt`."""
    parts = [
        "Embeddings for the TensorFlow Embedding Projector\n",
        *(_about(one, item) for one, item in zip(written, sets.values(), strict=True)),
        _SERVED if base_url is None else _hosted(base_url),
        _BY_HAND.format(folder=written[0].prefix),
        _TENSORBOARD,
        *([_BOOKMARKS] if any(one.bookmarked for one in written) else []),
        *([_changed(changes)] if changes else []),
    ]
    return "\n".join(parts)


def _about(one: Written, embedding_set: EmbeddingSet) -> str:
    made = embedding_set.provenance
    text = (
        f"{one.name}: {one.rows:,} points of {one.dims:,} dimensions by {made.title}, "
        f"windows of {made.window_s:g} s, embedviz {made.version}.\n"
    )
    if not made.verified:
        text += (
            "  CAUTION: the weights were not verified. They are not the file that the authors\n"
            "  published, so these vectors may not be those of the published model.\n"
        )
    if one.cell_px:
        text += f"  Pictures: {one.colours}, cells of {one.cell_px} px.\n"
    if one.frames:
        colours = ", ".join(f"{value} {colour}" for value, colour in one.frames.items())
        text += _wrapped(f"Frames of the pictures: {colours}.", "  ")
    return text


def _changed(changes: Sequence[Change]) -> str:
    return "What is shown otherwise than it was\n" + "".join(
        _wrapped(f"{change.where}: {change.message}", "   ") for change in changes
    )


def _wrapped(text: str, indent: str) -> str:
    lines = textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([*lines, ""])


_SERVED = f"""1. With the pictures, from this machine
   Unpack the bundle if it is a zip. Run "python3 {SERVE}" in its folder, which needs nothing but
   Python 3.7 or newer, and open the address that it prints: https://projector.tensorflow.org then
   fetches the files from your own machine. They are read in your browser and are not uploaded.
   While it runs, other pages in your browser could read them as well; stop it with Ctrl-C.
   To give others a link, export again with the web address where the files will lie; that server
   must allow other sites to read them (CORS).
"""

_BY_HAND = """2. By hand, at https://projector.tensorflow.org
   Press "Load", choose {folder}tensors.tsv as the vectors and {folder}metadata.tsv as the
   metadata. Pictures cannot be loaded by hand.
   The files are read in your browser and are not uploaded.
"""

_TENSORBOARD = """3. In TensorBoard
   tensorboard --logdir FOLDER, where FOLDER is the one that holds projector_config.pbtxt,
   then choose "Projector". Start TensorBoard again after a new export.
"""

_BOOKMARKS = """Your own map
   bookmarks.json holds the map of all points as it was computed. Open "Bookmarks" at the bottom
   right and choose it from the list, or load the file there with the button for that.
"""


def _hosted(base_url: str) -> str:
    config = quote(f"{base_url.rstrip('/')}/{CONFIG_JSON}", safe="")
    return (
        f"1. With the pictures, by a link\n   Copy all files to {base_url}\n"
        "   on a server that allows other sites to read them (CORS), then open\n"
        f"   https://projector.tensorflow.org/?config={config}\n"
    )
