"""Recordings as streams: a file goes in, blocks of mono float32 at a wanted rate come out.

No function here holds a whole recording; `embedviz.soundfiles` opens and decodes the files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import soxr

from embedviz.data import FloatArray, Recording
from embedviz.errors import RecordingError
from embedviz.openfiles import open_file
from embedviz.soundfiles import UNKNOWN_FRAMES, OpenSound, decoded, open_sound

_BLOCK_VALUES = 2**21  # samples x channels decoded at a time: 8 MiB, whatever `block_s` asks for


def inspect(path: Path, *, name: str | None = None) -> Recording:
    """Give duration, rate and channels of the file `path`, reading only its header.

    `name` is what messages and rows call the recording; without it the file's name is used. A
    FLAC that does not state its length is decoded once to count its samples.

    Raises
    ------
    RecordingError
        If the file is missing, empty, not audio, truncated as far as its header tells, without a
        sample, outside 4,000 to 384,000 Hz or has more than 32 channels.
    """
    with open_sound(path, name or path.name) as opened:
        sound = opened.sound
        frames = sound.frames
        if frames >= UNKNOWN_FRAMES:
            size = _BLOCK_VALUES // sound.channels
            frames = sum(len(block) for block in decoded(opened, size))
        return Recording(
            name=opened.name,
            path=path,
            duration_s=frames / sound.samplerate,
            rate_hz=sound.samplerate,
            channels=sound.channels,
        )


def blocks(
    recording_or_path: Recording | Path,
    rate_hz: int,
    *,
    channel: int | None = None,
    block_s: float = 10.0,
) -> Iterator[FloatArray]:
    """Give a recording as consecutive blocks (n,) of mono float32 at `rate_hz`.

    The blocks are the mean of the channels, or the `channel` counted from 1. Joined, they are the
    same samples for every `block_s`, the most seconds of sound decoded at a time.

    Raises
    ------
    RecordingError
        While the blocks are read: for all that `inspect` refuses, a channel that the recording
        lacks, NaN or infinity, sound that cannot be decoded to its end, and a file that is no
        longer as long as the `Recording` says, or of another rate or number of channels.
    """
    for _, block in blocks_at(recording_or_path, [rate_hz], channel=channel, block_s=block_s):
        yield block


def blocks_at(
    recording_or_path: Recording | Path,
    rates_hz: Sequence[int],
    *,
    channel: int | None = None,
    block_s: float = 10.0,
) -> Iterator[tuple[int, FloatArray]]:
    """Give a recording at several rates, decoded once: pairs of a rate and its next block (n,).

    The blocks of a rate, the parameters and the errors are those of `blocks`.
    """
    path = recording_or_path.path if isinstance(recording_or_path, Recording) else recording_or_path
    with open_sound(path, recording_or_path.name) as opened:
        own_hz = opened.sound.samplerate
        if isinstance(recording_or_path, Recording):
            _check_gathered(recording_or_path, opened, opened.sound.frames)
        size = max(1, min(round(block_s * own_hz), _BLOCK_VALUES // opened.sound.channels))
        streams = {
            rate_hz: soxr.ResampleStream(own_hz, rate_hz, 1, dtype="float32", quality="HQ")
            for rate_hz in rates_hz
            if rate_hz != own_hz
        }
        frames = 0
        for block in _mono(opened, size, channel=channel):
            frames += len(block)
            if own_hz in rates_hz:
                yield own_hz, block
            yield from _resampled(streams, block, last=False)
        if isinstance(recording_or_path, Recording) and opened.sound.frames >= UNKNOWN_FRAMES:
            _check_gathered(recording_or_path, opened, frames)
        yield from _resampled(streams, np.empty(0, np.float32), last=True)


def _check_gathered(gathered: Recording, opened: OpenSound, frames: int) -> None:
    """Refuse sound that is another than when it was inspected."""
    sound = opened.sound
    same = (sound.samplerate, sound.channels) == (gathered.rate_hz, gathered.channels)
    # The frames of a FLAC without a length are known once it is decoded.
    known = frames < UNKNOWN_FRAMES
    if not same or (known and frames / sound.samplerate != gathered.duration_s):
        raise changed(gathered.name)


def changed(name: str) -> RecordingError:
    """Say that a recording is no longer what it was when it was first looked at."""
    return RecordingError(f"{name} changed while it was read; start again when it is complete.")


def _resampled(
    streams: Mapping[int, soxr.ResampleStream], block: FloatArray, *, last: bool
) -> Iterator[tuple[int, FloatArray]]:
    for rate_hz, stream in streams.items():
        resampled = stream.resample_chunk(block, last=last)
        if len(resampled):
            yield rate_hz, resampled


def read(
    path: Path, *, start_s: float = 0.0, stop_s: float | None = None, channel: int | None = None
) -> tuple[FloatArray, int]:
    """Give the samples (n,) from `start_s` to `stop_s`, in seconds, and their own rate in Hz.

    They are exactly the samples `round(start_s * rate)` up to `round(stop_s * rate)`, clipped to
    the recording; the mean of the channels, or the `channel` counted from 1.

    Raises
    ------
    RecordingError
        For all that `blocks` refuses, as far as the recording is decoded for the window.
    """
    with open_sound(path, path.name) as opened:
        sound = opened.sound
        start = max(0, round(start_s * sound.samplerate))
        stop = sound.frames if stop_s is None else round(stop_s * sound.samplerate)
        size = _BLOCK_VALUES // sound.channels
        parts = list(_mono(opened, size, channel=channel, start=start, stop=stop))
        return np.concatenate([np.empty(0, np.float32), *parts]), sound.samplerate


def sha256(path: Path, name: str | None = None) -> str:
    """Give the SHA-256 of a file's bytes as hex digits; messages call it `name`.

    Raises
    ------
    RecordingError
        If the file cannot be read.
    """
    with open_file(path, name or path.name) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def state(path: Path, name: str) -> tuple[int, int]:
    """Give what tells two states of a file apart without reading it: bytes, and when it changed.

    Raises
    ------
    RecordingError
        If the file cannot be read.
    """
    with open_file(path, name) as stream:
        found = os.fstat(stream.fileno())
    return found.st_size, found.st_mtime_ns


def _mono(
    opened: OpenSound, size: int, *, channel: int | None, start: int = 0, stop: int | None = None
) -> Iterator[FloatArray]:
    """Give blocks (n,): the mean of the channels, or one of them; all of it finite."""
    name, sound = opened.name, opened.sound
    if channel is not None and not 1 <= channel <= sound.channels:
        raise RecordingError(
            f"{name} has {sound.channels} channel(s); there is no channel {channel}."
        )
    place = start
    for block in decoded(opened, size, start=start, stop=stop):
        heard = block if channel is None else block[:, channel - 1 : channel]
        with np.errstate(over="ignore", invalid="ignore"):  # reported below, with its place
            mono = heard[:, 0].copy()
            for other in range(1, heard.shape[1]):  # 20 times faster than mean(axis=1) for stereo
                mono += heard[:, other]
            mono /= heard.shape[1]
        finite = np.isfinite(mono)
        if not finite.all():
            first = int(np.argmin(finite))
            what = "NaN" if np.isnan(mono[first]) else "infinity"
            raise RecordingError(
                f"{name} holds {what} at {(place + first) / sound.samplerate:.3f} s; "
                "its samples must be finite numbers."
            )
        place += len(mono)
        if len(mono):
            yield mono
