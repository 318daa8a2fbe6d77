"""Thumbnails for a page: sheets of 8 x 8, as large and as fine as a budget allows.

A sheet is a PNG with a palette whose bytes always lie in the same place, so that the page changes
colours by writing another palette there.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from embedviz.data import ByteArray
from embedviz.onefile.code import in_file
from embedviz.thumbnails import Colours, picture

ACROSS = 8
PER_SHEET = ACROSS * ACROSS
SMALL_PX = (48, 24)
"""Largest width and height of a picture in a list."""
PALETTE_AT = 33
"""The byte of a sheet at which the palette's chunk begins."""
# Scale of both sides, and shades: fewer shades are seen less than fewer pixels.
STEPS = ((1.0, 256), (1.0, 32), (0.75, 32), (0.5, 32), (0.375, 32), (0.25, 32), (0.1875, 32))
_LOOKED_AT = 4
_COMPRESSION = 6
_GREY, _PALETTE = 0, 3

Tell = Callable[[float], None]
"""Is told the share that is done, 0 to 1."""


@dataclass(frozen=True)
class Pictures:
    """Sheets and what is on them."""

    sheets: tuple[bytes, ...]
    frames: int
    bands: int
    shades: int

    @property
    def layout(self) -> dict[str, Any]:
        """What the page must know to cut rows out of sheets."""
        width, height = SMALL_PX
        scale = min(width / self.frames, height / self.bands, 1.0)
        small = {
            "frames": max(1, round(self.frames * scale)),
            "bands": max(1, round(self.bands * scale)),
        }
        whole = {"frames": self.frames, "bands": self.bands, "perSheet": PER_SHEET}
        return {**whole, "small": {**small, "perSheet": PER_SHEET}}


def pictures(thumbnails: ByteArray, budget_bytes: int, tell: Tell) -> Pictures | None:
    """Draw all thumbnails (N, frames, bands), reduced until they fit; None where they never do."""
    frames, bands = thumbnails.shape[1:]
    for scale, shades in STEPS:
        shape = (max(1, round(frames * scale)), max(1, round(bands * scale)))
        if _expected(thumbnails, shape, shades) <= budget_bytes:
            firsts = range(0, len(thumbnails), PER_SHEET)
            sheets = []
            for number, first in enumerate(firsts):
                sheets.append(_sheet(thumbnails[first : first + PER_SHEET], shape, shades))
                tell((number + 1) / len(firsts))
            return Pictures(tuple(sheets), *shape, shades)
    return None


def palette_chunk(colours: Colours) -> bytes:
    """Give the chunk of a PNG that holds the colours from quiet to loud."""
    ramp = np.arange(256, dtype=np.uint8)[:, np.newaxis]
    return _chunk(b"PLTE", picture(ramp, colours=colours).convert("RGB").tobytes())


def _expected(thumbnails: ByteArray, shape: tuple[int, int], shades: int) -> float:
    """Give the bytes that all sheets would take, judged by a few."""
    count = -(-len(thumbnails) // PER_SHEET)
    some = np.unique(np.linspace(0, count - 1, _LOOKED_AT).round().astype(int))
    blocks = [thumbnails[i * PER_SHEET : (i + 1) * PER_SHEET] for i in some]
    size = sum(in_file(_sheet(block, shape, shades)) for block in blocks)
    return size * len(thumbnails) / sum(map(len, blocks))


def _sheet(cells: ByteArray, shape: tuple[int, int], shades: int) -> bytes:
    reduced = _reduced(cells, shape)
    if shades < 256:
        steps = np.rint(np.arange(256) * ((shades - 1) / 255)) * (255 / (shades - 1))
        reduced = np.rint(steps).astype(np.uint8)[reduced]
    grid = np.zeros((PER_SHEET, *shape), np.uint8)
    grid[: len(reduced)] = reduced
    # Time to the right, high bands on top.
    upright = grid.reshape(ACROSS, ACROSS, *shape).transpose(0, 3, 1, 2)[:, ::-1]
    frames, bands = shape
    return _png(np.ascontiguousarray(upright).reshape(ACROSS * bands, ACROSS * frames))


def _reduced(cells: ByteArray, shape: tuple[int, int]) -> ByteArray:
    count, frames, bands = cells.shape
    if shape == (frames, bands):
        return cells
    # All cells as one high picture: its height shrinks by whole cells, so that none mix.
    high = Image.fromarray(np.ascontiguousarray(cells).reshape(count * frames, bands))
    shrunk = high.resize((shape[1], count * shape[0]), Image.Resampling.BOX)
    return np.asarray(shrunk).reshape(count, *shape)


def _png(levels: ByteArray) -> bytes:
    """Write levels as a PNG with a palette.

    Pillow compresses greys well and palettes badly; the bytes of their pixels are the same.
    """
    content = io.BytesIO()
    Image.fromarray(levels).save(content, "PNG", compress_level=_COMPRESSION)
    grey = content.getvalue()
    head = bytearray(grey[16:29])
    assert head[9] == _GREY, "Pillow wrote something else than 8-bit greys"
    head[9] = _PALETTE
    return (
        grey[:8] + _chunk(b"IHDR", bytes(head)) + palette_chunk("inverted grey") + grey[PALETTE_AT:]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + _checked(kind + content)


def _checked(content: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(content))
