"""Cutting a stream of samples into the windows that a model hears.

Window `i` starts at sample `round(i * hop)`; the position is never accumulated, so a hop that
is no whole number of samples does not drift. The cut does not depend on the stream's blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray


@dataclass(frozen=True)
class Windows:
    """A batch of consecutive windows."""

    first: int
    """The index of the first window of the batch."""
    samples: FloatArray
    """(B, size)"""
    padding: npt.NDArray[np.int64]
    """(B,) zeros appended to each window because the recording had ended."""


def count(samples: int, *, size: int, hop: float, tail: Literal["drop", "pad"]) -> int:
    """Give the number of windows of a recording; at least one, padded if it must be.

    `tail="drop"` leaves out sound after the last whole window (VGGish); `tail="pad"` appends
    zeros until the last sample is inside a window (YAMNet).
    """
    if samples <= size:
        return 1
    steps = (samples - size) / hop
    return 1 + (math.ceil(steps) if tail == "pad" else math.floor(steps))


def cut(
    blocks: Iterable[FloatArray],
    *,
    size: int,
    hop: float,
    tail: Literal["drop", "pad"],
    batch: int,
) -> Iterator[Windows]:
    """Cut a stream into batches of windows, holding one batch of sound at a time.

    Parameters
    ----------
    blocks
        Mono samples of any lengths, in order.
    size, hop
        Window length and distance of window starts, in samples.
    tail
        See `count`.
    batch
        Windows a batch; the last may hold fewer.
    """
    held = np.zeros(0, np.float32)
    held_start = 0
    done = 0
    for block in blocks:
        held = np.concatenate([held, block])
        while round((done + batch - 1) * hop) + size <= held_start + len(held):
            yield _batch(held, held_start, done, batch, size=size, hop=hop)
            done += batch
            used = min(round(done * hop) - held_start, len(held))
            held, held_start = held[used:], held_start + used
    total = held_start + len(held)
    if total == 0:
        return
    remaining = count(total, size=size, hop=hop, tail=tail) - done
    while remaining > 0:
        yield _batch(held, held_start, done, min(batch, remaining), size=size, hop=hop)
        done += batch
        remaining -= batch


def _batch(
    held: FloatArray, held_start: int, first: int, windows: int, *, size: int, hop: float
) -> Windows:
    starts = np.array([round(i * hop) for i in range(first, first + windows)]) - held_start
    padding = np.maximum(0, starts + size - len(held))
    if padding.any():
        held = np.concatenate([held, np.zeros(int(padding.max()), np.float32)])
    samples = held[starts[:, np.newaxis] + np.arange(size)]
    return Windows(first, samples, np.minimum(padding, size))
