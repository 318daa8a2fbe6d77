"""What pages and maps leave for each other in a workspace, each thing named by its content.

packs/<digest>.bin               values or a picture that a page published for its browser
selections/<set name>/<id>.bits  rows that were chosen on the map of a set, one bit a row
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from embedviz.atomic import written_whole
from embedviz.errors import EmbedvizError
from embedviz.packing import RowArray, unpack_rows
from embedviz.ui.workspace import Workspace

PACKS_KEPT = 200
"""Of a workspace; a page publishes again what it still shows, which makes it the newest."""
SELECTIONS_KEPT = 50
"""Of a set."""

_DIGEST = re.compile(r"[0-9a-f]{32}")
_ID = re.compile(r"[0-9a-f]{16}")


def publish(workspace: Workspace, content: bytes) -> str:
    """Keep packed values, or a PNG, for the routes `/pack` and `/drawn`, and give the digest.

    Raises
    ------
    EmbedvizError
        They cannot be written.
    """
    digest = sha256(content).hexdigest()[:32]
    _keep(workspace.folder / "packs" / f"{digest}.bin", content, most=PACKS_KEPT)
    return digest


def published(workspace: Workspace, digest: str) -> Path:
    """Find what was published.

    Raises
    ------
    EmbedvizError
        Nothing of this digest is in the workspace.
    """
    path = workspace.folder / "packs" / f"{digest}.bin"
    if not _DIGEST.fullmatch(digest) or not path.is_file():
        raise EmbedvizError(
            "What this page showed is not in this workspace any more; reload the page."
        )
    return path


def keep_selection(workspace: Workspace, name: str, bits: bytes, count: int) -> str:
    """Keep rows that were chosen of the set `name` and give their id: same rows, same id.

    Parameters
    ----------
    bits
        As `pack_rows` gives them.
    count
        Of all rows of the set.

    Raises
    ------
    EmbedvizError
        The bits are those of another number of rows, or cannot be written.
    """
    unpack_rows(bits, count)
    identity = sha256(bits).hexdigest()[:16]
    _keep(_folder(workspace, name) / f"{identity}.bits", bits, most=SELECTIONS_KEPT)
    return identity


def selection_bits(workspace: Workspace, name: str, identity: str) -> bytes:
    """Give the bits of a selection of the set `name`.

    Raises
    ------
    EmbedvizError
        There is no such selection, or none any more.
    """
    try:
        if _ID.fullmatch(identity):
            return (_folder(workspace, name) / f"{identity}.bits").read_bytes()
    except OSError:
        pass
    raise EmbedvizError(
        f"This selection is not kept any more; the last {SELECTIONS_KEPT} of a set are."
    )


def selected_rows(workspace: Workspace, name: str, identity: str, count: int) -> RowArray:
    """Give the rows of a selection, ascending; `count` is that of all rows of the set.

    Raises
    ------
    EmbedvizError
        There is no such selection, or the set has other rows than when it was made.
    """
    return unpack_rows(selection_bits(workspace, name, identity), count)


def _folder(workspace: Workspace, name: str) -> Path:
    # A name that could lead elsewhere is refused there.
    workspace.set_path(name)
    return workspace.folder / "selections" / name


def _keep(path: Path, content: bytes, *, most: int) -> None:
    """Make a file the newest of its folder, where the oldest give way to it."""
    try:
        try:
            os.utime(path)
        except FileNotFoundError:
            with written_whole(path) as file:
                file.write(content)
    except OSError as error:
        raise EmbedvizError(
            f"The workspace cannot be written to: {error.strerror or error}."
        ) from error
    # Another request may be tidying as well; what stays now goes the next time.
    with suppress(OSError):
        _tidy(path, most)


def _tidy(newest: Path, most: int) -> None:
    """Delete all but the `most` newest files like `newest`, which stays."""
    # Files written one after the other may have the same time.
    others = [path for path in newest.parent.glob(f"*{newest.suffix}") if path != newest]
    others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for old in others[most - 1 :]:
        old.unlink(missing_ok=True)
