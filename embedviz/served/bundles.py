"""The files of a bundle as answers, straight from its zip or folder; nothing is unpacked."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import orjson
from starlette.responses import Response, StreamingResponse

from embedviz.errors import BundleError
from embedviz.projector.configs import CONFIG_JSON, Entry, local_path, read_configs
from embedviz.projector.files import BundleFiles, open_bundle
from embedviz.projector.findings import Notes

PIECE_BYTES = 1 << 20
NOT_KEPT = {"Cache-Control": "no-store"}
"""A bundle may be written anew, and what was withdrawn must not stay in a cache."""
MEDIA_TYPES = {
    ".bytes": "application/octet-stream",
    ".json": "application/json",
    ".png": "image/png",
    ".tsv": "text/tab-separated-values",
}


def file_of(bundle: Path, name: str) -> Response:
    """Send one file of a bundle, by its name inside.

    Raises
    ------
    BundleError
        It has no such file, or cannot be read.
    """
    with ExitStack() as opened:
        files = opened.enter_context(open_bundle(bundle))
        size = files.size(name)
        if size is None:
            raise BundleError(f"There is no {name[:100]!r} in this bundle.")
        stream = opened.enter_context(files.open(name))
        suffix = posixpath.splitext(name)[1]
        headers = NOT_KEPT | {"Content-Length": str(size)}
        if suffix == ".bytes":
            # Numbers like these hardly shrink, and packing them would take longer than sending.
            headers["Content-Encoding"] = "identity"
        media_type = MEDIA_TYPES.get(suffix, "text/plain")
        pieces = _pieces(stream, opened.pop_all())
        return StreamingResponse(pieces, headers=headers, media_type=media_type)


def entries_of(bundle: Path) -> dict[str, Entry]:
    """Give the embeddings of a bundle by name, each path as that of a file inside.

    What the config names and the bundle lacks has an empty path.

    Raises
    ------
    BundleError
        It cannot be read.
    """
    with open_bundle(bundle) as files:
        listed = read_configs(files, Notes())
        return {one.name: _inside(one, files) for one in listed if not one.for_tensorboard}


def config_at(bundle: Path, address: str) -> bytes:
    """Give `projector_config.json` with every path below `address`, which ends in a slash.

    Raises
    ------
    BundleError
        It cannot be read.
    """
    listed = [_listed(one, address) for one in entries_of(bundle).values()]
    return orjson.dumps({"embeddings": listed}, option=orjson.OPT_INDENT_2)


def _inside(entry: Entry, files: BundleFiles) -> Entry:
    paths = {
        part: local_path(entry, written, files, Notes()) or ""
        for part in ("tensor", "metadata", "sprite", "bookmarks")
        if (written := getattr(entry, part))
    }
    return Entry(CONFIG_JSON, entry.name, entry.shape, cell=entry.cell, **{"tensor": ""} | paths)


def _listed(entry: Entry, address: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "tensorName": entry.name,
        "tensorShape": entry.shape,
        "tensorPath": address + quote(entry.tensor),
    }
    if entry.metadata:
        found["metadataPath"] = address + quote(entry.metadata)
    if entry.sprite:
        image = address + quote(entry.sprite)
        found["sprite"] = {"imagePath": image, "singleImageDim": entry.cell}
    if entry.bookmarks:
        found["bookmarksPath"] = address + quote(entry.bookmarks)
    return found


def _pieces(stream: IO[bytes], opened: ExitStack) -> Iterator[bytes]:
    with opened:
        while piece := stream.read(PIECE_BYTES):
            yield piece
