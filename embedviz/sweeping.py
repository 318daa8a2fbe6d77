"""Networks that sweep along sound of any length, piece by piece, with the result of one pass.

A piece is computed with so much context on both sides that its inner columns are those of the
whole recording; the outer ones are left out. So an hour needs no more memory than a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.facts import Facts, Framing, Sweep
from embedviz.heard import Heard
from embedviz.listeners import WindowListener, one_row, refuse_shorter
from embedviz.pieces import pieces
from embedviz.pooling import Stretch
from embedviz.spool import Spool

if TYPE_CHECKING:
    from embedviz.engine import Sweeping

CONTEXTS_A_PIECE = 50
"""A piece is so many times as long as its context on either side, which costs 4 % more work."""
WHOLE_PICTURE_S = 60.0
MOST_FRAMES = 6000
"""Frames in the picture of a recording longer than `WHOLE_PICTURE_S`."""


@dataclass(frozen=True)
class _Part:
    """What a piece adds to the recording."""

    first: int
    columns: FloatArray
    """(S, C) the columns that count."""
    frames: FloatArray
    """(T, bands) the frames that count."""
    context: FloatArray
    """(T', bands) the frames after them."""


class SweepListener:
    """Hears whole recordings, and either windows of any length or one row per column.

    Parameters
    ----------
    facts
        Of the model's variant; its `sweep` must be there.
    sweeping
        The network's graph code.
    """

    def __init__(self, facts: Facts, sweeping: Sweeping) -> None:
        from embedviz.engine import Network

        if facts.sweep is None:
            raise ValueError(f"{facts.name} gives a sweeping network but no facts of its sweep.")
        self.facts, self.sweep, self._finish = facts, facts.sweep, sweeping.finish
        self._piece_columns = piece_columns(facts.sweep)
        self._needs_loudest = sweeping.needs_loudest
        self._front_end = Network(lambda sound: {"frames": sweeping.frames(sound)}, (1, None))
        self._network = Network(sweeping.columns, (1, None, len(facts.bands_hz)), numbers=1)
        self._windows = None if sweeping.finish is None else WindowListener(facts, sweeping.clips)

    def by_window(self) -> WindowListener | None:
        """Give the listener that hears each window as a clip of its own, where there is one."""
        return self._windows

    def windows(
        self, blocks: Iterable[FloatArray], duration_s: float, framing: Framing, *, batch: int
    ) -> Iterator[Heard]:
        """Give one row per window; where the columns are the rows, one per column."""
        if self._windows is not None:
            return self._windows.windows(blocks, duration_s, framing, batch=batch)
        return self._column_rows(blocks, duration_s)

    def clip(self, blocks: Iterable[FloatArray], duration_s: float) -> Iterator[Heard]:
        """Give the row of a whole recording, pooled over all its columns."""
        pooled = _Pooled()
        picture = _Picture(duration_s)
        for part in self._parts(blocks):
            pooled.add(part.columns)
            picture.add(part.frames, self._frame_s)
        vectors: dict[str, Any] = {"vectors": pooled.mean}
        if self._finish is not None:
            finished = self._finish(pooled.mean, pooled.maximum)
            vectors = {name: np.asarray(value) for name, value in finished.items()}
        yield one_row({**vectors, "patches": picture.patch[np.newaxis]}, duration_s)

    def _column_rows(self, blocks: Iterable[FloatArray], duration_s: float) -> Iterator[Heard]:
        facts = self.facts
        for part in self._parts(blocks):
            rows = len(part.columns)
            start_s = (part.first + np.arange(rows, dtype=np.float64)) * facts.hop_s
            stop_s = np.minimum(start_s + facts.window_s, duration_s)
            patches = np.concatenate([part.frames, part.context])
            starts = np.arange(rows)[:, np.newaxis] * self.sweep.step_frames
            yield Heard(
                vectors=part.columns,
                start_s=start_s,
                stop_s=stop_s,
                padding_s=np.maximum(0.0, np.round(start_s + facts.window_s - stop_s, 6)),
                patches=patches[starts + np.arange(facts.patch_frames)],
            )

    def _parts(self, blocks: Iterable[FloatArray]) -> Iterator[_Part]:
        frames = self._frames(blocks)
        if not self._needs_loudest:
            yield from self._swept(frames, np.float32(0.0))
            return
        with Spool(frames) as kept:  # the network waits for the last frame
            yield from self._swept(kept, kept.largest)

    def _frames(self, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """Give the frames (T, bands) of the sound, each once.

        Raises
        ------
        RecordingError
            If the recording is shorter than the network takes.
        """
        sweep = self.sweep
        # Half a frame's sound lies beyond a piece, which is less than a step.
        for piece in pieces(blocks, sweep.step_samples, own=self._piece_columns, context=1):
            if piece.first == 0 and piece.last:
                refuse_shorter(piece.rows, self.facts)
            frames = self._front_end(piece.rows[np.newaxis])["frames"][0]
            yield frames[piece.counted_by(sweep.step_frames)]

    def _swept(self, frames: Iterable[FloatArray], loudest: np.float32) -> Iterator[_Part]:
        sweep, own = self.sweep, self._piece_columns
        for piece in pieces(frames, sweep.step_frames, own=own, context=sweep.context_steps):
            heard = self._network(piece.rows[np.newaxis], loudest)
            columns, patches = heard["columns"][0], heard["patches"][0]
            counted = piece.counted_by(sweep.step_frames)
            yield _Part(
                first=piece.first,
                columns=columns[piece.counted],
                frames=patches[counted],
                context=patches[counted.stop or len(patches) :],
            )

    @property
    def _frame_s(self) -> float:
        return self.sweep.step_samples / self.sweep.step_frames / self.facts.rate_hz


def piece_columns(sweep: Sweep) -> int:
    """Give how many columns are computed at once."""
    return CONTEXTS_A_PIECE * sweep.context_steps


class _Pooled:
    """Running mean and maximum of columns."""

    def __init__(self) -> None:
        self._sum: npt.NDArray[np.float64] | float = 0.0
        self._maxima: list[FloatArray] = []
        self._number = 0

    def add(self, columns: FloatArray) -> None:
        if len(columns):
            self._sum = self._sum + columns.sum(axis=0, dtype=np.float64)
            self._maxima = [np.max([*self._maxima, columns.max(axis=0)], axis=0)]
            self._number += len(columns)

    @property
    def mean(self) -> FloatArray:
        return np.asarray(self._sum / self._number, np.float32)[np.newaxis]

    @property
    def maximum(self) -> FloatArray:
        return np.stack(self._maxima)


class _Picture:
    """The frames of a recording, all of them while it is short, averaged down beyond."""

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s
        self._frames: list[FloatArray] = []
        self._stretch: Stretch | None = None
        self._place = 0

    def add(self, frames: FloatArray, frame_s: float) -> None:
        if self._duration_s <= WHOLE_PICTURE_S:
            self._frames.append(frames)
            return
        if self._stretch is None:
            self._stretch = Stretch(
                0.0, self._duration_s, frames=MOST_FRAMES, bands=frames.shape[1]
            )
        index = self._place + np.arange(len(frames), dtype=np.float64)
        self._stretch.add_frames((index + 0.5) * frame_s, frames)
        self._place += len(frames)

    @property
    def patch(self) -> FloatArray:
        return self._stretch.picture() if self._stretch else np.concatenate(self._frames)
