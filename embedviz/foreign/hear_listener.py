"""Hearing recordings of any length with a HEAR module.

A recording longer than five minutes is heard in parts, because HEAR asks for no more than twenty:
timestamps go on across parts, which overlap by five seconds on either side, so that no row is heard
at an edge that the recording does not have. The scene is the mean of the scenes of equal parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.errors import ModelError, RecordingError
from embedviz.facts import Facts, Framing
from embedviz.foreign import pictures
from embedviz.foreign.hear_calls import ForeignModule
from embedviz.heard import Heard
from embedviz.listeners import one_row

PART_S, CONTEXT_S = 300.0, 5.0
FRAME_S = 0.01
MOST_FRAMES = 6000
"""Frames in the picture of a recording longer than a minute."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Part:
    """A stretch of a recording."""

    sound: FloatArray
    begin: int
    """Its first sample in the recording."""
    number: int
    last: bool


class HearListener:
    """Hears with the functions of a HEAR module.

    Parameters
    ----------
    facts
        Of the module; its framing holds the hop of the timestamps.
    module
        The module.
    offset_s
        Its first timestamp.
    """

    def __init__(self, facts: Facts, module: ForeignModule, offset_s: float) -> None:
        self.facts, self.module, self._offset_s = facts, module, offset_s

    def by_window(self) -> None:
        """Give None: a module hears recordings, not windows."""

    def windows(
        self, blocks: Iterable[FloatArray], duration_s: float, framing: Framing, *, batch: int
    ) -> Iterator[Heard]:
        """Give one row per timestamp; the module alone decides where they lie."""
        rate_hz, hop_s = self.facts.rate_hz, self.facts.hop_s
        rows, context = max(1, round(PART_S / hop_s)), math.ceil(CONTEXT_S / hop_s)
        count = math.ceil((duration_s - context * hop_s) / (rows * hop_s))
        samples = hop_s * rate_hz
        for part in _parts(blocks, count, step=rows * samples, context=context * samples):
            vectors, times_s = _held(self.module.timestamps, part.sound)
            # Parts begin at whole hops, so every row has its place among all of them.
            place = np.round((part.begin / rate_hz + times_s - self._offset_s) / hop_s)
            own = (place >= part.number * rows) | (part.number == 0)
            own &= (place < (part.number + 1) * rows) | part.last
            if own.any():
                yield self._rows(part, vectors[0, own], times_s[own], duration_s)

    def clip(self, blocks: Iterable[FloatArray], duration_s: float) -> Iterator[Heard]:
        """Give the row of a whole recording: its scene embedding."""
        rate_hz = self.facts.rate_hz
        count = math.ceil(duration_s / PART_S)
        frames = min(max(self.facts.patch_frames, round(duration_s / FRAME_S)), MOST_FRAMES)
        frame_s = (np.arange(frames) + 0.5) / frames * duration_s
        scenes, lengths, shown = [], [], []
        for part in _parts(blocks, count, step=duration_s * rate_hz / count, context=0):
            scenes.append(_held(self.module.scenes, part.sound)[0])
            lengths.append(len(part.sound))
            first, end = np.searchsorted(frame_s * rate_hz, [part.begin, part.begin + lengths[-1]])
            end = frames if part.last else end
            shown.append(
                pictures.log_mel(part.sound, rate_hz, frame_s[first:end] - part.begin / rate_hz)
            )
        scene = np.average(scenes, axis=0, weights=lengths).astype(np.float32)
        patch = np.concatenate(shown)
        yield one_row({"vectors": scene[np.newaxis], "patches": patch[np.newaxis]}, duration_s)

    def _rows(
        self, part: _Part, vectors: FloatArray, times_s: npt.NDArray[np.float64], duration_s: float
    ) -> Heard:
        facts, rows = self.facts, len(vectors)
        begin_s = times_s - facts.hop_s / 2
        frames = (np.arange(facts.patch_frames) + 0.5) / facts.patch_frames * facts.hop_s
        centres_s = (begin_s[:, np.newaxis] + frames).ravel()
        patches = pictures.log_mel(part.sound, facts.rate_hz, centres_s)
        begin_s = begin_s + part.begin / facts.rate_hz
        end_s = begin_s + facts.hop_s
        stop_s = np.minimum(end_s, duration_s)
        return Heard(
            vectors=vectors,
            start_s=np.maximum(0.0, begin_s),
            stop_s=stop_s,
            padding_s=np.maximum(0.0, np.round(end_s - stop_s, 6)),
            patches=patches.reshape(rows, facts.patch_frames, -1),
        )


def _parts(
    blocks: Iterable[FloatArray], count: int, *, step: float, context: float
) -> Iterator[_Part]:
    """Cut a stream into parts of `step` samples, each with `context` samples around it.

    The last of `count` parts, of which there is at least one, goes to the end of the stream.
    """
    held, begin, number = np.zeros(0, np.float32), 0, 0
    for block in blocks:
        held = np.concatenate([held, block])
        while number < count - 1:
            size = round((number + 1) * step + context) - begin
            if len(held) < size:
                break
            yield _Part(held[:size], begin, number, last=False)
            number += 1
            used = max(0, round(number * step - context)) - begin
            held, begin = held[used:], begin + used
    if len(held):
        yield _Part(held, begin, number, last=True)


def _held(hear: Callable[[FloatArray], Result], sound: FloatArray) -> Result:
    """Hear one sound; what goes wrong then is the recording's trouble and not the batch's."""
    try:
        return hear(sound[np.newaxis])
    except ModelError as error:
        raise RecordingError(str(error)) from error
