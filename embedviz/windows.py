"""Cutting a stream of samples into the windows that a model hears.

Window `i` starts at sample `round(i * hop)` of the sound with its edges; the position is never
accumulated, so a hop that is no whole number of samples does not drift. The cut does not depend
on the stream's blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.errors import RecordingError
from embedviz.facts import Framing


@dataclass(frozen=True)
class Windows:
    """A batch of consecutive windows, as the stretch of sound that holds them all."""

    first: int
    """The index of the first window of the batch."""
    stretch: FloatArray
    """(m,)"""
    starts: npt.NDArray[np.int64]
    """(B,) the sample of the stretch at which each window starts."""
    size: int
    """Samples in a window."""
    padding: npt.NDArray[np.int64]
    """(B,) zeros appended to each window because the sound had ended."""

    def __len__(self) -> int:
        """Give the number of windows."""
        return len(self.starts)

    @property
    def samples(self) -> FloatArray:
        """The windows side by side, (B, size)."""
        return np.lib.stride_tricks.sliding_window_view(self.stretch, self.size)[self.starts]


def count(samples: int, framing: Framing, *, hop: float) -> int:
    """Give the number of windows of a recording; at least one, padded if it must be.

    Parameters
    ----------
    samples
        The recording's length at the model's rate, without edges.
    framing
        How it is cut. `tail="drop"` leaves out sound after the last whole window (VGGish);
        `tail="pad"` appends zeros until the last sample is inside a window (YAMNet).
    hop
        Samples between window starts; see `Facts.hop_samples`.
    """
    total = framing.lead_samples + samples + framing.trail_samples
    if total <= framing.window_samples:
        return 1
    steps = (total - framing.window_samples) / hop
    if framing.tail == "drop":
        return 1 + math.floor(steps)
    # With a hop longer than a window, a window could start after the end.
    return min(1 + math.ceil(steps), math.ceil(total / hop))


def with_edges(blocks: Iterable[FloatArray], framing: Framing) -> Iterator[FloatArray]:
    """Put a framing's edges in front of and behind a stream: zeros, or the sound mirrored.

    Raises
    ------
    RecordingError
        If the sound is too short to be mirrored.
    """
    lead, trail = framing.lead_samples, framing.trail_samples
    if framing.edges == "zeros":
        yield np.zeros(lead, np.float32)
        yield from blocks
        yield np.zeros(trail, np.float32)
        return
    stream = iter(blocks)
    last = head = _until(stream, max(lead, trail) + 1)
    if len(head) <= max(lead, trail):
        raise RecordingError(
            f"The sound has {len(head):,} samples at the model's rate; the model mirrors it at its "
            f"ends, which takes more than {max(lead, trail):,}."
        )
    yield head[lead:0:-1]
    yield head
    for block in stream:
        yield block
        last = np.concatenate([last, block])[-(trail + 1) :]
    yield last[-2 : -trail - 2 : -1]


def _until(stream: Iterator[FloatArray], samples: int) -> FloatArray:
    """Take blocks until at least so many samples are there, or the stream ends."""
    head = np.zeros(0, np.float32)
    for block in stream:
        head = np.concatenate([head, block])
        if len(head) >= samples:
            break
    return head


class _Gapless:
    """A stream without what no window hears: a gap between two windows may last hours.

    Parameters
    ----------
    blocks
        Of the sound with its edges.
    size, hop
        Samples in a window, and from one's start to the next.
    """

    def __init__(self, blocks: Iterable[FloatArray], *, size: int, hop: float) -> None:
        self._blocks, self._size, self._true_hop = blocks, size, hop
        # Starts are rounded; below this a window may begin before the one before it ends.
        self._gaps = hop >= size + 1
        self.hop = size if self._gaps else hop
        """Samples between window starts in what is left."""
        self.samples = 0
        """Taken from the blocks, gaps included."""

    def __iter__(self) -> Iterator[FloatArray]:
        """Give what windows hear of each block."""
        for block in self._blocks:
            start = self.samples
            self.samples += len(block)
            if not self._gaps:
                yield block
            elif pieces := [piece for piece in self._pieces(block, start) if len(piece)]:
                yield np.concatenate(pieces)

    def _pieces(self, block: FloatArray, start: int) -> Iterator[FloatArray]:
        first = max(0, math.floor((start - self._size) / self._true_hop))
        for window in range(first, math.ceil((start + len(block)) / self._true_hop) + 1):
            begin = round(window * self._true_hop) - start
            yield block[max(0, begin) : max(0, begin + self._size)]


def cut(
    blocks: Iterable[FloatArray], framing: Framing, *, hop: float, batch: int
) -> Iterator[Windows]:
    """Cut a stream into batches of windows, holding one batch of sound at a time.

    Parameters
    ----------
    blocks
        Mono samples of any lengths, in order.
    framing, hop
        See `count`.
    batch
        Windows a batch; the last may hold fewer.
    """
    size = framing.window_samples
    edges = framing.lead_samples + framing.trail_samples
    sound = _Gapless(with_edges(blocks, framing) if edges else blocks, size=size, hop=hop)
    true_hop, hop = hop, sound.hop
    held = np.zeros(0, np.float32)
    held_start = 0
    done = 0
    for block in sound:
        held = np.concatenate([held, block])
        while round((done + batch - 1) * hop) + size <= held_start + len(held):
            yield _batch(held, held_start, done, batch, size=size, hop=hop)
            done += batch
            used = min(round(done * hop) - held_start, len(held))
            held, held_start = held[used:], held_start + used
    if sound.samples <= edges:
        return
    remaining = count(sound.samples - edges, framing, hop=true_hop) - done
    while remaining > 0:
        yield _batch(held, held_start, done, min(batch, remaining), size=size, hop=hop)
        done += batch
        remaining -= batch


def _batch(
    held: FloatArray, held_start: int, first: int, windows: int, *, size: int, hop: float
) -> Windows:
    starts = np.array([round(i * hop) for i in range(first, first + windows)]) - held_start
    padding = np.maximum(0, starts + size - len(held))
    stretch = held[starts[0] : starts[-1] + size]
    if padding.any():
        stretch = np.concatenate([stretch, np.zeros(int(padding.max()), np.float32)])
    # With a hop longer than a window, the last one may start behind all that is held.
    stretch = stretch[: starts[-1] - starts[0] + size]
    return Windows(first, stretch, starts - starts[0], size, np.minimum(padding, size))
