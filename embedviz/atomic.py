"""Files that appear whole or not at all, also when the process is killed while it writes."""

from __future__ import annotations

import glob
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

ABANDONED_S = 86_400.0
"""Nobody writes one file for a day: what is older belongs to a process that was killed."""


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Give an open file beside `path`; it becomes `path` if the writing ends well.

    Raises
    ------
    OSError
        If the folder cannot be made or written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    unfinished, file = Path(name), os.fdopen(handle, "wb")
    try:
        try:
            yield file
        except BaseException:
            # Closing writes what is buffered; a full disk has been told of already.
            with suppress(OSError):
                file.close()
            raise
        _complete(file, unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _complete(file: BinaryIO, unfinished: Path, path: Path) -> None:
    try:
        file.close()
        # Temporary files are private; what they become is as readable as any other file.
        unfinished.chmod(0o644)
        unfinished.replace(path)
    except OSError as error:
        # A full disk names no file.
        error.filename = str(path)
        raise


def _remove_abandoned(path: Path) -> None:
    for unfinished in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with suppress(OSError):  # another process may be quicker
            if time.time() - unfinished.stat().st_mtime > ABANDONED_S:
                unfinished.unlink()
