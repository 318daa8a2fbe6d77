"""Which bundles of a workspace other sites may read, and under which addresses.

    <workspace>/hosting/<address>.txt   holds the name of the bundle's file

An address is drawn anew each time that hosting is switched on. It opens this one bundle and says
nothing of the workspace's token, so it may be given away. It is gone with the workspace.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from embedviz.atomic import written_whole
from embedviz.errors import EmbedvizError
from embedviz.folders import cache_folder
from embedviz.ui.exports import bundle_of
from embedviz.ui.workspace import Workspace

_ADDRESS = re.compile(r"[A-Za-z0-9_-]{22}")


def host(workspace: Workspace, name: str) -> str:
    """Let other sites read the bundle `name` and give its address: the one it has, or a new one.

    Raises
    ------
    EmbedvizError
        There is no such bundle, or the workspace cannot be written to.
    """
    bundle_of(workspace, name)
    if (before := hosted_address(workspace, name)) is not None:
        return before
    address = secrets.token_urlsafe(16)
    try:
        with written_whole(workspace.folder / "hosting" / f"{address}.txt") as file:
            file.write(name.encode())
    except OSError as error:
        raise EmbedvizError(
            f"The workspace cannot be written to: {error.strerror or error}."
        ) from error
    return address


def withdraw(workspace: Workspace, name: str) -> None:
    """Stop it: the address that the bundle had opens nothing from now on, nor ever again."""
    for path in _of(workspace, name):
        path.unlink(missing_ok=True)


def hosted_address(workspace: Workspace, name: str) -> str | None:
    """Give the address of the bundle `name`; None where other sites may not read it."""
    return next((path.stem for path in _of(workspace, name)), None)


def hosted_bundle(address: str) -> Path:
    """Find the bundle that an address opens; that keeps its workspace alive.

    Raises
    ------
    EmbedvizError
        It opens none, or none any more.
    """
    if _ADDRESS.fullmatch(address):
        for path in (cache_folder() / "workspaces").glob(f"*/hosting/{address}.txt"):
            workspace = Workspace.open(path.parents[1].name)
            workspace.touch()
            return bundle_of(workspace, _read(path))
    raise EmbedvizError("Nothing is served under this address, or not any more.")


def _of(workspace: Workspace, name: str) -> list[Path]:
    files = sorted((workspace.folder / "hosting").glob("*.txt"))
    return [path for path in files if _read(path) == name]


def _read(path: Path) -> str:
    """Give what a file says; nothing where another request has just withdrawn it."""
    try:
        return path.read_text()
    except OSError:
        return ""
