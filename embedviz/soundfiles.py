"""Opening and decoding a sound file, whatever libsndfile does with it.

The content of a file decides what it is, never its extension. Whatever is wrong with a file
becomes one `RecordingError` that names the recording.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import soundfile as sf

from embedviz.data import FloatArray
from embedviz.errors import RecordingError
from embedviz.headers import check_wav, mp3_states_length, ogg_ends
from embedviz.openfiles import CHOOSE, open_file

RATES_HZ = (4_000, 384_000)
MAX_CHANNELS = 32

UNKNOWN_FRAMES = 2**62  # libsndfile gives a FLAC without a length the largest count it has
_SLOPPY_BYTES = 44  # some writers count the WAV header as sound
_PLACEHOLDER_BYTES = 0x7FFF0000  # streaming recorders declare this or more before they know better
_MP3_DELAY_S = 0.25  # some encoders count the frame of the header and their delay as sound

# Only here does libsndfile land on the exact sample; MP3, Vorbis, Opus and GSM miss it or refuse.
_SEEKABLE = re.compile(r"PCM_|FLOAT|DOUBLE|ULAW|ALAW|ALAC_|IMA_ADPCM|MS_ADPCM")
_DECLARED = re.compile(
    r"^\s*(?:data|SSND|BODY|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE
)
_CONVERT = "convert it to WAV or FLAC, for example with ffmpeg"
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
    (0, b"MThd", "a MIDI file, which holds notes and no sound", CHOOSE),
    (0, b"\x89PNG", "a PNG picture", CHOOSE),
    (0, b"\xff\xd8\xff", "a JPEG picture", CHOOSE),
    (0, b"GIF8", "a GIF picture", CHOOSE),
    (0, b"%PDF", "a PDF document", CHOOSE),
    (0, b"PK\x03\x04", "a ZIP archive", "unpack it first"),
    (0, b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (0, b"version https://git-lfs", "a Git LFS pointer", "fetch the file with git lfs pull"),
)


class _Forward(sf.SoundFile):  # type: ignore[misc]
    """A sound that is read from its start to its end.

    soundfile seeks after each read of a seekable file. libsndfile's MP3 decoder loses its place
    when that happens, and the sound after each block is damaged.
    """

    def seekable(self) -> bool:
        return False


@dataclass(frozen=True)
class OpenSound:
    """A file that libsndfile has opened and whose header was found in order."""

    name: str
    sound: _Forward
    stream: io.FileIO
    size: int
    """Bytes in the file."""


@contextmanager
def open_sound(path: Path, name: str) -> Iterator[OpenSound]:
    """Open a file as sound by its content; messages call it `name`.

    Raises
    ------
    RecordingError
        If it cannot be opened, is truncated as far as its header tells, holds no sample, or its
        rate or number of channels is outside `RATES_HZ` and `MAX_CHANNELS`.
    """
    with open_file(path, name) as stream:
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
            opened = OpenSound(name, sound, stream, size)
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
        return f"{name} is not audio: it looks like plain text; {CHOOSE}."
    reason = error.error_string.strip(" .")
    if "not recognised" in reason or "regular file" in reason:  # libsndfile's words for "no idea"
        return f"{name} is not audio that can be read; if it plays elsewhere, {_CONVERT}."
    return (
        f"{name} cannot be opened as audio ({reason}); it may be truncated or damaged, "
        f"and if it plays elsewhere, {_CONVERT}."
    )


def _check_header(opened: OpenSound) -> None:
    name, sound = opened.name, opened.sound
    for declared, present in _DECLARED.findall(sound.extra_info):
        if int(present) + _SLOPPY_BYTES < int(declared) < _PLACEHOLDER_BYTES:
            raise _truncated(
                name, f"its header declares {int(declared):,} bytes and {int(present):,} are there"
            )
    if sound.format == "OGG" and not ogg_ends(opened.stream, opened.size):
        raise _truncated(name, "its last Ogg page is not the end of the stream")
    if sound.format in ("WAV", "WAVEX"):
        check_wav(opened.stream, opened.size, name)
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


def decoded(
    opened: OpenSound, size: int, *, start: int = 0, stop: int | None = None
) -> Iterator[FloatArray]:
    """Give blocks (<= size, channels) of float32, the samples from `start` to `stop`.

    Raises
    ------
    RecordingError
        Where the file cannot be decoded as far as its header declares.
    """
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


def _check_end(opened: OpenSound, place: int) -> None:
    """Compare the samples decoded with those that the header declared."""
    name, sound, rate = opened.name, opened.sound, opened.sound.samplerate
    missing = 0 if sound.frames >= UNKNOWN_FRAMES else sound.frames - place
    if sound.format == "MP3":
        states_length = mp3_states_length(opened.stream)
        # Without a Xing header there is only an estimate; libsndfile decodes no further than it.
        unread_s = (opened.size / max(1, opened.stream.tell()) - 1) * place / rate
        if not states_length and unread_s > max(0.5, 0.05 * place / rate):
            raise RecordingError(
                f"{name} does not state its length and goes on after the estimated "
                f"{place / rate:.2f} s; write it again, for example with ffmpeg -c copy."
            )
        if not states_length or missing <= _MP3_DELAY_S * rate:
            missing = 0
    if missing > 0:
        raise _truncated(
            name,
            f"its header declares {sound.frames / rate:.2f} s and {place / rate:.2f} s are there",
        )
