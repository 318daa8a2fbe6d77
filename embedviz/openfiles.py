"""Files of recordings as they are read, and why they could not be."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from embedviz.errors import RecordingError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHOOSE = "choose a recording"


class _Stream(io.FileIO):
    """A file that remembers why it could not be read.

    libsndfile asks for bytes and takes no exceptions: it goes on as if the file ended there.
    """

    failed: OSError | None = None

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        try:
            return super().readinto(buffer) or 0
        except OSError as error:
            self.failed = error
            return 0


@contextmanager
def open_file(path: Path, name: str) -> Iterator[io.FileIO]:
    """Open a regular file; anything else (a folder, a pipe) would fail late or never return.

    Raises
    ------
    RecordingError
        If it cannot be opened, or what is read from it meanwhile cannot be read.
    """
    try:
        if not path.exists():
            raise RecordingError(f"{name} does not exist; looked for {path}.")
        if not path.is_file():
            raise RecordingError(f"{name} is not a file; {CHOOSE}.")
        with _Stream(path) as stream:
            try:
                yield stream
            finally:
                if stream.failed is not None:
                    raise stream.failed
    except OSError as error:
        raise RecordingError(f"{name} cannot be read ({error.strerror or error}).") from error
