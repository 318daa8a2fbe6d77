"""Windows averaged over longer stretches: one row per N seconds or per recording.

A window counts for the stretch that holds its centre; the frames of its patch are shared out by
their own time. Only the stretches that a window can still reach are held in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.heard import Heard


class _Stretch:
    """The running sums of one row."""

    def __init__(self, start_s: float, stop_s: float, like: Heard) -> None:
        self.start_s, self.stop_s = start_s, stop_s
        self.windows = 0
        self.padding_s = 0.0
        self.vector = np.zeros(like.vectors.shape[1], np.float64)
        self.scores = None if like.scores is None else np.zeros(like.scores.shape[1], np.float64)
        frames, bands = like.patches.shape[1:]
        self.patch = np.zeros((frames, bands), np.float64)
        self.shown = np.zeros(frames, np.int64)

    def add_window(self, heard: Heard, row: int) -> None:
        self.windows += 1
        self.padding_s = max(self.padding_s, float(heard.padding_s[row]))
        self.vector += heard.vectors[row]
        if self.scores is not None and heard.scores is not None:
            self.scores += heard.scores[row]

    def add_frames(self, frame_s: npt.NDArray[np.float64], patch: FloatArray) -> None:
        """Add those frames of a window's patch whose centres `frame_s` fall inside."""
        inside = (frame_s >= self.start_s) & (frame_s < self.stop_s)
        share = (frame_s[inside] - self.start_s) / (self.stop_s - self.start_s)
        places = np.minimum((share * len(self.shown)).astype(np.int64), len(self.shown) - 1)
        np.add.at(self.patch, places, patch[inside])
        np.add.at(self.shown, places, 1)

    def row(self) -> Heard:
        return Heard(
            vectors=(self.vector / self.windows).astype(np.float32)[np.newaxis],
            start_s=np.array([self.start_s]),
            stop_s=np.array([self.stop_s]),
            padding_s=np.array([self.padding_s]),
            patches=self._picture()[np.newaxis],
            scores=None
            if self.scores is None
            else (self.scores / self.windows).astype(np.float32)[np.newaxis],
        )

    def _picture(self) -> FloatArray:
        filled = np.flatnonzero(self.shown)
        if len(filled) == 0:
            return self.patch.astype(np.float32)
        means = self.patch[filled] / self.shown[filled, np.newaxis]
        # A stretch shorter than a patch has fewer frames than the picture: repeat the nearest.
        wanted = np.arange(len(self.shown))
        nearest = np.abs(wanted[:, np.newaxis] - filled).argmin(axis=1)
        picture: FloatArray = means[nearest].astype(np.float32)
        return picture


def pool(
    windows: Iterable[Heard], *, seconds: float, heard_s: float, window_s: float
) -> Iterator[Heard]:
    """Average windows over consecutive stretches.

    Parameters
    ----------
    windows
        One recording's windows in order, in parts of any length.
    seconds
        The length of a stretch; infinity for the whole recording.
    heard_s
        Where the sound that the windows cover ends.
    window_s
        The length of one window's patch, padding included.

    Yields
    ------
    Heard
        One row for each stretch that holds the centre of at least one window.
    """
    length = min(seconds, heard_s)
    last = max(0, math.ceil(round(heard_s / length, 6)) - 1)
    open_rows: dict[int, _Stretch] = {}

    def stretch(index: int, like: Heard) -> _Stretch:
        if index not in open_rows:
            start = index * length
            open_rows[index] = _Stretch(start, min(start + length, heard_s), like)
        return open_rows[index]

    for part in windows:
        frames = part.patches.shape[1]
        offsets = (np.arange(frames) + 0.5) / frames * window_s
        for row, start in enumerate(part.start_s):
            first_reached = min(int(start / length), last)
            for index in [key for key in sorted(open_rows) if key < first_reached]:
                yield from _finished(open_rows.pop(index))
            home = min(int((start + window_s / 2) / length), last)
            stretch(home, part).add_window(part, row)
            for index in range(first_reached, min(int((start + window_s) / length), last) + 1):
                stretch(index, part).add_frames(start + offsets, part.patches[row])
    for index in sorted(open_rows):
        yield from _finished(open_rows[index])


def _finished(stretch: _Stretch) -> Iterator[Heard]:
    if stretch.windows:
        yield stretch.row()
