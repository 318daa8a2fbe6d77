"""Text files whose letters stay whole where the projector cuts them.

It decodes each 1,000,000 bytes by themselves, which breaks a letter that lies across such a border.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

CHUNK_BYTES = 1_000_000

_DECIMAL = re.compile(rb"-?\d{1,15}(?:\.\d*)?")


def whole_letters(lines: Sequence[bytes], paddable: Sequence[int]) -> list[bytes]:
    """Give lines that no border breaks a letter of, by moving them a byte or two.

    Parameters
    ----------
    lines
        UTF-8 with a newline each, the first a header. Lines of plain ASCII stay as they are.
    paddable
        The columns of numbers, best first. The line before a border gets zeros at the end of such
        a number, which stays what it was; without any, a blank line is written, which readers skip.
    """
    moved: list[bytes] = []
    offset = 0
    for line in lines:
        border = CHUNK_BYTES - offset % CHUNK_BYTES
        over = 0
        while border < len(line) and line[border - over] & 0xC0 == 0x80:
            over += 1
        if over and len(moved) > 1:
            padded = _padded(moved[-1], paddable, over)
            offset += len(padded) - len(moved[-1])
            moved[-1] = padded
        offset += len(line)
        moved.append(line)
    return moved


def _padded(line: bytes, columns: Sequence[int], by: int) -> bytes:
    cells = line.removesuffix(b"\n").split(b"\t")
    for column in columns:
        if _DECIMAL.fullmatch(cells[column]):
            point = b"" if b"." in cells[column] else b"."
            cells[column] += point.ljust(by, b"0") if point else b"0" * by
            return b"\t".join(cells) + b"\n"
    return line + b"\n" * by
