"""Rows kept for another pass: in memory while they are few, in a temporary file beyond."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator

import numpy as np

from embedviz.data import FloatArray

IN_MEMORY_BYTES = 64 << 20
BLOCK_BYTES = 1 << 20


class Spool:
    """A stream of float32 rows that can be gone through again and again.

    Parameters
    ----------
    blocks
        Arrays (n, width) of one width, in order; taken in at once.
    """

    def __init__(self, blocks: Iterable[FloatArray]) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
        self._width = 1
        self.largest = np.float32(-np.inf)
        """The largest number of all."""
        try:
            for block in blocks:
                self._width = block.shape[1]
                self.largest = block.max(initial=self.largest)
                self._file.write(np.ascontiguousarray(block, np.float32).tobytes())
        except BaseException:
            self._file.close()
            raise

    def __iter__(self) -> Iterator[FloatArray]:
        """Go through the rows from the first; passes may not overlap."""
        row_bytes = 4 * self._width
        self._file.seek(0)
        while read := self._file.read(max(1, BLOCK_BYTES // row_bytes) * row_bytes):
            yield np.frombuffer(read, np.float32).reshape(-1, self._width)

    def __enter__(self) -> Spool:
        """Give the spool itself; it is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give back the memory or the file."""
        self._file.close()
