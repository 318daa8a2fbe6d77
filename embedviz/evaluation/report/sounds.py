"""Sounds and pictures of units for the report: short MP3 clips, as many as fit into a budget."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile as sf

from embedviz.cutting import Window, cut
from embedviz.data import EmbeddingSet, FloatArray
from embedviz.errors import EmbedvizError, RecordingError
from embedviz.evaluation.results import Units
from embedviz.mel import audioset_mel_matrix
from embedviz.onefile.code import in_file
from embedviz.onefile.sounds import mp3
from embedviz.thumbnails import picture, to_thumbnails

LONGEST_S = 5.0
"""Of longer units the beginning is heard."""
PICTURE_PX = (112, 32)
FFT_SAMPLES = 1024
FLOOR_DB = -70.0
_LOWEST_HZ = 50.0
_AT_ONCE = 64

Find = Callable[[str], Path]
"""Gives the file of a recording by its name, or raises `EmbedvizError`."""
Tell = Callable[[int, int], None]
"""Is told the units done and all units; raising from it stops the work."""


@dataclass
class Heard:
    """What was compressed."""

    clips: dict[int, bytes] = field(default_factory=dict)
    """Number of a unit -> MP3."""
    pictures: dict[int, bytes] = field(default_factory=dict)
    """Number of a unit -> PNG of its spectrogram: mel bands, quiet is white."""
    failures: dict[str, str] = field(default_factory=dict)
    """Recording -> why it cannot be heard."""
    wanted: int = 0
    size: int = 0
    """Bytes that all of it takes in the page."""


def heard(
    units: Units,
    wanted: Sequence[int],
    sets: Mapping[str, EmbeddingSet],
    *,
    budget_bytes: int,
    find: Find | None = None,
    tell: Tell | None = None,
) -> Heard:
    """Compress units, the most wanted first, until the budget is spent."""
    found = Heard(wanted=len(wanted))
    for first in range(0, len(wanted) if budget_bytes > 0 else 0, _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        clips = dict(_clips(units, some, sets, found.failures, find))
        for unit in some:
            size = in_file(clips[unit][0]) + in_file(clips[unit][1]) if unit in clips else 0
            if unit not in clips:
                continue
            if found.size + size > budget_bytes:
                return found
            found.clips[unit], found.pictures[unit] = clips[unit]
            found.size += size
        if tell is not None:
            tell(min(first + _AT_ONCE, len(wanted)), len(wanted))
    return found


def _clips(
    units: Units,
    wanted: Sequence[int],
    sets: Mapping[str, EmbeddingSet],
    failures: dict[str, str],
    find: Find | None,
) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
    by_recording: dict[str, list[Window]] = {}
    for unit in wanted:
        start_s, stop_s = units.start_s[unit], units.stop_s[unit]
        window = Window(unit, start_s, min(stop_s, start_s + LONGEST_S))
        by_recording.setdefault(units.recording[unit], []).append(window)
    for recording, windows in by_recording.items():
        if recording in failures:
            continue
        try:
            path, channel = _located(recording, sets, find)
            for window, clip in cut(path, windows, channel=channel):
                yield window.row, (mp3(clip), _picture(clip))
        except EmbedvizError as error:
            failures[recording] = str(error)


def _located(
    recording: str, sets: Mapping[str, EmbeddingSet], find: Find | None
) -> tuple[Path, int | None]:
    """Give the file of a recording and the channel that was heard."""
    for one in sets.values():
        source = one.provenance.recordings.get(recording)
        if source is not None:
            path = Path(source.path) if find is None else find(recording)
            return path, one.provenance.channel
    raise RecordingError(f"No set says where {recording} lies.")


def _picture(clip: BinaryIO) -> bytes:
    """Draw a clip's spectrogram as a small PNG."""
    clip.seek(0)
    samples, rate_hz = sf.read(clip, dtype="float32")
    levels = _mel_levels(samples, rate_hz)
    frames, bands = PICTURE_PX
    drawn = to_thumbnails(levels[np.newaxis], (FLOOR_DB, 0.0), frames=min(frames, len(levels)))[0]
    content = io.BytesIO()
    picture(drawn, colours="inverted grey", size=(frames, bands)).save(content, "PNG")
    return content.getvalue()


def _mel_levels(samples: FloatArray, rate_hz: int) -> FloatArray:
    """Give levels in dB (frames, bands) below the loudest."""
    padded = np.pad(samples, (0, max(0, FFT_SAMPLES - len(samples))))
    firsts = np.linspace(0, len(padded) - FFT_SAMPLES, 2 * PICTURE_PX[0]).astype(np.int64)
    frames = padded[firsts[:, np.newaxis] + np.arange(FFT_SAMPLES)] * np.hanning(FFT_SAMPLES)
    power = np.abs(np.fft.rfft(frames)) ** 2
    weights = audioset_mel_matrix(
        bands=PICTURE_PX[1],
        bins=FFT_SAMPLES // 2 + 1,
        rate_hz=rate_hz,
        low_hz=_LOWEST_HZ,
        high_hz=rate_hz / 2,
    )
    # The mean of a band's bins, so that wide bands are not louder.
    bands = power @ (weights / np.maximum(weights.sum(axis=0), 1e-12))
    loudest = max(float(bands.max()), 1e-20)
    levels = 10 * np.log10(np.maximum(bands / loudest, 10 ** (FLOOR_DB / 10)))
    return np.asarray(levels, np.float32)
