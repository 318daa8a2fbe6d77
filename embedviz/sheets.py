"""Sprite sheets for the map: many pictures of rows in one PNG, small enough to ask for in passing.

Row i of a set is on sheet i // 64 of level `full`, whose 8 x 8 cells are filled row by row and show
one pixel per frame and band, or on sheet i // 1024 of level `small`, 32 x 32 cells for lists.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from embedviz.data import ByteArray
from embedviz.errors import EmbedvizError
from embedviz.thumbnails import Colours, picture

ACROSS: Mapping[str, int] = {"full": 8, "small": 32}
"""Level -> cells along each side of a sheet."""
SMALL_PX = (48, 24)
"""Largest width and height of a cell of level `small`."""
# The sheets of a passing pointer are asked for one after the other: level 1 takes 7 ms for a sheet
# of 768 x 512 pixels, a third less than zlib's usual one, and gives hardly more bytes.
_COMPRESSION = 1


def sheet(thumbnails: ByteArray, level: str, index: int, colours: Colours) -> bytes:
    """Draw one sheet as a PNG; cells beyond the last row are quiet.

    Parameters
    ----------
    thumbnails
        (N, frames, bands) of the whole set.

    Raises
    ------
    EmbedvizError
        There is no such level or sheet.
    """
    if level not in ACROSS:
        raise EmbedvizError(f"{level!r} is no level of pictures; {' and '.join(ACROSS)} are.")
    across = ACROSS[level]
    first = index * across**2
    if not 0 <= first < len(thumbnails):
        raise EmbedvizError(f"The set has no sheet {index} of level {level}.")
    cells = thumbnails[first : first + across**2]
    return png(_laid_out(_small(cells) if level == "small" else cells, across), colours)


def layout(thumbnails: ByteArray) -> dict[str, Any]:
    """Give what a browser must know to cut rows out of sheets: the sizes of cells in pixels."""
    frames, bands = thumbnails.shape[1:]
    small_frames, small_bands = _small_shape(frames, bands)
    small = {"frames": small_frames, "bands": small_bands, "perSheet": ACROSS["small"] ** 2}
    return {"frames": frames, "bands": bands, "perSheet": ACROSS["full"] ** 2, "small": small}


def png(pixels: ByteArray, colours: Colours) -> bytes:
    """Write levels (height, width), 0 for quiet to 255 for loud, as a PNG with a palette."""
    image = Image.fromarray(pixels)
    image.putpalette(_palette(colours))
    content = io.BytesIO()
    image.save(content, "PNG", compress_level=_COMPRESSION)
    return content.getvalue()


def _laid_out(cells: ByteArray, across: int) -> ByteArray:
    """Give (across * bands, across * frames) pixels: time to the right, high bands on top."""
    count, frames, bands = cells.shape
    grid = np.zeros((across * across, frames, bands), np.uint8)
    grid[:count] = cells
    upright = grid.reshape(across, across, frames, bands).transpose(0, 3, 1, 2)[:, ::-1]
    return upright.reshape(across * bands, across * frames)


def _small(cells: ByteArray) -> ByteArray:
    """Average cells (n, frames, bands) down for lists."""
    count, frames, bands = cells.shape
    small_frames, small_bands = _small_shape(frames, bands)
    # All cells as one high picture: its height shrinks by whole cells, so that none mixes with the
    # next, and Pillow is twice as fast as NumPy.
    high = Image.fromarray(cells.reshape(count * frames, bands))
    shrunk = high.resize((small_bands, count * small_frames), Image.Resampling.BOX)
    return np.asarray(shrunk).reshape(count, small_frames, small_bands)


def _small_shape(frames: int, bands: int) -> tuple[int, int]:
    width, height = SMALL_PX
    scale = min(width / frames, height / bands, 1.0)
    return max(1, round(frames * scale)), max(1, round(bands * scale))


@cache
def _palette(colours: Colours) -> bytes:
    """Give 256 times red, green and blue: what the picture of a ramp from quiet to loud shows."""
    ramp = np.arange(256, dtype=np.uint8)[:, np.newaxis]
    return picture(ramp, colours=colours).convert("RGB").tobytes()
