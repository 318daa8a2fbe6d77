"""How the projector cuts its text files into lines and reads numbers in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from embedviz.projector.findings import Notes

CHUNK_BYTES = 1_000_000
"""The projector reads its text files in pieces of this size."""

_BLOCK_BYTES = 8 << 20
_LONGEST_LINE = 64 << 20
_SPACE = " \t\n\v\f\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_STRIPPED = re.compile(f"^[{_SPACE}]+|[{_SPACE}]+$")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_PREFIXED = re.compile(r"0([xX][\da-fA-F]+|[oO][0-7]+|[bB][01]+)")


def javascript_number(text: str) -> float | None:
    """Give what `Number(text)` is in a browser, or None for its NaN; blank text is 0."""
    bare = strip(text)
    if not bare:
        return 0.0
    if _DECIMAL.fullmatch(bare):
        return float(bare)
    if _PREFIXED.fullmatch(bare):
        return float(int(bare, 0))
    return {"Infinity": 1, "+Infinity": 1, "-Infinity": -1}.get(bare) and float(bare)


def strip(text: str) -> str:
    """Remove what a browser's `trim()` removes."""
    return _STRIPPED.sub("", text)


class Lines:
    """Reads a file in blocks of whole lines, then tells whether its end is one that can be read."""

    def __init__(self, stream: IO[bytes], where: str, notes: Notes) -> None:
        self._stream, self._where, self._notes = stream, where, notes
        self._size = 0
        self._last_break = -1

    def blocks(self) -> Iterator[bytes]:
        """Give blocks that end with a line, and note a file whose end would be lost."""
        while block := self._stream.read(_BLOCK_BYTES):
            block += self._stream.readline(_LONGEST_LINE)
            found = block.rfind(b"\n")
            if found >= 0:
                self._last_break = self._size + found
            self._size += len(block)
            yield block
        self._check_end()

    def _check_end(self) -> None:
        size, where = self._size, self._where
        if size == 0:
            self._notes.error(where, "It is empty; the projector would wait for it without end.")
        elif self._last_break == size - 1:
            return
        elif self._last_break >= 0 and size > 1 and size % CHUNK_BYTES == 1:
            self._notes.error(
                where,
                "The projector would lose its last character, because the file has one byte over "
                "whole millions and no final newline; end the last line with one.",
            )
        elif self._last_break < (size - 1) // CHUNK_BYTES * CHUNK_BYTES:
            self._notes.error(
                where,
                "The projector would load it without end: it reads 1,000,000 bytes at a time, and "
                "the last of these pieces has no newline. End the last line with one.",
            )
        else:
            self._notes.warning(
                where,
                "It lacks a final newline; the projector loses the end of such files at some "
                "sizes, so end the last line with one.",
            )
