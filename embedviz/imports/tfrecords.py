"""Records of TensorFlow's TFRecord files, read without TensorFlow.

A record is the length of its data (8 bytes), a checksum of that length, the data, and a checksum
of the data, all little-endian; the checksums are CRC-32C, turned and shifted by a constant.
https://www.tensorflow.org/tutorials/load_data/tfrecord
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from embedviz.errors import SetError

MOST_RECORD_BYTES = 64 << 20

_HEAD = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")


def records(path: Path) -> Iterator[bytes]:
    """Give the data of each record of a file.

    Raises
    ------
    SetError
        If the file is none of the kind, is cut short, or a checksum is wrong.
    """
    try:
        with path.open("rb") as file:
            at = 0
            while head := file.read(_HEAD.size):
                data = b""
                if len(head) == _HEAD.size and _is_whole(head[:8], head[8:]):
                    length = _HEAD.unpack(head)[0]
                    if length > MOST_RECORD_BYTES:
                        raise SetError(f"{path.name} has a record of {length:,} bytes at {at:,}.")
                    data = file.read(length + _CHECKSUM.size)
                    if len(data) == length + 4 and _is_whole(data[:-4], data[-4:]):
                        yield data[:-4]
                        at += len(head) + len(data)
                        continue
                raise SetError(
                    f"{path.name} is no TFRecord file, or is damaged at its byte {at:,}; copy it "
                    "again from its source."
                )
    except OSError as problem:
        raise SetError(f"{path} cannot be read: {problem.strerror or problem}.") from problem


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


_CRC = _table()


def masked_crc(data: bytes) -> int:
    """Give the checksum that TFRecord files store of some data."""
    crc, table = 0xFFFFFFFF, _CRC
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _is_whole(data: bytes, checksum: bytes) -> bool:
    return checksum == _CHECKSUM.pack(masked_crc(data))
