"""Files on their way from a browser into a workspace, piece by piece on the disk.

<workspace>/incoming/<id>.part   what has arrived; its length is all that is known of the rest
"""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from embedviz.errors import EmbedvizError
from embedviz.ui.workspace import Workspace

LARGEST_GB = 50.0
SPARE_BYTES = 1_000_000_000
"""What stays free on the disk for results."""
LIFETIME_S = 24 * 3600
"""Seconds that an unfinished file waits for its browser to come back."""
LONGEST_NAME = 1000

_ID = re.compile(r"[0-9a-f]{16,64}")


class TooLarge(EmbedvizError):
    """The file is larger than this app takes."""


class DiskFull(EmbedvizError):
    """The file finds no room."""


@dataclass(frozen=True)
class Incoming:
    """One file on its way; `Incoming.of` makes it."""

    workspace: Workspace
    path: Path
    """Where the part lies that has arrived."""

    @classmethod
    def of(cls, workspace: Workspace, identity: str) -> Incoming:
        """Find a file by what its browser calls it, the same however often it begins.

        Raises
        ------
        EmbedvizError
            That is no name for it.
        """
        if not _ID.fullmatch(identity):
            raise EmbedvizError("An upload is named by 16 to 64 digits and letters from a to f.")
        return cls(workspace, workspace.folder / "incoming" / f"{identity}.part")

    @property
    def arrived_bytes(self) -> int:
        """How much is there."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def check(self, name: str, size_bytes: int) -> None:
        """Tell whether the file may come.

        Raises
        ------
        EmbedvizError
            Its name is too long.
        TooLarge, DiskFull
            It has no room.
        """
        if len(name) > LONGEST_NAME:
            raise EmbedvizError(
                f"{name[-60:]!r} lies too deep: a name with its folders may have "
                f"{LONGEST_NAME:,} characters."
            )
        if size_bytes > largest_bytes():
            raise TooLarge(
                f"{name} has {_gigabytes(size_bytes)}; this app takes up to "
                f"{_gigabytes(largest_bytes())} a file. Split it, or ask who runs the app."
            )
        free = shutil.disk_usage(self.workspace.folder).free - SPARE_BYTES
        if size_bytes - self.arrived_bytes > free:
            raise DiskFull(
                f"{name} has {_gigabytes(size_bytes)} and the server has room for "
                f"{_gigabytes(max(free, 0))}; make room first."
            )

    def open(self) -> FileIO:
        """Open what has arrived, to write on; nothing waits in memory."""
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        if not self.path.exists():
            _sweep(self.path.parent)
        return FileIO(self.path, "a")

    def finish(self, name: str) -> Path:
        """Put the whole file under the workspace's uploads and give where it lies.

        Raises
        ------
        EmbedvizError
            A file lies where its folder would be.
        """
        try:
            return self.workspace.adopt(name, self.path)
        except (FileExistsError, NotADirectoryError):
            raise EmbedvizError(
                f"{name} cannot be kept: another file has the name of its folder. "
                "Rename the folder, or remove that file first."
            ) from None
        finally:
            # It stays where the very file had been kept before.
            self.forget()

    def forget(self) -> None:
        """Delete what has arrived."""
        self.path.unlink(missing_ok=True)


def largest_bytes() -> int:
    """Give the size of the largest file that is taken (`EMBEDVIZ_UPLOAD_GB` changes it).

    Raises
    ------
    EmbedvizError
        The setting is no number.
    """
    wanted = os.environ.get("EMBEDVIZ_UPLOAD_GB") or LARGEST_GB
    try:
        return round(float(wanted) * 1e9)
    except ValueError:
        raise EmbedvizError(
            f"EMBEDVIZ_UPLOAD_GB is {wanted!r}; give a number of gigabytes, such as 50."
        ) from None


def _sweep(folder: Path) -> None:
    """Delete what nobody came back for."""
    oldest = time.time() - LIFETIME_S
    for part in folder.glob("*.part"):
        # Another piece may make a file of it meanwhile.
        with suppress(FileNotFoundError):
            if part.stat().st_mtime < oldest:
                part.unlink()


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:,.1f} GB" if size_bytes >= 1e8 else f"{size_bytes / 1e6:,.1f} MB"
