"""Pictures of what a model heard: patches to thumbnails, thumbnails to pictures and sprite sheets.

A patch and its thumbnail are indexed (frames, bands), lowest band first; a picture has time to the
right and the highest band on top.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from embedviz.data import ByteArray, FloatArray
from embedviz.errors import BundleError

Colours = Literal["grey", "inverted grey", "magma", "viridis"]

LONGEST_AXIS = 128
LARGEST_SHEET_PX = 8192
"""The projector refuses to load anything beside a larger sprite sheet."""
PREFERRED_SHEET_PX = 4096
"""Some graphics cards hold no larger texture."""
LARGEST_CELL_PX = 64
CLEAR_CELL_PX = 32
"""Below this a spectrogram is hard to tell from its neighbours."""
SMALLEST_CELL_PX = 16
MOST_WINDOWS = (LARGEST_SHEET_PX // SMALLEST_CELL_PX) ** 2
MOST_CLEAR_WINDOWS = (LARGEST_SHEET_PX // CLEAR_CELL_PX) ** 2
"""More windows than this fit a sheet only in cells too small to be told apart."""
FRAME_PX = 2
SMALLEST_FRAMED_PX = 8

_WHITE = 255
_BLOCK_ROWS = 512


@dataclass(frozen=True)
class Sprite:
    """A sheet of `columns` x `columns` square cells; cell i, counted row by row, shows row i."""

    image: Image.Image
    cell_px: int
    columns: int


def to_thumbnails(
    patches: npt.NDArray[Any], patch_range: tuple[float, float], *, frames: int | None = None
) -> ByteArray:
    """Give the bytes that stand for patches on screen.

    Parameters
    ----------
    patches
        (N, frames, bands), in the model's own unit.
    patch_range
        The two patch values that become 0 and 255; values beyond them are clipped.
    frames
        How many frames to give, where patches of different lengths must fit together.

    Returns
    -------
    ByteArray
        (N, frames', bands'); an axis longer than 128 is averaged down to 128.

    Raises
    ------
    ValueError
        If the range does not go from a lower to a higher value.
    """
    low, high = patch_range
    if not low < high:
        raise ValueError(f"The patch range {low} to {high} is empty; the second must be higher.")
    count, found, bands = patches.shape
    shape = (frames or min(found, LONGEST_AXIS), min(bands, LONGEST_AXIS))
    thumbnails = np.empty((count, *shape), np.uint8)
    for first in range(0, count, _BLOCK_ROWS):
        block = patches[first : first + _BLOCK_ROWS].astype(np.float32)
        block -= np.float32(low)
        block *= np.float32(_WHITE / (high - low))
        np.clip(block, 0, _WHITE, out=block)
        # A NaN has no defined byte; show it as silence.
        np.nan_to_num(block, copy=False)
        thumbnails[first : first + _BLOCK_ROWS] = np.rint(_resized(block, shape))
    return thumbnails


def picture(
    thumbnail: ByteArray, *, colours: Colours = "grey", size: tuple[int, int] | None = None
) -> Image.Image:
    """Draw one thumbnail with time to the right and high bands on top.

    Parameters
    ----------
    thumbnail
        (frames, bands), 0 for quiet to 255 for loud.
    colours
        `grey` (quiet is black), `inverted grey` (quiet is white), `magma` or `viridis`.
    size
        Width and height in pixels; None draws one pixel per frame and band.

    Returns
    -------
    Image.Image
        Mode `L` for greys, `RGB` for colours.
    """
    upright = np.ascontiguousarray(thumbnail.T[::-1])
    if colours == "grey":
        image = Image.fromarray(upright)
    elif colours == "inverted grey":
        image = Image.fromarray(_WHITE - upright)
    else:
        image = Image.fromarray(_palette(colours)[upright])
    return image if size is None else image.resize(size, Image.Resampling.BOX)


def sprite_sheet(
    thumbnails: ByteArray,
    *,
    cell_px: int | None = None,
    colours: Colours = "inverted grey",
    frames: ByteArray | None = None,
) -> Sprite:
    """Lay thumbnails out as the Embedding Projector wants them: k x k, k a power of two.

    Parameters
    ----------
    thumbnails
        (N, frames, bands).
    cell_px
        Width and height of a cell in pixels; None chooses 64, or less where the sheet grew large.
    colours
        As of `picture`. By default quiet is white, because the projector multiplies the sheet by
        the point's colour, which a dark picture would hide.
    frames
        (N, 3) red, green and blue of a 2-px frame around each picture; None draws no frames.

    Returns
    -------
    Sprite
        Unused cells are white; mode `L` or `RGB`, so that no pixel can be transparent.

    Raises
    ------
    BundleError
        If there is nothing to draw, or the sheet would be larger than 8192 pixels, or a cell too
        small for a frame.
    """
    count = len(thumbnails)
    if count == 0:
        raise BundleError("There are 0 thumbnails; a sprite sheet needs at least one.")
    columns, cell = sheet_columns(count), sheet_cell_px(count, cell_px)
    border = 0 if frames is None else _border_px(cell)
    inside = slice(border, cell - border)
    coloured = frames is not None or colours in ("magma", "viridis")
    sheet = np.full((columns, cell, columns, cell, 3 if coloured else 1), _WHITE, np.uint8)
    for first in range(0, count, _BLOCK_ROWS):
        block = thumbnails[first : first + _BLOCK_ROWS].astype(np.float32)
        pictures = _coloured(_resized(block, (cell - 2 * border,) * 2), colours)
        rows, places = np.divmod(np.arange(first, first + len(block)), columns)
        if frames is not None:
            sheet[rows, :, places] = frames[first : first + len(block), None, None]
        sheet[rows, inside, places, inside] = pictures.transpose(0, 2, 1, 3)[:, ::-1]
    whole = sheet.reshape(columns * cell, columns * cell, -1)
    return Sprite(Image.fromarray(whole if coloured else whole[..., 0]), cell, columns)


def sheet_columns(count: int) -> int:
    """Give how many cells a sheet of so many windows has across, and down."""
    # A graphics card divides by k inexactly unless k is a power of two, and then shows the wrong
    # cell now and then; with as many rows as columns its one divisor fits both.
    return 1 << math.isqrt(count - 1).bit_length()


def sheet_cell_px(count: int, wanted: int | None = None) -> int:
    """Give the pixels of a cell in a sheet of so many windows; None chooses.

    Raises
    ------
    BundleError
        If the sheet would be larger than 8192 pixels.
    """
    columns = sheet_columns(count)
    largest = LARGEST_SHEET_PX // columns
    if largest < SMALLEST_CELL_PX:
        raise BundleError(
            f"{count:,} windows are more than one sprite sheet can show: at {MOST_WINDOWS:,} its "
            f"cells are {SMALLEST_CELL_PX} px small already. Write the bundle without pictures, "
            "or with fewer windows."
        )
    if wanted is None:
        preferred = max(PREFERRED_SHEET_PX // columns, CLEAR_CELL_PX)
        return min(LARGEST_CELL_PX, preferred, largest)
    if not 1 <= wanted <= largest:
        raise BundleError(
            f"{count:,} windows in cells of {wanted} px do not fit a sprite sheet of "
            f"{LARGEST_SHEET_PX} px; choose 1 to {largest} px."
        )
    return wanted


def _coloured(levels: FloatArray, colours: Colours) -> ByteArray:
    """Give (n, frames, bands, 1 or 3) bytes for levels of 0 to 255."""
    if colours == "inverted grey":
        levels = _WHITE - levels
    shades = np.rint(levels).astype(np.uint8)
    return _palette(colours)[shades] if colours in ("magma", "viridis") else shades[..., None]


def _border_px(cell: int) -> int:
    if cell < SMALLEST_FRAMED_PX:
        raise BundleError(
            f"Cells of {cell} px have no room for a frame; choose {SMALLEST_FRAMED_PX} px or more, "
            "or no frames."
        )
    return FRAME_PX


def _resized(pictures: FloatArray, shape: tuple[int, int]) -> FloatArray:
    frames, bands = shape
    if pictures.shape[1] != frames:
        pictures = _area_weights(pictures.shape[1], frames) @ pictures
    if pictures.shape[2] != bands:
        pictures = pictures @ _area_weights(pictures.shape[2], bands).T
    return pictures


def _area_weights(size: int, wanted: int) -> FloatArray:
    edges = np.arange(wanted + 1) * (size / wanted)
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights: FloatArray = (np.clip(overlap, 0, None) * (wanted / size)).astype(np.float32)
    return weights


@cache
def _palette(name: Literal["magma", "viridis"]) -> ByteArray:
    from plotly import colors  # only coloured pictures need it

    anchors = np.array([colors.hex_to_rgb(c) for c in getattr(colors.sequential, name.title())])
    steps = np.linspace(0, len(anchors) - 1, 256)
    channels = [np.interp(steps, np.arange(len(anchors)), channel) for channel in anchors.T]
    palette: ByteArray = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return palette
