"""What the files of a bundle say: vectors, the two configs and the README."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson

from embedviz.data import EmbeddingSet, FloatArray

TENSORS_TSV = "tensors.tsv"
TENSORS_BYTES = "tensors.bytes"
METADATA = "metadata.tsv"
SPRITE = "sprite.png"
BOOKMARKS = "bookmarks.json"
CONFIG_JSON = "projector_config.json"
CONFIG_PBTXT = "projector_config.pbtxt"
README = "README.txt"

SET_FILES = (TENSORS_TSV, TENSORS_BYTES, METADATA, SPRITE, BOOKMARKS)
ROOT_FILES = (CONFIG_JSON, CONFIG_PBTXT, README)

_BLOCK_NUMBERS = 1 << 20
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Written:
    """One set as it lies in the bundle.

    `prefix` is empty or its folder with a final slash; `cell_px` is None without a sprite sheet.
    """

    name: str
    prefix: str
    rows: int
    dims: int
    cell_px: int | None
    bookmarked: bool


def tensor_names(names: Iterable[str]) -> list[str]:
    """Give names of letters, digits, `_`, `.` and `-`, no two alike, in the same order.

    They are folder names and part of TensorBoard's addresses, which it does not encode.
    """
    taken = {name.lower() for name in (*ROOT_FILES, *SET_FILES)}
    given = []
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("._-")[:_LONGEST_NAME] or "embedding"
        candidate, number = stem, 2
        # Compared without case: some file systems take Birds and birds for one folder.
        while candidate.lower() in taken:
            candidate, number = f"{stem}-{number}", number + 1
        taken.add(candidate.lower())
        given.append(candidate)
    return given


def write_tensors(vectors: FloatArray, folder: Path, wrote: Callable[[int], None]) -> None:
    """Write vectors (N, D) as `tensors.tsv` and `tensors.bytes`, exact to the last bit.

    `wrote` hears the number of rows of each finished block. Both files hold float32: the bytes
    little-endian, the text in the fewest digits that read back as the same number.
    """
    rows = max(1, _BLOCK_NUMBERS // vectors.shape[1])
    with (folder / TENSORS_TSV).open("wb") as text, (folder / TENSORS_BYTES).open("wb") as raw:
        for first in range(0, len(vectors), rows):
            block = np.ascontiguousarray(vectors[first : first + rows], dtype=np.float32)
            text.write(_tsv(block))
            raw.write(block.astype("<f4", copy=False).tobytes())
            wrote(len(block))


def _tsv(block: FloatArray) -> bytes:
    numbers = orjson.dumps(block, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2]
    text = numbers.replace(b"],[", b"\n").replace(b",", b"\t") + b"\n"
    # Readers go through float64. Of all float32 this one alone then comes back as its neighbour,
    # because its shortest text lies too near to the middle between the two.
    return text.replace(b"7.038531e-26", b"7.0385307e-26")


def config_json(sets: Sequence[Written], base_url: str | None) -> bytes:
    """Give `projector_config.json`, which the standalone projector fetches; binary vectors."""
    base = "" if base_url is None else base_url.rstrip("/") + "/"
    embeddings = []
    for one in sets:
        at = base + one.prefix
        entry: dict[str, Any] = {
            "tensorName": one.name,
            "tensorShape": [one.rows, one.dims],
            "tensorPath": at + TENSORS_BYTES,
            "metadataPath": at + METADATA,
        }
        if one.cell_px:
            entry["sprite"] = {"imagePath": at + SPRITE, "singleImageDim": [one.cell_px] * 2}
        if one.bookmarked:
            entry["bookmarksPath"] = at + BOOKMARKS
        embeddings.append(entry)
    return orjson.dumps({"embeddings": embeddings}, option=orjson.OPT_INDENT_2) + b"\n"


def config_pbtxt(sets: Sequence[Written]) -> bytes:
    """Give `projector_config.pbtxt`, which TensorBoard reads; vectors as text, paths inside."""
    return "".join(map(_pbtxt_entry, sets)).encode()


def _pbtxt_entry(one: Written) -> str:
    lines = [
        "embeddings {",
        f'  tensor_name: "{one.name}"',
        f"  tensor_shape: {one.rows}",
        f"  tensor_shape: {one.dims}",
        f'  tensor_path: "{one.prefix}{TENSORS_TSV}"',
        f'  metadata_path: "{one.prefix}{METADATA}"',
    ]
    if one.cell_px:
        cell = f"    single_image_dim: {one.cell_px}"
        lines += ["  sprite {", f'    image_path: "{one.prefix}{SPRITE}"', cell, cell, "  }"]
    if one.bookmarked:
        lines.append(f'  bookmarks_path: "{one.prefix}{BOOKMARKS}"')
    return "\n".join([*lines, "}", ""])


def readme(
    sets: Mapping[str, EmbeddingSet], written: Sequence[Written], base_url: str | None
) -> str:
    """Give `README.txt`: what lies here and the three ways to open it."""
    parts = [
        "Embeddings for the TensorFlow Embedding Projector\n",
        *(_about(one, item) for one, item in zip(written, sets.values(), strict=True)),
        _BY_HAND.format(folder=written[0].prefix),
        _SERVED if base_url is None else _hosted(base_url),
        _TENSORBOARD,
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
    return text


_BY_HAND = """1. By hand, at https://projector.tensorflow.org
   Press "Load", choose {folder}tensors.tsv as the vectors and {folder}metadata.tsv as the
   metadata. Pictures cannot be loaded by hand. If {folder}bookmarks.json is there, it holds
   your own map: load it with the bookmarks at the bottom right.
   The files are read in your browser and are not uploaded.
"""

_SERVED = """2. With the pictures, served from this machine
   The embedviz app serves a bundle together with the projector itself. The addresses in
   projector_config.json are relative, so they work where the page comes from the same place.
   For a link to projector.tensorflow.org, export again with the web address where the files
   will lie; that server must allow other sites to read them (CORS).
"""

_TENSORBOARD = """3. In TensorBoard
   tensorboard --logdir FOLDER, where FOLDER is the one that holds projector_config.pbtxt,
   then choose "Projector". Start TensorBoard again after a new export.
"""


def _hosted(base_url: str) -> str:
    config = quote(f"{base_url.rstrip('/')}/{CONFIG_JSON}", safe="")
    return (
        f"2. With the pictures, by a link\n   Copy all files to {base_url}\n"
        "   on a server that allows other sites to read them (CORS), then open\n"
        f"   https://projector.tensorflow.org/?config={config}\n"
    )
