"""What the bytes of a sound file say of its length, where libsndfile does not tell.

Every function leaves the stream where it found it: libsndfile goes on reading there.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from embedviz.errors import RecordingError

_LARGEST_OGG_PAGE = 65_536
_WAV_HOLDS_BYTES = 0xFFFFFFFF  # its sizes have 32 bits
_CHUNK_HEADER_BYTES = 8
# Bytes behind the last chunk of a WAV that are no sound: some recorders fill up their last block.
_STRAY_BYTES = 4_000_000
_STRAY_WHERE_SIZES_FAIL_BYTES = 4_096
_REWRITE = "ffmpeg -ignore_length 1 -i in.wav -c copy -rf64 auto out.wav"


@contextmanager
def _kept_place(stream: io.FileIO) -> Iterator[None]:
    place = stream.tell()
    try:
        yield
    finally:
        stream.seek(place)


def ogg_ends(stream: io.FileIO, size: int) -> bool:
    """Tell whether the last page of an Ogg of `size` bytes is whole and marked as the end."""
    with _kept_place(stream):
        stream.seek(max(0, size - _LARGEST_OGG_PAGE))
        tail = stream.read(_LARGEST_OGG_PAGE)
    page = tail[tail.rfind(b"OggS") :] if b"OggS" in tail else b""
    if not page:
        return True
    segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
    whole = len(page) > 26 and len(page) >= 27 + page[26] + sum(segments)
    return whole and bool(page[5] & 4)


def mp3_states_length(stream: io.FileIO) -> bool:
    """Tell whether the first frame, after any ID3 tag, holds a count that libsndfile takes.

    It takes that of a Xing or LAME header; it does not know a VBRI header.
    """
    start = 0
    with _kept_place(stream):
        stream.seek(start)
        tag = stream.read(10)
        if tag[:3] == b"ID3":
            size = int.from_bytes(tag[6:], "big")  # seven bits to a byte
            start = 10 + sum((size >> (8 * i) & 127) << (7 * i) for i in range(4))
        stream.seek(start)
        frame = stream.read(2048)
    for mark in (b"Xing", b"Info"):
        place = frame.find(mark)
        if place >= 0:
            return bool(int.from_bytes(frame[place + 4 : place + 8], "big") & 1)
    return False


def check_wav(stream: io.FileIO, size: int, name: str) -> None:
    """Refuse a plain WAV of `size` bytes that holds more sound than its header can or does say.

    Raises
    ------
    RecordingError
        If more follows on the sound than the chunks of a WAV, so that it would be heard in part.
    """
    with _kept_place(stream):
        declared, stray = _sound_and_stray(stream, size)
    if declared == 0 and stray > _STRAY_WHERE_SIZES_FAIL_BYTES:
        raise RecordingError(
            f"{name} has {size / 1e6:,.1f} MB, though its header claims no sound, as where a "
            "recorder was stopped before it could write the length; repair it, for example with "
            f"{_REWRITE}."
        )
    if size > _WAV_HOLDS_BYTES and stray > _STRAY_WHERE_SIZES_FAIL_BYTES:
        raise RecordingError(
            f"{name} is a plain WAV of {size / 1e9:.2f} GB, whose header can say no more than "
            f"4 GB, and {stray / 1e6:,.1f} MB of it would not be heard; write it as RF64, W64 or "
            f"FLAC or in parts, for example with {_REWRITE}."
        )
    if stray > _STRAY_BYTES:
        raise RecordingError(
            f"{name} goes on for {stray / 1e6:,.1f} MB after the {declared / 1e6:,.1f} MB of sound "
            f"that its header declares; write it again with its length, for example with "
            f"{_REWRITE}."
        )


def _sound_and_stray(stream: io.FileIO, size: int) -> tuple[int, int]:
    """Give the bytes that the data chunk declares, and those behind it that are in no chunk."""
    stream.seek(0)
    head = stream.read(12)
    if head[:4] not in (b"RIFF", b"RIFX"):
        return 0, 0
    order: Literal["big", "little"] = "big" if head[:4] == b"RIFX" else "little"
    # Where the file was cut behind the sound, its last chunk ends where the header says.
    end = max(size, 8 + int.from_bytes(head[4:8], order))
    place, declared = len(head), None
    while size - place >= _CHUNK_HEADER_BYTES:
        stream.seek(place)
        chunk = stream.read(_CHUNK_HEADER_BYTES)
        length = int.from_bytes(chunk[4:], order)
        behind = place + len(chunk) + length
        if chunk[:4] == b"data" and declared is None:
            declared = length
        elif behind > end or not _is_name(chunk[:4]):
            break
        stream.seek(behind)
        # A zero fills an odd chunk up, which not every writer knows.
        place = behind + (length % 2 and stream.read(1) == b"\0")
    return (0, 0) if declared is None else (declared, max(0, size - place))


def _is_name(four: bytes) -> bool:
    """Tell whether a chunk could be called so, which takes printable ASCII."""
    return all(32 <= byte < 127 for byte in four)
