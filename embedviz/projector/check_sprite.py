"""The projector's rules for sprite sheets."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
from PIL import Image

from embedviz.projector.findings import Notes

_LARGEST_SHEET_PX = 8192
_UNREADABLE = (OSError, SyntaxError, ValueError)
"""What Pillow raises for a file that is damaged or no picture."""


@dataclass(frozen=True)
class Grid:
    """Cells of a sprite sheet and their size in pixels."""

    columns: int
    rows: int
    cell: tuple[int, int]

    def __str__(self) -> str:
        """Say it in words."""
        width, height = self.cell
        size = f"{width} px" if width == height else f"{width} x {height} px"
        return f"{self.columns} x {self.rows} cells of {size}"


def check_sprite(
    stream: IO[bytes], cell: Sequence[int], points: int | None, where: str, notes: Notes
) -> Grid | None:
    """Judge a sprite sheet for a number of points; None if it cannot be cut into cells."""
    image = _open(stream, where, notes)
    if image is None:
        return None
    grid = _grid(image.size, cell, where, notes)
    if grid is not None:
        _check_grid(grid, points, where, notes)
        _check_opacity(image, grid, points, where, notes)
    return grid


def _open(stream: IO[bytes], where: str, notes: Notes) -> Image.Image | None:
    try:
        with warnings.catch_warnings():
            # Pillow's own limit lies above the projector's, which is checked before decoding.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(stream)
        size = "It is {} x {} px".format(*image.size)
        too_large = max(image.size) > _LARGEST_SHEET_PX
    except Image.DecompressionBombError:
        size = "It is far too large"
        too_large = True
    except _UNREADABLE:
        notes.error(where, "It is no picture that a browser can read; write a PNG.")
        return None
    if too_large:
        notes.error(
            where,
            f"{size}, and no side may be longer than {_LARGEST_SHEET_PX} px: the projector then "
            "loads nothing at all, not even the points. Use smaller cells or fewer points.",
        )
        return None
    return image


def _grid(size: tuple[int, int], cell: Sequence[int], where: str, notes: Notes) -> Grid | None:
    if len(cell) != 2 or min(cell) < 1:
        notes.error(
            where,
            "The config gives no singleImageDim of width and height for it, so the projector "
            "cannot cut it into thumbnails; add it.",
        )
        return None
    (width, height), (across, down) = size, cell
    if width % across or height % down:
        notes.error(
            where,
            f"{width} x {height} px are no whole multiple of its cells of {across} x {down} px, so "
            "thumbnails would be shifted; write whole cells only.",
        )
        return None
    return Grid(width // across, height // down, (across, down))


def _check_grid(grid: Grid, points: int | None, where: str, notes: Notes) -> None:
    if grid.columns != grid.rows:
        notes.error(
            where,
            f"It has {grid.columns} columns and {grid.rows} rows of cells; the projector divides "
            "by one number for both and shows wrong thumbnails. Add unused cells until it is "
            "square.",
        )
    elif grid.columns & (grid.columns - 1):
        notes.warning(
            where,
            f"It has {grid.columns} columns, which is no power of two; graphics cards then round "
            "some thumbnails away. Add unused cells up to the next power of two.",
        )
    cells = grid.columns * grid.rows
    if points is not None and cells < points:
        notes.error(
            where,
            f"It has {cells:,} cells for {points:,} points, so the last show nothing; write one "
            "cell a point.",
        )
    if grid.cell[0] != grid.cell[1]:
        notes.warning(where, "Its cells are not square, and the projector squashes them to be so.")


def _check_opacity(
    image: Image.Image, grid: Grid, points: int | None, where: str, notes: Notes
) -> None:
    try:
        image.load()
    except _UNREADABLE:
        notes.error(where, "The picture is cut short or damaged; write it again.")
        return
    if not image.has_transparency_data:
        return
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    across, down = grid.cell
    least = alpha.reshape(grid.rows, down, grid.columns, across).min(axis=(1, 3)).ravel()
    hidden = int(np.count_nonzero(least[:points] == 0))
    if hidden:
        notes.warning(
            where,
            f"{hidden:,} thumbnails have fully transparent pixels, which the projector does not "
            "draw; give the sheet an opaque, light background.",
        )
