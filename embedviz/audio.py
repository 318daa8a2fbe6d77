"""Recordings as streams: a file goes in, blocks of mono float32 at a wanted rate come out.

The content of a file decides what it is, never its extension, and no function here holds a whole
recording. Whatever is wrong with a file becomes one `RecordingError` that names the recording.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

from embedviz.data import FloatArray, Recording
from embedviz.errors import RecordingError

RATES_HZ = (4_000, 384_000)
MAX_CHANNELS = 32

_BLOCK_VALUES = 2**21  # samples x channels decoded at a time: 8 MiB, whatever `block_s` asks for
_UNKNOWN_FRAMES = 2**62  # libsndfile gives a FLAC without a length the largest count it has
_SLOPPY_BYTES = 44  # some writers count the WAV header as sound
_PLACEHOLDER_BYTES = 0x7FFF0000  # streaming recorders declare this or more before they know better
_LARGEST_OGG_PAGE = 65_536

# Only here does libsndfile land on the exact sample; MP3, Vorbis, Opus and GSM miss it or refuse.
_SEEKABLE = re.compile(r"PCM_|FLOAT|DOUBLE|ULAW|ALAW|ALAC_|IMA_ADPCM|MS_ADPCM")
_DECLARED = re.compile(
    r"^\s*(?:data|SSND|BODY|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE
)
_CONVERT = "convert it to WAV or FLAC, for example with ffmpeg"
_CHOOSE = "choose a recording"
_LOOKS = (
    (4, b"ftyp", "an MP4 or M4A file", _CONVERT),
    (0, b"\x1aE\xdf\xa3", "a WebM or Matroska file", _CONVERT),
    (0, b"\x30\x26\xb2\x75", "a Windows Media file", _CONVERT),
    (8, b"AVI ", "an AVI video", _CONVERT),
    (0, b"\xff\xf1", "an AAC file", _CONVERT),
    (0, b"\xff\xf9", "an AAC file", _CONVERT),
    (0, b"#!AMR", "an AMR file", _CONVERT),
    (0, b"wvpk", "a WavPack file", _CONVERT),
    (0, b"MAC ", "a Monkey's Audio file", _CONVERT),
    (0, b"MThd", "a MIDI file, which holds notes and no sound", _CHOOSE),
    (0, b"\x89PNG", "a PNG picture", _CHOOSE),
    (0, b"\xff\xd8\xff", "a JPEG picture", _CHOOSE),
    (0, b"GIF8", "a GIF picture", _CHOOSE),
    (0, b"%PDF", "a PDF document", _CHOOSE),
    (0, b"PK\x03\x04", "a ZIP archive", "unpack it first"),
    (0, b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (0, b"version https://git-lfs", "a Git LFS pointer", "fetch the file with git lfs pull"),
)


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
    with _opened(path, name or path.name) as opened:
        sound = opened.sound
        frames = sound.frames
        if frames >= _UNKNOWN_FRAMES:
            size = _BLOCK_VALUES // sound.channels
            frames = sum(len(block) for block in _decoded(opened, size))
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
        lacks, NaN or infinity, and sound that cannot be decoded to its end.
    """
    if isinstance(recording_or_path, Recording):
        path, name = recording_or_path.path, recording_or_path.name
    else:
        path, name = recording_or_path, recording_or_path.name
    with _opened(path, name) as opened:
        own_hz = opened.sound.samplerate
        size = max(1, min(round(block_s * own_hz), _BLOCK_VALUES // opened.sound.channels))
        mono = _mono(opened, size, channel=channel)
        if own_hz == rate_hz:
            yield from mono
            return
        stream = soxr.ResampleStream(own_hz, rate_hz, 1, dtype="float32", quality="HQ")
        for block in mono:
            resampled = stream.resample_chunk(block)
            if len(resampled):
                yield resampled
        rest = stream.resample_chunk(np.empty(0, np.float32), last=True)
        if len(rest):
            yield rest


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
    with _opened(path, path.name) as opened:
        sound = opened.sound
        start = max(0, round(start_s * sound.samplerate))
        stop = sound.frames if stop_s is None else round(stop_s * sound.samplerate)
        size = _BLOCK_VALUES // sound.channels
        parts = list(_mono(opened, size, channel=channel, start=start, stop=stop))
        return np.concatenate([np.empty(0, np.float32), *parts]), sound.samplerate


def sha256(path: Path) -> str:
    """Give the SHA-256 of a file's bytes as hex digits.

    Raises
    ------
    RecordingError
        If the file cannot be read.
    """
    with _stream(path, path.name) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class _Forward(sf.SoundFile):  # type: ignore[misc]
    """A sound that is read from its start to its end.

    soundfile seeks after each read of a seekable file. libsndfile's MP3 decoder loses its place
    when that happens, and the sound after each block is damaged.
    """

    def seekable(self) -> bool:
        return False


@dataclass(frozen=True)
class _Opened:
    name: str
    sound: _Forward
    stream: io.FileIO
    size: int
    """Bytes in the file."""


@contextmanager
def _stream(path: Path, name: str) -> Iterator[io.FileIO]:
    """Open a regular file; anything else (a folder, a pipe) would fail late or never return."""
    try:
        if not path.exists():
            raise RecordingError(f"{name} does not exist; looked for {path}.")
        if not path.is_file():
            raise RecordingError(f"{name} is not a file; {_CHOOSE}.")
        stream = io.FileIO(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecordingError(f"{name} cannot be read ({reason}).") from error
    with stream:
        yield stream


@contextmanager
def _opened(path: Path, name: str) -> Iterator[_Opened]:
    with _stream(path, name) as stream:
        size = stream.seek(0, io.SEEK_END)
        if size == 0:
            raise RecordingError(f"{name} is an empty file (0 bytes); nothing to embed.")
        stream.seek(0)
        stream.name = ""  # soundfile believes an extension such as .raw more than the content
        try:
            sound = _Forward(stream)
        except sf.LibsndfileError as error:
            raise RecordingError(_why_closed(stream, name, error)) from error
        with sound:
            opened = _Opened(name, sound, stream, size)
            _check_header(opened)
            yield opened


def _why_closed(stream: io.FileIO, name: str, error: sf.LibsndfileError) -> str:
    stream.seek(0)
    head = stream.read(4096)
    for offset, magic, what, advice in _LOOKS:
        if head.startswith(magic, offset):
            return f"{name} is not audio that can be read: it looks like {what}; {advice}."
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return f"{name} is not audio: it looks like an HTML page; download the recording itself."
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or not re.search(rb"[\x00-\x08\x0e-\x1f]", head):
        return f"{name} is not audio: it looks like plain text; {_CHOOSE}."
    reason = error.error_string.strip(" .")
    if "not recognised" in reason or "regular file" in reason:  # libsndfile's words for "no idea"
        return f"{name} is not audio that can be read; if it plays elsewhere, {_CONVERT}."
    return (
        f"{name} cannot be opened as audio ({reason}); it may be truncated or damaged, "
        f"and if it plays elsewhere, {_CONVERT}."
    )


def _check_header(opened: _Opened) -> None:
    name, sound = opened.name, opened.sound
    for declared, present in _DECLARED.findall(sound.extra_info):
        if int(present) + _SLOPPY_BYTES < int(declared) < _PLACEHOLDER_BYTES:
            raise _truncated(
                name, f"its header declares {int(declared):,} bytes and {int(present):,} are there"
            )
    if sound.format == "OGG" and not _ogg_ends(opened):
        raise _truncated(name, "its last Ogg page is not the end of the stream")
    if sound.frames == 0:
        raise RecordingError(f"{name} has 0 samples; nothing to embed.")
    lowest, highest = RATES_HZ
    if not lowest <= sound.samplerate <= highest:
        raise RecordingError(
            f"{name} has a rate of {sound.samplerate:,} Hz, outside {lowest:,} to {highest:,} Hz; "
            "check the file's header or resample it."
        )
    if sound.channels > MAX_CHANNELS:
        raise RecordingError(
            f"{name} has {sound.channels} channels, more than {MAX_CHANNELS}; split it first."
        )


def _truncated(name: str, reason: str) -> RecordingError:
    return RecordingError(f"{name} is truncated: {reason}; copy it again from its source.")


def _ogg_ends(opened: _Opened) -> bool:
    """Tell whether the last page is whole and marked as the end of its stream."""
    place = opened.stream.tell()
    opened.stream.seek(max(0, opened.size - _LARGEST_OGG_PAGE))
    tail = opened.stream.read(_LARGEST_OGG_PAGE)
    opened.stream.seek(place)
    page = tail[tail.rfind(b"OggS") :] if b"OggS" in tail else b""
    if not page:
        return True
    segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
    whole = len(page) > 26 and len(page) >= 27 + page[26] + sum(segments)
    return whole and bool(page[5] & 4)


def _decoded(
    opened: _Opened, size: int, *, start: int = 0, stop: int | None = None
) -> Iterator[FloatArray]:
    """Give blocks (<= size, channels) of the samples from `start` to `stop`."""
    name, sound = opened.name, opened.sound
    end = sound.frames if stop is None else min(stop, sound.frames)
    place = 0
    try:
        if 0 < start < end and _SEEKABLE.match(sound.subtype):
            place = sound.seek(start)
        while place < end:
            block = sound.read(min(size, end - place), dtype="float32", always_2d=True)
            if not len(block):
                break
            yield block[max(0, start - place) :]
            place += len(block)
    except sf.LibsndfileError as error:
        reason = error.error_string.removeprefix("Error :").strip(" .")
        first_s, last_s = place / sound.samplerate, (place + size) / sound.samplerate
        raise RecordingError(
            f"{name} cannot be decoded between {first_s:.2f} s and {last_s:.2f} s ({reason}); "
            "it is truncated or damaged, copy it again from its source."
        ) from error
    if end == sound.frames and start < end:
        _check_end(opened, place)


def _check_end(opened: _Opened, place: int) -> None:
    """Compare the samples decoded with those that the header declared."""
    name, sound, rate = opened.name, opened.sound, opened.sound.samplerate
    missing = 0 if sound.frames >= _UNKNOWN_FRAMES else sound.frames - place
    if sound.format == "MP3":
        # An MP3 without a Xing header has only an estimate; libsndfile decodes no further than it.
        unread_s = (opened.size / max(1, opened.stream.tell()) - 1) * place / rate
        states_length = _mp3_states_length(opened.stream)
        if not states_length and unread_s > max(0.5, 0.05 * place / rate):
            raise RecordingError(
                f"{name} does not state its length and goes on after the estimated "
                f"{place / rate:.2f} s; write it again, for example with ffmpeg -c copy."
            )
        if not states_length or missing <= max(0.5 * rate, 0.05 * sound.frames):
            missing = 0
    if missing > 0:
        raise _truncated(
            name,
            f"its header declares {sound.frames / rate:.2f} s and {place / rate:.2f} s are there",
        )


def _mp3_states_length(stream: io.FileIO) -> bool:
    """Tell whether the first frame, after any ID3 tag, holds a count of frames."""
    start = 0
    stream.seek(start)
    tag = stream.read(10)
    if tag[:3] == b"ID3":
        size = int.from_bytes(tag[6:], "big")  # seven bits to a byte
        start = 10 + sum((size >> (8 * i) & 127) << (7 * i) for i in range(4))
    stream.seek(start)
    frame = stream.read(2048)
    return any(mark in frame for mark in (b"Xing", b"Info", b"VBRI"))


def _mono(
    opened: _Opened, size: int, *, channel: int | None, start: int = 0, stop: int | None = None
) -> Iterator[FloatArray]:
    """Give blocks (n,): the mean of the channels, or one of them; all of it finite."""
    name, sound = opened.name, opened.sound
    if channel is not None and not 1 <= channel <= sound.channels:
        raise RecordingError(
            f"{name} has {sound.channels} channel(s); there is no channel {channel}."
        )
    place = start
    for block in _decoded(opened, size, start=start, stop=stop):
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
