"""Windows averaged over longer stretches: one row per N seconds or per recording.

A window counts for the stretch that holds its centre; the frames of its patch are shared out by
their own time. The stretches depend on the recording's length alone, so the rows of every model
stand for the same sound: none is left out, however far apart the windows lie, and only where the
sound ends before its stated length, as that of an MP3 may, are there fewer. Only the stretches
that a window can still reach are held in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.heard import Heard

_ROUNDING_S = 1e-3
"""Windows begin at whole samples; a sound ends so much before its length and is whole."""
_UNHEARD_S = 1.0
"""A network may leave so much at the end of a whole sound unheard, beside a hop and a window."""


def stretches(duration_s: float, seconds: float) -> int:
    """Give the number of stretches of a recording; the last may be shorter."""
    return max(1, math.ceil(round(duration_s / seconds, 6)))


@dataclass(frozen=True)
class _Window:
    """One window: a row of `heard`, with the time of its patch in the recording."""

    start_s: float
    length_s: float
    heard: Heard
    row: int

    @property
    def reach_s(self) -> float:
        """Where the patch ends, padding included."""
        return self.start_s + self.length_s

    @property
    def stop_s(self) -> float:
        """Where its sound ends."""
        return float(self.heard.stop_s[self.row])

    @property
    def centre_s(self) -> float:
        return round(self.start_s + self.length_s / 2, 6)


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
        self._nearest: tuple[float, _Window] | None = None

    def offer(self, window: _Window) -> None:
        """Remember the window nearest to the middle, should no centre lie inside."""
        distance = abs(window.centre_s - (self.start_s + self.stop_s) / 2)
        if self._nearest is None or distance < self._nearest[0]:
            self._nearest = (distance, window)

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

    def end(self, stop_s: float) -> None:
        """Let the stretch end with the sound; its picture then shows no more than that."""
        if stop_s >= self.stop_s:
            return
        share = (stop_s - self.start_s) / (self.stop_s - self.start_s)
        places = ((np.arange(len(self.shown)) + 0.5) * share).astype(np.int64)
        self.patch, self.shown = self.patch[places], self.shown[places]
        self.stop_s = stop_s

    def row(self) -> Heard:
        """Give the row; at least one window must have been counted or offered."""
        if not self.windows and self._nearest is not None:
            nearest = self._nearest[1]
            self.add_window(nearest.heard, nearest.row)
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


class _Rows:
    """The stretches of one recording that a window can still reach.

    Parameters
    ----------
    length
        Seconds of a stretch.
    duration_s
        The stated length of the recording.
    whole
        Whether the one row stands for the recording, where every window counts.
    """

    def __init__(self, length: float, duration_s: float, *, whole: bool) -> None:
        self._length, self._duration_s, self._whole = length, duration_s, whole
        self._last = stretches(duration_s, length) - 1
        self._open: dict[int, Stretch] = {}
        self._next = 0
        self._newest: _Window | None = None
        self._hop_s = length  # rows are no finer than the hop, so it is no longer than that

    def passed(self, window: _Window) -> Iterator[Heard]:
        """Give the rows that neither this window reaches nor any after it."""
        while self._next < self._first(window):
            row = self._stretch(self._next, window)
            # Between windows with gaps a stretch may lie that none reaches.
            for near in (self._newest, window):
                if near is not None:
                    row.offer(near)
            yield self._pop().row()

    def add(self, window: _Window, frame_s: npt.NDArray[np.float64]) -> None:
        """Count a window, the centres of whose frames lie at `frame_s`."""
        heard, row = window.heard, window.row
        # Its centre may lie in the padding, behind the end of the sound.
        sounds = window.centre_s < min(self._duration_s, window.stop_s + _ROUNDING_S)
        if self._whole or sounds:
            home = min(_index(window.centre_s, self._length), self._last)
            self._stretch(home, window).add_window(heard, row)
        reached = min(_index(window.reach_s, self._length), self._last)
        for index in range(self._first(window), reached + 1):
            stretch = self._stretch(index, window)
            stretch.offer(window)
            stretch.add_frames(frame_s, heard.patches[row])
        if self._newest is not None:
            self._hop_s = window.start_s - self._newest.start_s
        self._newest = window

    def rest(self) -> Iterator[Heard]:
        """Give the rows that are left when there are no more windows."""
        if self._newest is None:
            return
        end_s = self._duration_s if self._whole else self._end_s(self._newest)
        last = min(self._last, stretches(end_s, self._length) - 1)
        while self._next <= last:
            # With a hop longer than a window, none may reach the last stretches.
            row = self._stretch(self._next, self._newest)
            row.offer(self._newest)
            row.end(end_s)
            yield self._pop().row()

    def _end_s(self, newest: _Window) -> float:
        """Give where the sound ends: at its stated length unless the windows show otherwise."""
        padded = newest.heard.padding_s[newest.row] > 0
        unheard_s = 0.0 if padded else self._hop_s + newest.length_s + _UNHEARD_S
        whole = newest.stop_s + unheard_s + _ROUNDING_S >= self._duration_s
        return self._duration_s if whole else newest.stop_s

    def _first(self, window: _Window) -> int:
        return max(0, min(_index(window.start_s, self._length), self._last))

    def _stretch(self, index: int, like: _Window) -> Stretch:
        if index not in self._open:
            start_s = index * self._length
            stop_s = min(start_s + self._length, self._duration_s)
            frames, bands = like.heard.patches.shape[1:]
            self._open[index] = Stretch(start_s, stop_s, frames=frames, bands=bands)
        return self._open[index]

    def _pop(self) -> Stretch:
        self._next += 1
        return self._open.pop(self._next - 1)


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
        The stated length of the recording; its sound may end before.
    window_s
        The length of one window's patch, padding included.

    Yields
    ------
    Heard
        One row for each stretch: the mean of the windows whose centres lie in it, or the window
        nearest to its middle where there is none. No row of no window, and none behind the end of
        the sound, as far as the windows tell where that is.
    """
    rows = _Rows(min(seconds, duration_s), duration_s, whole=math.isinf(seconds))
    for part in windows:
        offsets = (np.arange(part.patches.shape[1]) + 0.5) / part.patches.shape[1] * window_s
        for row, start_s in enumerate(part.stop_s + part.padding_s - window_s):
            window = _Window(float(start_s), window_s, part, row)
            yield from rows.passed(window)
            rows.add(window, start_s + offsets)
    yield from rows.rest()


def _index(time_s: float, length: float) -> int:
    """Give the stretch that holds a time; a time on the border belongs to the later one."""
    return math.floor(round(time_s / length, 6))
