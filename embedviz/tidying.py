"""What the cache holds that can be computed again, and how to get rid of it.

Uploads, the app's sets, unpacked archives (to whose sounds sets refer) and weights stay.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from embedviz.folders import cache_folder

COMPUTED = {
    "recordings": "what models heard in whole recordings",
    "neighbours": "the nearest rows of sets",
    "unpacked": "vectors and pictures of sets in parts",
}
"""Folder of the cache -> what lies in it."""
_DAY_S = 24 * 3600


@dataclass(frozen=True)
class Held:
    """Files of one kind."""

    kind: str
    files: int
    size_bytes: int

    @property
    def what(self) -> str:
        """What they are, in words."""
        return COMPUTED[self.kind]


def held() -> list[Held]:
    """Tell of each kind how much there is."""
    return [_counted(kind, list(_files(kind))) for kind in COMPUTED]


def clear(*, unused_days: float = 0) -> list[Held]:
    """Delete what was neither written nor read for so many days, and tell how much it was.

    A run that needs such a file at that moment fails with a sentence, and goes on when it is
    started again.
    """
    latest_s = time.time() - unused_days * _DAY_S
    return [_counted(kind, _deleted(kind, latest_s)) for kind in COMPUTED]


def _counted(kind: str, sizes: list[tuple[Path, int, float]]) -> Held:
    return Held(kind, len(sizes), sum(size for _, size, _ in sizes))


def _deleted(kind: str, latest_s: float) -> list[tuple[Path, int, float]]:
    gone = []
    for path, size, used_s in list(_files(kind)):
        if used_s <= latest_s:
            # Another process may have been quicker.
            with suppress(FileNotFoundError):
                path.unlink()
                gone.append((path, size, used_s))
    _drop_empty_folders(cache_folder() / kind)
    return gone


def _files(kind: str) -> Iterator[tuple[Path, int, float]]:
    """Give every file with its size in bytes and when it was last used, in seconds."""
    for path in (cache_folder() / kind).rglob("*"):
        with suppress(FileNotFoundError):
            found = path.lstat()
            if not path.is_dir():
                yield path, found.st_size, max(found.st_mtime, found.st_atime)


def _drop_empty_folders(top: Path) -> None:
    for folder in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
        with suppress(OSError):  # it holds something
            folder.rmdir()
