from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from embedviz.errors import EmbedvizError
from embedviz.sheets import layout, png, sheet
from embedviz.thumbnails import picture


def patches(count, frames=96, bands=64):
    return np.random.default_rng(0).integers(0, 256, (count, frames, bands), dtype=np.uint8)


def opened(content):
    return Image.open(io.BytesIO(content))


def cell(image, place, across):
    """Cut a cell out of a sheet as the browser does, in colours."""
    width, height = image.width // across, image.height // across
    left, top = place % across * width, place // across * height
    return np.asarray(image.convert("RGB").crop((left, top, left + width, top + height)))


@pytest.mark.parametrize("colours", ["magma", "inverted grey"])
@pytest.mark.parametrize("shape", [(96, 64), (10, 128), (5, 3)])
def test_a_row_is_cut_out_exactly_as_its_own_picture(colours, shape):
    made = patches(150, *shape)
    for row in (0, 7, 8, 63, 64, 127, 128, 149):
        image = opened(sheet(made, "full", row // 64, colours))
        alone = picture(made[row], colours=colours).convert("RGB")
        np.testing.assert_array_equal(cell(image, row % 64, 8), np.asarray(alone))


def test_a_sheet_is_a_picture_with_a_palette_of_one_byte_a_pixel():
    image = opened(sheet(patches(3), "full", 0, "magma"))
    assert (image.mode, image.format, image.size) == ("P", "PNG", (8 * 96, 8 * 64))


def test_cells_beyond_the_last_row_are_quiet():
    image = opened(sheet(patches(3), "full", 0, "inverted grey"))
    assert (cell(image, 3, 8) == 255).all()
    assert (cell(image, 2, 8) != 255).any()


@pytest.mark.parametrize(
    ("shape", "small"),
    [
        ((96, 64), (36, 24)),
        ((128, 64), (48, 24)),
        ((128, 16), (48, 6)),
        ((10, 128), (2, 24)),
        ((1, 128), (1, 24)),
        ((20, 12), (20, 12)),
    ],
)
def test_small_cells_keep_their_shape_and_fit_a_list(shape, small):
    made = patches(3, *shape)
    described = layout(made)
    assert (described["frames"], described["bands"], described["perSheet"]) == (*shape, 64)
    told = described["small"]
    assert (told["frames"], told["bands"], told["perSheet"]) == (*small, 1024)
    image = opened(sheet(made, "small", 0, "magma"))
    assert image.size == (32 * small[0], 32 * small[1])


def test_a_small_cell_is_the_mean_of_its_row_alone():
    # Steps of 2 pixels a side, and neighbours that would show if they bled into each other.
    made = np.zeros((1030, 96, 48), np.uint8)
    made[:] = (np.arange(1030) % 2 * 200)[:, np.newaxis, np.newaxis]
    made[1025, :, 24:] = 100
    for row in (0, 1, 32, 1023):
        image = opened(sheet(made, "small", row // 1024, "inverted grey"))
        assert (cell(image, row, 32) == 255 - 200 * (row % 2)).all()
    cut = cell(opened(sheet(made, "small", 1, "inverted grey")), 1, 32)
    # The high bands are on top.
    assert (cut[:12] == 155).all()
    assert (cut[12:] == 55).all()


@pytest.mark.parametrize(
    ("level", "index", "sentence"),
    [
        ("full", 3, "The set has no sheet 3 of level full."),
        ("full", -1, "no sheet -1 of level full"),
        ("small", 1, "no sheet 1 of level small"),
        ("huge", 0, "'huge' is no level of pictures; full and small are."),
    ],
)
def test_a_sheet_that_is_not_there_is_said_to_be_missing(level, index, sentence):
    with pytest.raises(EmbedvizError, match=sentence):
        sheet(patches(150, 4, 4), level, index, "magma")


@pytest.mark.parametrize("colours", ["magma", "inverted grey"])
def test_levels_are_coloured_like_thumbnails(colours):
    levels = np.arange(256, dtype=np.uint8)[np.newaxis]
    expected = picture(levels.T, colours=colours).convert("RGB")
    got = opened(png(levels, colours)).convert("RGB")
    np.testing.assert_array_equal(np.asarray(got), np.asarray(expected))
