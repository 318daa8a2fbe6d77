"""How loud, noisy, clipped and wide the sound of each unit is, measured on the sound itself.

Each recording is read once, in frames of 20 ms. What is kept of a stretch are sums and a count of
levels, so an hour needs no more memory than a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedviz import audio
from embedviz.data import FloatArray, Provenance, Recording, Source
from embedviz.errors import RecordingError

Find = Callable[[str], Path]
"""Gives the file of a recording by its name, or raises `RecordingError`."""
Progress = Callable[[int, int], None]
Numbers = npt.NDArray[np.float64]

FRAME_S = 0.02
FLOOR_DB = -120.0
"""The level of silence; nothing is quieter."""
FULL_SCALE = 0.999
"""A sample of this size or more is clipped, whatever its sign."""
LOUD, QUIET = 0.95, 0.10
"""The share of a stretch's frames that lie below its signal, and below its noise."""
ROLL_OFF = 0.99
"""The share of the power that lies below the bandwidth."""

_STEP_DB = 0.1
_HIGHEST_DB = 30.0
_LEVELS = round((_HIGHEST_DB - FLOOR_DB) / _STEP_DB)
_SAME_LENGTH_S = 0.05


@dataclass(frozen=True)
class Loudness:
    """What was measured of U stretches of sound; NaN where the sound could not be read."""

    level_db: Numbers
    """(U,) root mean square in dB of full scale, at least `FLOOR_DB`."""
    signal_to_noise_db: Numbers
    """(U,) an estimate: the 95th percentile of the levels of its frames above the 10th."""
    clipped: Numbers
    """(U,) share of samples at full scale, in the channel or the mix that the model heard."""
    bandwidth_hz: Numbers
    """(U,) 99 % of the power lies below."""
    notes: tuple[str, ...] = ()
    """A sentence where recordings could not be read."""


def measured(
    provenance: Provenance,
    recordings: Sequence[str],
    start_s: Sequence[float],
    stop_s: Sequence[float],
    *,
    find: Find | None = None,
    progress: Progress | None = None,
) -> Loudness:
    """Measure stretches of recordings.

    A recording whose length, rate or channels are not those of the one that was embedded is not
    measured; its content is not compared, which would take as long as the measuring.

    Parameters
    ----------
    provenance
        Knows where the recordings lie and which channel was heard.
    recordings, start_s, stop_s
        (U,) the recording of each stretch, and its seconds.
    find
        Where a recording lies now; None looks where it was when the set was made.
    progress
        Called with (recordings done, all recordings); raising from it stops the work.
    """
    found = np.full((4, len(recordings)), np.nan)
    rows = _rows_of(recordings)
    problems: list[str] = []
    tell = progress or (lambda done, total: None)
    for done, (name, own) in enumerate(rows.items()):
        tell(done, len(rows))
        bounds = np.array([(start_s[row], stop_s[row]) for row in own], np.float64)
        try:
            sound = _checked(provenance, name, find)
            told = partial(tell, done, len(rows))
            for index, values in _measured(sound, bounds, provenance.channel, told):
                found[:, own[index]] = values
        except RecordingError as error:
            problems.append(str(error))
    tell(len(rows), len(rows))
    level, noise, clipped, width = found
    return Loudness(level, noise, clipped, width, _notes(problems, len(rows)))


