"""A stream of rows cut into pieces with context, whose inner steps join to the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from embedviz.data import FloatArray


@dataclass(frozen=True)
class Piece:
    """A stretch of rows with its context on both sides."""

    rows: FloatArray
    """(n, …)"""
    first: int
    """The first step of the stream that counts."""
    counted: slice
    """The steps of the piece that count; open to the end of the stream in the last one."""

    @property
    def last(self) -> bool:
        """Tell whether the stream ends with it."""
        return self.counted.stop is None

    def counted_by(self, size: int) -> slice:
        """Give what counts among things of which every step has `size`."""
        stop = self.counted.stop
        return slice(self.counted.start * size, None if stop is None else stop * size)


def pieces(blocks: Iterable[FloatArray], step: int, *, own: int, context: int) -> Iterator[Piece]:
    """Cut a stream into pieces; the last one ends with it.

    Parameters
    ----------
    blocks
        Rows (n, …), in order.
    step
        Rows of one step.
    own
        Steps that count in each piece.
    context
        Steps on both sides that are given with them, where the stream has them.
    """
    held: list[FloatArray] = []
    first = skip = 0
    for block in blocks:
        held.append(block)
        # More than the piece with its context: then it is not the last one.
        while sum(map(len, held)) > (size := (skip + own + context) * step):
            rows = np.concatenate(held)
            yield Piece(rows[:size], first, slice(skip, skip + own))
            first += own
            begin = max(0, skip + own - context)
            held, skip = [rows[begin * step :]], skip + own - begin
    rows = np.concatenate(held) if held else np.zeros(0, np.float32)
    yield Piece(rows, first, slice(skip, None))
