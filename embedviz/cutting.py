"""Windows cut out of a recording as WAV files, sample by sample.

Formats in which libsndfile finds any sample are read window by window; the others are decoded once
from their start, however many windows are wanted.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
import soundfile as sf

from embedviz import audio
from embedviz.data import FloatArray
from embedviz.errors import RecordingError
from embedviz.soundfiles import open_sound

PIECE_S = 30.0
"""The most that is decoded at once."""
HELD_BYTES = 8 << 20
"""A clip beyond this waits on disk."""
LARGEST_BYTES = (1 << 32) - (1 << 16)
"""A WAV counts its bytes with 32 bits."""

_READ_FROM_THE_START = ("MP3", "OGG")
_SAMPLE_BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
_FLOAT_BITS = 32


@dataclass(frozen=True)
class Window:
    """A stretch of a recording in seconds; `row` is what the caller knows it by."""

    row: int
    start_s: float
    stop_s: float


@dataclass(frozen=True)
class _Sound:
    path: Path
    name: str
    channel: int | None
    rate_hz: int
    frames: int
    subtype: str
    """Of the clips: the smallest that holds the samples as they are."""
    seekable: bool


@dataclass(frozen=True)
class _Span:
    window: Window
    start: int
    """In samples."""
    stop: int


def cut(
    path: Path, windows: Sequence[Window], *, channel: int | None = None
) -> Iterator[tuple[Window, BinaryIO]]:
    """Give each window as a WAV file of one channel at the recording's own rate.

    The samples are exactly those that `embedviz.audio.read` gives; windows come in the order of
    their starts. A file is to be read before the next one is asked for.

    Parameters
    ----------
    channel
        The channel heard, counted from 1; None takes the mean of all.

    Raises
    ------
    RecordingError
        If the recording cannot be read, has no sound in a window, or a window is too long for a
        WAV file; after all other windows that could be read.
    """
    sound = _described(path, channel)
    spans, problems = list[_Span](), list[RecordingError]()
    for window in windows:
        try:
            spans.append(_span(sound, window))
        except RecordingError as error:
            problems.append(error)
    spans.sort(key=lambda span: span.start)
    if sound.seekable:
        for span in spans:
            yield from _swept(sound, _pieces(sound, span), [span])
    elif spans:
        yield from _swept(sound, _pieces_from_start(sound), spans)
    if problems:
        raise problems[0]


def _described(path: Path, channel: int | None) -> _Sound:
    with open_sound(path, path.name) as opened:
        sound = opened.sound
        bits = _bits(sound.subtype)
        if channel is None and sound.channels > 1:
            # Halving adds a bit; thirds have no end.
            added = math.log2(sound.channels)
            bits = bits + int(added) if added.is_integer() else _FLOAT_BITS
        return _Sound(
            path=path,
            name=path.name,
            channel=channel,
            rate_hz=sound.samplerate,
            frames=sound.frames,
            subtype="PCM_16" if bits <= 16 else "PCM_24" if bits <= 24 else "FLOAT",
            seekable=sound.format not in _READ_FROM_THE_START,
        )


def _bits(subtype: str) -> int:
    """Give the bits that the samples of a file need; decoders of lossy formats give floats."""
    if subtype in ("ULAW", "ALAW"):
        return 16
    whole = re.fullmatch(r"(?:PCM|ALAC)_[SU]?(\d+)", subtype)
    return int(whole[1]) if whole else _FLOAT_BITS


def _span(sound: _Sound, window: Window) -> _Span:
    start = max(0, round(window.start_s * sound.rate_hz))
    stop = min(round(window.stop_s * sound.rate_hz), sound.frames)
    if stop <= start:
        raise RecordingError(
            f"{sound.name} has no sound from {window.start_s:.2f} s to {window.stop_s:.2f} s."
        )
    if (stop - start) * _SAMPLE_BYTES[sound.subtype] > LARGEST_BYTES:
        raise RecordingError(
            f"{(stop - start) / sound.rate_hz:.0f} s of {sound.name} are too long for a WAV file."
        )
    return _Span(window, start, stop)


def _pieces(sound: _Sound, span: _Span) -> Iterator[tuple[int, FloatArray]]:
    """Give the samples of a span in pieces, each with the number of its first."""
    size = max(1, round(PIECE_S * sound.rate_hz))
    for first in range(span.start, span.stop, size):
        last = min(first + size, span.stop)
        samples, _ = audio.read(
            sound.path,
            start_s=first / sound.rate_hz,
            stop_s=last / sound.rate_hz,
            channel=sound.channel,
        )
        yield first, samples


def _pieces_from_start(sound: _Sound) -> Iterator[tuple[int, FloatArray]]:
    first = 0
    for block in audio.blocks(sound.path, sound.rate_hz, channel=sound.channel, block_s=PIECE_S):
        yield first, block
        first += len(block)


def _swept(
    sound: _Sound, pieces: Iterable[tuple[int, FloatArray]], spans: Sequence[_Span]
) -> Iterator[tuple[Window, BinaryIO]]:
    """Hand each piece to the spans that it reaches, and give those that are complete."""
    waiting, begun = deque(spans), list[tuple[_Span, _Clip]]()
    with ExitStack() as stack:
        for first, piece in pieces:
            last = first + len(piece)
            while waiting and waiting[0].start < last:
                begun.append((waiting.popleft(), stack.enter_context(_Clip(sound))))
            for span, clip in begun:
                clip.add(piece[max(span.start - first, 0) : span.stop - first])
            for span, clip in [one for one in begun if one[0].stop <= last]:
                begun.remove((span, clip))
                yield span.window, clip.finished()
                clip.close()
            if not waiting and not begun:
                return
        # An MP3 may be a little shorter than its header says.
        for span, clip in begun:
            yield span.window, clip.finished()


class _Clip:
    """A WAV file being written."""

    def __init__(self, sound: _Sound) -> None:
        self._subtype = sound.subtype
        self._file = SpooledTemporaryFile(HELD_BYTES)  # noqa: SIM115 (closed by `close`)
        self._sound = sf.SoundFile(
            self._file, "w", sound.rate_hz, 1, subtype=sound.subtype, format="WAV"
        )

    def __enter__(self) -> _Clip:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, samples: FloatArray) -> None:
        self._sound.write(_whole(samples, self._subtype))

    def finished(self) -> BinaryIO:
        self._sound.close()
        self._file.seek(0)
        return cast(BinaryIO, self._file)

    def close(self) -> None:
        if not self._sound.closed:
            self._sound.close()
        self._file.close()


def _whole(samples: FloatArray, subtype: str) -> npt.NDArray[np.generic]:
    """Give samples as whole numbers: libsndfile's own conversion of floats is one step off."""
    if subtype == "FLOAT":
        return samples
    if subtype == "PCM_16":
        return np.clip(np.round(samples * 2.0**15), -(2**15), 2**15 - 1).astype(np.int16)
    steps = np.clip(np.round(samples.astype(np.float64) * 2**23), -(2**23), 2**23 - 1)
    # The upper three of four bytes are kept.
    return steps.astype(np.int32) << 8
