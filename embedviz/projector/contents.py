"""The files of a bundle by their names, and the two configs that name them to the readers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from embedviz.projector.changes import CHANGES

TENSORS_TSV = "tensors.tsv"
TENSORS_BYTES = "tensors.bytes"
METADATA = "metadata.tsv"
SPRITE = "sprite.png"
BOOKMARKS = "bookmarks.json"
CONFIG_JSON = "projector_config.json"
CONFIG_PBTXT = "projector_config.pbtxt"
README = "README.txt"
SERVE = "serve.py"

SET_FILES = (TENSORS_TSV, TENSORS_BYTES, METADATA, SPRITE, BOOKMARKS)
ROOT_FILES = (CONFIG_JSON, CONFIG_PBTXT, README, SERVE, CHANGES)
FOR_TENSORBOARD = "tensorboard/"
"""The folder of what TensorBoard shows of a set that is larger than it can show."""

_LONGEST_NAME = 80


@dataclass(frozen=True)
class Written:
    """One set as it lies in the bundle."""

    name: str
    prefix: str
    """Empty, or its folder with a final slash."""
    rows: int
    dims: int
    cell_px: int | None
    """None without a sprite sheet."""
    bookmarked: bool
    colours: str = ""
    """Of the sprite sheet."""
    frames: Mapping[str, str] = field(default_factory=dict)
    """The values of the column that the pictures are framed by -> `#RRGGBB`."""


def tensor_names(names: Iterable[str]) -> list[str]:
    """Give names of letters, digits, `_`, `.` and `-`, no two alike, in the same order.

    They are folder names and part of TensorBoard's addresses, which it does not encode.
    """
    taken = {name.lower() for name in (*ROOT_FILES, *SET_FILES, FOR_TENSORBOARD.rstrip("/"))}
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


def serve_script() -> bytes:
    """Give `serve.py`: the program of `serve_bundle`, which needs nothing of embedviz."""
    text = Path(__file__).with_name("serve_bundle.py").read_text(encoding="utf-8")
    return text.encode()


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