def _rows_of(recordings: Sequence[str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(recordings):
        rows.setdefault(name, []).append(row)
    return rows


def _notes(problems: Sequence[str], recordings: int) -> tuple[str, ...]:
    if not problems:
        return ()
    return (
        f"The sound of {len(problems):,} of {recordings:,} recordings could not be read, so its "
        f"loudness, noise, clipping and bandwidth are unknown. {problems[0]}",
    )


def _checked(provenance: Provenance, name: str, find: Find | None) -> Recording:
    """Find a recording and see that it is the one that was embedded, as far as its header tells."""
    source = provenance.recordings.get(name)
    if source is None and find is None:
        raise RecordingError(f"The set does not say where {name} lies.")
    path = find(name) if find is not None else Path(source.path if source else "")
    sound = audio.inspect(path, name=name)
    if source is not None and not _same(sound, source):
        raise RecordingError(
            f"{name} is no longer the recording that was embedded: it lasts {sound.duration_s:.2f} "
            f"s at {sound.rate_hz:,} Hz and lasted {source.duration_s:.2f} s at "
            f"{source.rate_hz:,} Hz; put the old one back."
        )
    return sound


def _same(sound: Recording, source: Source) -> bool:
    length = abs(sound.duration_s - source.duration_s) < _SAME_LENGTH_S
    return length and (sound.rate_hz, sound.channels) == (source.rate_hz, source.channels)


def _measured(
    sound: Recording, bounds: Numbers, channel: int | None, tell: Callable[[], None]
) -> Iterator[tuple[int, Numbers]]:
    """Give the number of each stretch (S, 2) of a recording and its four values."""
    size = max(2, round(FRAME_S * sound.rate_hz))
    # Frames belong to the stretch in which their centre lies; the shortest has one.
    edges = np.ceil(bounds * sound.rate_hz / size - 0.5).astype(np.int64)
    edges[:, 1] = np.maximum(edges[:, 1], edges[:, 0] + 1)
    waiting = np.argsort(edges[:, 0], kind="stable").tolist()[::-1]
    open_ones: dict[int, _Sums] = {}
    first = 0
    for frames in _frames(sound, size, channel):
        tell()
        part = _described(frames)
        last = first + len(frames)
        while waiting and edges[waiting[-1], 0] < last:
            open_ones[waiting.pop()] = _Sums(size)
        for index in list(open_ones):
            start, stop = np.clip(edges[index] - first, 0, len(frames))
            open_ones[index].add(part, slice(start, stop))
            if edges[index, 1] <= last:
                yield index, open_ones.pop(index).values(sound.rate_hz)
        first = last
    # An MP3 may be a little shorter than its header says.
    for index, sums in open_ones.items():
        yield index, sums.values(sound.rate_hz)


def _frames(sound: Recording, size: int, channel: int | None) -> Iterator[FloatArray]:
    """Give the whole frames (M, size) of a recording, some seconds at a time."""
    held = np.zeros(0, np.float32)
    for block in audio.blocks(sound, sound.rate_hz, channel=channel):
        held = np.concatenate([held, block])
        whole = len(held) // size * size
        if whole:
            yield held[:whole].reshape(-1, size)
        held = held[whole:]


@dataclass(frozen=True)
class _Frames:
    """What is known of M frames."""

    power: Numbers
    """(M,) mean square."""
    clipped: Numbers
    """(M,) share of samples."""
    level: npt.NDArray[np.int64]
    """(M,) number of the step of 0.1 dB."""
    spectrum: FloatArray
    """(M, bins) power."""


def _described(frames: FloatArray) -> _Frames:
    from scipy import fft

    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / frames.shape[1]
    window = np.hanning(frames.shape[1] + 1)[:-1].astype(np.float32)
    return _Frames(
        power=power,
        clipped=(np.abs(frames) >= FULL_SCALE).mean(axis=1),
        level=np.clip((_decibels(power) - FLOOR_DB) / _STEP_DB, 0, _LEVELS - 1).astype(np.int64),
        spectrum=np.square(np.abs(fft.rfft(frames * window, axis=1))).astype(np.float32),
    )


def _decibels(power: npt.ArrayLike) -> Numbers:
    least = 10 ** (FLOOR_DB / 10)
    return np.asarray(10 * np.log10(np.maximum(power, least)), np.float64)


class _Sums:
    """The running sums of one stretch."""

    def __init__(self, size: int) -> None:
        self.size, self.frames, self.power, self.clipped = size, 0, 0.0, 0.0
        self.levels = np.zeros(_LEVELS, np.int64)
        self.spectrum = np.zeros(size // 2 + 1)

    def add(self, part: _Frames, own: slice) -> None:
        """Count some frames."""
        self.frames += len(part.power[own])
        self.power += float(part.power[own].sum())
        self.clipped += float(part.clipped[own].sum())
        np.add.at(self.levels, part.level[own], 1)
        self.spectrum += part.spectrum[own].sum(axis=0, dtype=np.float64)

    def values(self, rate_hz: int) -> Numbers:
        """Give level, signal above noise, share of clipped samples and bandwidth."""
        if not self.frames:
            return np.full(4, np.nan)
        below = np.cumsum(self.levels)
        loud, quiet = (
            np.searchsorted(below, share * self.frames, side="left") for share in (LOUD, QUIET)
        )
        # A constant is no sound.
        power = np.cumsum(self.spectrum[1:])
        bins = np.searchsorted(power, ROLL_OFF * power[-1]) + 1 if power[-1] > 0 else 0
        return np.array(
            [
                float(_decibels(self.power / self.frames)),
                (loud - quiet) * _STEP_DB,
                self.clipped / self.frames,
                bins * rate_hz / self.size,
            ]
        )
