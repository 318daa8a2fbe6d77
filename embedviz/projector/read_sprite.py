"""Cells of a sprite sheet as thumbnails."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image

from embedviz.data import ByteArray
from embedviz.errors import BundleError
from embedviz.thumbnails import Colours, picture, to_thumbnails

# What browsers show; Pillow would start other programs for some of the rest.
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
_WHITE = 255
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError)
"""What Pillow raises for a file that is damaged or no picture."""


def read_sprite(
    stream: IO[bytes],
    cell: Sequence[int],
    points: int,
    where: str,
    *,
    colours: Colours = "grey",
    frame_px: int = 0,
) -> ByteArray:
    """Give thumbnails (N, frames, bands) from the first N cells of a sheet, row by row.

    Parameters
    ----------
    cell
        Width and height of a cell in pixels. A side longer than 128 is averaged down to 128.
    colours
        Those of `thumbnails.picture` that it was drawn in. Any other colours count by their
        luminance, and what is transparent is quiet.
    frame_px
        The width of the frame around each picture, which is left out.

    Raises
    ------
    BundleError
        If it is no picture, too large, or cannot be cut into as many cells.
    """
    image = _opened(stream, where)
    across, down = _cell(image.size, cell, points, where)
    pixels = _pixels(image, _WHITE if colours == "inverted grey" else 0, where)
    height, width, channels = pixels.shape
    cells = pixels.reshape(height // down, down, width // across, across, channels).swapaxes(1, 2)
    inside = cells.reshape(-1, down, across, channels)[
        :points, frame_px : down - frame_px, frame_px : across - frame_px
    ]
    levels = _levels(inside, colours)
    # Time is to the right and high bands are on top.
    return to_thumbnails(levels[:, ::-1].swapaxes(1, 2), (0, 255))


def _cell(size: tuple[int, int], cell: Sequence[int], points: int, where: str) -> tuple[int, int]:
    if len(cell) != 2 or min(cell) < 1:
        raise BundleError(
            f"The config gives no singleImageDim of width and height for {where}; add it."
        )
    (width, height), (across, down) = size, cell
    if width % across or height % down:
        raise BundleError(
            f"{where} has {width} x {height} px, no whole multiple of its cells of {across} x "
            f"{down} px; correct singleImageDim or the picture."
        )
    cells = (width // across) * (height // down)
    if cells < points:
        raise BundleError(f"{where} has {cells:,} cells for {points:,} points; it needs one each.")
    return across, down


def _opened(stream: IO[bytes], where: str) -> Image.Image:
    too_large = (
        f"{where} has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels; sprite sheets are up to "
        "8192 px wide and high."
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(stream, formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BundleError(too_large) from None
    except _UNREADABLE:
        raise BundleError(f"{where} is no picture that a browser shows; write a PNG.") from None


def _pixels(image: Image.Image, quiet: int, where: str) -> ByteArray:
    """Give the pixels (height, width, 1 or 3) of a picture laid over the quiet colour."""
    try:
        if image.has_transparency_data:
            over = Image.new("RGBA", image.size, (quiet, quiet, quiet, 255))
            image = Image.alpha_composite(over, image.convert("RGBA"))
        if image.mode.startswith("I"):  # 16 bits, of which Pillow would clip and not scale
            wide = np.asarray(image) >> 8
            return np.array(wide[..., np.newaxis], np.uint8)
        grey = image.mode in ("1", "L", "LA")
        pixels: ByteArray = np.asarray(image.convert("L" if grey else "RGB"), np.uint8)
    except _UNREADABLE:
        raise BundleError(f"{where} is cut short or damaged; write it again.") from None
    whole: ByteArray = pixels.reshape((*pixels.shape[:2], -1))
    return whole


def _levels(cells: ByteArray, colours: Colours) -> ByteArray:
    """Give (N, height, width) bytes of cells (N, height, width, 1 or 3), 0 for quiet."""
    red, *others = np.moveaxis(cells, -1, 0)
    if all(np.array_equal(red, other) for other in others):
        levels: ByteArray = _WHITE - red if colours == "inverted grey" else red
        return levels
    known = _by_palette(cells, colours) if colours in ("magma", "viridis") else None
    return _luminance(cells) if known is None else known


def _by_palette(cells: ByteArray, colours: Colours) -> ByteArray | None:
    """Give the levels of pictures in the colours of a palette; None if there is another colour."""
    ramp = np.arange(256, dtype=np.uint8)[:, np.newaxis]
    palette = _codes(np.asarray(picture(ramp, colours=colours)))[0]
    order = np.argsort(palette)
    levels = np.empty(cells.shape[:-1], np.uint8)
    for row, one in enumerate(cells):
        codes = _codes(one)
        places = np.minimum(np.searchsorted(palette[order], codes), len(order) - 1)
        if not np.array_equal(palette[order][places], codes):
            return None
        levels[row] = order[places]
    return levels


def _codes(pixels: ByteArray) -> npt.NDArray[np.int32]:
    """Give one number for the red, green and blue of each pixel (..., 3)."""
    red, green, blue = np.moveaxis(pixels.astype(np.int32), -1, 0)
    codes: npt.NDArray[np.int32] = red << 16 | green << 8 | blue
    return codes


def _luminance(cells: ByteArray) -> ByteArray:
    levels = np.empty(cells.shape[:-1], np.uint8)
    for row, one in enumerate(cells):
        levels[row] = np.asarray(Image.fromarray(np.ascontiguousarray(one)).convert("L"))
    return levels
