"""Windows averaged over longer stretches: one row per N seconds or per recording.

A window counts for the stretch that holds its centre; the frames of its patch are shared out by
their own time. The stretches depend on the recording's length alone, so the rows of every model
stand for the same sound. Only the stretches that a window can still reach are held in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.heard import Heard


def stretches(duration_s: float, seconds: float) -> int:
    """Give the number of stretches of a recording; the last may be shorter."""
    return max(1, math.ceil(round(duration_s / seconds, 6)))


class Stretch:
    """The running sums of one row."""

    def __init__(self, start_s: float, stop_s: float, *, frames: int, bands: int) -> None:
        self.start_s, self.stop_s = start_s, stop_s
        self.windows = 0
        self.padding_s = 0.0
        self.vector: npt.NDArray[np.float64] | float = 0.0
        self.scores: npt.NDArray[np.float64] | float = 0.0
        self.patch = np.zeros((frames, bands), np.float64)
        self.shown = np.zeros(frames, np.int64)
        self._nearest: tuple[float, Heard, int] | None = None

    def offer(self, centre_s: float, heard: Heard, row: int) -> None:
        """Remember the window nearest to the middle, should no centre lie inside."""
        distance = abs(centre_s - (self.start_s + self.stop_s) / 2)
        if self._nearest is None or distance < self._nearest[0]:
            self._nearest = (distance, heard, row)

    def add_window(self, heard: Heard, row: int) -> None:
        """Count a window's vector and scores."""
        self.windows += 1
        self.padding_s = max(self.padding_s, float(heard.padding_s[row]))
        self.vector = self.vector + heard.vectors[row].astype(np.float64)
        if heard.scores is not None:
            self.scores = self.scores + heard.scores[row].astype(np.float64)

    def add_frames(self, frame_s: npt.NDArray[np.float64], patch: FloatArray) -> None:
        """Add those frames of a patch whose centres `frame_s` fall inside."""
        inside = (frame_s >= self.start_s) & (frame_s < self.stop_s)
        share = (frame_s[inside] - self.start_s) / (self.stop_s - self.start_s)
        places = np.minimum((share * len(self.shown)).astype(np.int64), len(self.shown) - 1)
        np.add.at(self.patch, places, patch[inside])
        np.add.at(self.shown, places, 1)

    def row(self) -> Heard:
        """Give the row; at least one window must have been counted or offered."""
        if not self.windows and self._nearest is not None:
            self.add_window(*self._nearest[1:])
        scores = None
        if isinstance(self.scores, np.ndarray):
            scores = (self.scores / self.windows).astype(np.float32)[np.newaxis]
        return Heard(
            vectors=np.asarray(self.vector / self.windows, np.float32)[np.newaxis],
            start_s=np.array([self.start_s]),
            stop_s=np.array([self.stop_s]),
            padding_s=np.array([self.padding_s]),
            patches=self.picture()[np.newaxis],
            scores=scores,
        )

    def picture(self) -> FloatArray:
        """Give the mean of the frames that fell into each place, (frames, bands)."""
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
    windows: Iterable[Heard], *, seconds: float, duration_s: float, window_s: float
) -> Iterator[Heard]:
    """Average windows over consecutive stretches.

    Parameters
    ----------
    windows
        One recording's windows in order, in parts of any length.
    seconds
        The length of a stretch; infinity for the whole recording, where every window counts.
    duration_s
        The length of the recording.
    window_s
        The length of one window's patch, padding included.

    Yields
    ------
    Heard
        One row for each stretch: the mean of the windows whose centres lie in it, or the window
        nearest to its middle where there is none; no row of no window.
    """
    length = min(seconds, duration_s)
    last = stretches(duration_s, length) - 1
    whole = math.isinf(seconds)
    open_rows: dict[int, Stretch] = {}
    newest: tuple[float, Heard, int] | None = None

    def stretch(index: int, like: Heard) -> Stretch:
        if index not in open_rows:
            start = index * length
            stop = min(start + length, duration_s)
            frames, bands = like.patches.shape[1:]
            open_rows[index] = Stretch(start, stop, frames=frames, bands=bands)
        return open_rows[index]

    for part in windows:
        offsets = (np.arange(part.patches.shape[1]) + 0.5) / part.patches.shape[1] * window_s
        for row, start in enumerate(part.stop_s + part.padding_s - window_s):
            centre = round(float(start) + window_s / 2, 6)
            first_reached = max(0, min(_index(float(start), length), last))
            for index in [key for key in sorted(open_rows) if key < first_reached]:
                yield open_rows.pop(index).row()
            if whole or centre < duration_s:
                stretch(min(_index(centre, length), last), part).add_window(part, row)
            for index in range(
                first_reached, min(_index(float(start) + window_s, length), last) + 1
            ):
                reached = stretch(index, part)
                reached.offer(centre, part, row)
                reached.add_frames(start + offsets, part.patches[row])
            newest = (centre, part, row)
    # With a hop longer than a window, none may reach the last stretch.
    if newest is not None and last not in open_rows:
        stretch(last, newest[1]).offer(*newest)
    for index in sorted(open_rows):
        yield open_rows[index].row()


def _index(time_s: float, length: float) -> int:
    """Give the stretch that holds a time; a time on the border belongs to the later one."""
    return math.floor(round(time_s / length, 6))
