"""Decoded sound kept for another pass: in memory while it is short, in a temporary file beyond."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator

import numpy as np

from embedviz.data import FloatArray

IN_MEMORY_BYTES = 256 << 20
BLOCK_SAMPLES = 1 << 18


class Spool:
    """A stream of mono blocks that can be gone through again and again.

    Parameters
    ----------
    blocks
        Float32 samples, in order; taken in at once.
    """

    def __init__(self, blocks: Iterable[FloatArray]) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
        for block in blocks:
            self._file.write(np.ascontiguousarray(block, np.float32).tobytes())
        self.samples = self._file.tell() // 4

    def __iter__(self) -> Iterator[FloatArray]:
        """Go through the sound from its beginning; passes may not overlap."""
        place = 0
        while place < self.samples:
            self._file.seek(place * 4)
            block = np.frombuffer(self._file.read(BLOCK_SAMPLES * 4), np.float32)
            place += len(block)
            yield block

    def __enter__(self) -> Spool:
        """Give the spool itself; it is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give back the memory or the file."""
        self._file.close()
