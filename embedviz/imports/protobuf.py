"""The wire format of protocol buffers, as far as reading a message without its schema takes.

https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_VARINT = 10

Field = tuple[int, int | bytes]
"""The number of a field and its value: an integer, or the bytes of anything else."""


def fields(message: bytes) -> Iterator[Field]:
    """Give the fields of a protocol buffer in their order.

    Raises
    ------
    ValueError
        If the bytes are no such message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _LENGTH:
            length, at = _varint(message, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if length > len(message) - at:
            raise ValueError("a field that is longer than its message")
        yield number, message[at : at + length]
        at += length


def submessages(message: bytes, wanted: int) -> Iterator[bytes]:
    """Give the bytes of every field of one number; fields of other kinds are left out."""
    for number, value in fields(message):
        if number == wanted and isinstance(value, bytes):
            yield value


def varints(packed: bytes) -> list[int]:
    """Give the integers that lie one after the other in packed bytes."""
    found, at = [], 0
    while at < len(packed):
        value, at = _varint(packed, at)
        found.append(value)
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_LONGEST_VARINT):
        if at + place >= len(message):
            break
        byte = message[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number without an end")
