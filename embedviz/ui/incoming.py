"""Files on their way from a browser into a workspace, piece by piece on the disk.

<workspace>/incoming/<id>.part   what has arrived; its length is all that is known of the rest
<workspace>/sent/<id>            of a whole file: its place under the uploads, and its time

The second one is for a browser that never got the last answer: it asks again, and would send
everything once more.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from embedviz.atomic import written_whole
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

    def is_there(self, size_bytes: int) -> bool:
        """Tell whether the whole file has come and lies, unchanged, where it was put."""
        try:
            place, time_ns = json.loads(self._note.read_text("utf-8"))
            kept = (self.workspace.uploads / place).stat()
        except (OSError, ValueError, TypeError):
            return False
        # Whoever removed it may send it anew, also where another file has its name by now.
        unchanged = (kept.st_size, kept.st_mtime_ns) == (size_bytes, time_ns)
        return unchanged and not self.path.exists()

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
        if size_bytes - self.arrived_bytes > free and not self.is_there(size_bytes):
            raise DiskFull(
                f"{name} has {_gigabytes(size_bytes)} and the server has room for "
                f"{_gigabytes(max(free, 0))}; make room first."
            )

    def open(self) -> FileIO:
        """Open what has arrived, to write on; nothing waits in memory."""
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        if not self.path.exists():
            _sweep(self.path.parent, "*.part")
            _sweep(self._note.parent, "*")
        return FileIO(self.path, "a")

    def finish(self, name: str) -> Path:
        """Put the whole file under the workspace's uploads and give where it lies.

        Raises
        ------
        EmbedvizError
            A file lies where its folder would be.
        """
        try:
            kept = self.workspace.adopt(name, self.path)
            self._remember(kept)
            return kept
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

    @property
    def _note(self) -> Path:
        return self.workspace.folder / "sent" / self.path.stem

    def _remember(self, kept: Path) -> None:
        place = kept.relative_to(self.workspace.uploads).as_posix()
        # The file is there; without the note it may only have to be sent once more.
        with suppress(OSError), written_whole(self._note) as file:
            file.write(json.dumps([place, kept.stat().st_mtime_ns]).encode())


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


def _sweep(folder: Path, pattern: str) -> None:
    """Delete what nobody came back for."""
    oldest = time.time() - LIFETIME_S
    for old in folder.glob(pattern):
        # Another piece may make a file of it meanwhile.
        with suppress(FileNotFoundError):
            if old.stat().st_mtime < oldest:
                old.unlink()


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:,.1f} GB" if size_bytes >= 1e8 else f"{size_bytes / 1e6:,.1f} MB"
