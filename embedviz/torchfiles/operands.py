"""The bytes of a pickle, taken apart into the operands of its instructions.

Lengths in the file are claims: nothing is reserved for more bytes than are left.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from embedviz.torchfiles.values import Refused

_MAX_LINE = 1024


class Source:
    """A stretch of an open file that never gives more, nor reserves more, than it has left."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self._left = left

    def read(self, count: int) -> bytes:
        """Give exactly `count` bytes.

        Raises
        ------
        Refused
            If there are not so many left.
        """
        if not 0 <= count <= self._left:
            raise Refused
        data = self._file.read(count)
        if len(data) != count:
            raise Refused
        self._left -= count
        return data

    def number(self, layout: str) -> Any:  # noqa: ANN401 (int or float, as the layout says)
        """Give one number of a `struct` layout."""
        return struct.unpack(layout, self.read(struct.calcsize(layout)))[0]

    def line(self) -> str:
        """Give the ASCII text up to the next line break, without it.

        Raises
        ------
        Refused
            If the line is overlong, not ASCII or the file ends before.
        """
        data = self._file.readline(min(self._left, _MAX_LINE))
        self._left -= len(data)
        if not data.endswith(b"\n") or not data.isascii():
            raise Refused
        return data[:-1].decode("ascii")


def _whole(layout: str) -> Callable[[Source], int]:
    return lambda source: int(source.number(layout))


def _raw(length: str) -> Callable[[Source], bytes]:
    return lambda source: source.read(source.number(length))


def _text(length: str, encoding: str = "utf-8") -> Callable[[Source], str]:
    def read(source: Source) -> str:
        try:
            return source.read(source.number(length)).decode(encoding)
        except UnicodeDecodeError:
            raise Refused from None

    return read


def _long(length: str) -> Callable[[Source], int]:
    def read(source: Source) -> int:
        count = source.number(length)
        if not 0 <= count <= _MAX_LINE:
            raise Refused
        return int.from_bytes(source.read(count), "little", signed=True)

    return read


def _decimal(source: Source) -> int | bool:
    """Read what Python 2 writes for whole numbers of more than 32 bits, or for old truth values."""
    digits = source.line()
    if digits in ("00", "01"):
        return digits == "01"
    try:
        return int(digits[:32])
    except ValueError:
        raise Refused from None


# Python 2's byte strings come as text: names are ASCII, and NumPy's bytes are turned back.
VALUES: dict[str, Callable[[Source], Any]] = {
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "INT": _decimal,
    "BININT": _whole("<i"),
    "BININT1": _whole("<B"),
    "BININT2": _whole("<H"),
    "LONG1": _long("<B"),
    "LONG4": _long("<i"),
    "BINFLOAT": lambda source: source.number(">d"),
    "SHORT_BINSTRING": _text("<B", "latin-1"),
    "BINSTRING": _text("<i", "latin-1"),
    "SHORT_BINUNICODE": _text("<B"),
    "BINUNICODE": _text("<I"),
    "BINUNICODE8": _text("<Q"),
    "SHORT_BINBYTES": _raw("<B"),
    "BINBYTES": _raw("<I"),
    "BINBYTES8": _raw("<Q"),
    "EMPTY_LIST": lambda _: [],
    "EMPTY_DICT": lambda _: {},
    "EMPTY_TUPLE": lambda _: (),
}

REMEMBER = {"BINPUT": _whole("<B"), "LONG_BINPUT": _whole("<I")}
RECALL = {"BINGET": _whole("<B"), "LONG_BINGET": _whole("<I")}
