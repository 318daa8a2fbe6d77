"""Patches become pictures that people and the projector read the same way."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from embedviz.errors import BundleError
from embedviz.thumbnails import picture, sprite_sheet, to_thumbnails


def cell_of(sprite, index: int) -> np.ndarray:
    """Cut a cell out as the projector's shader does: row by row, top left first."""
    row, column = divmod(index, sprite.columns)
    left, top = column * sprite.cell_px, row * sprite.cell_px
    box = (left, top, left + sprite.cell_px, top + sprite.cell_px)
    return np.asarray(sprite.image.crop(box))


def test_the_patch_range_becomes_0_to_255_and_the_rest_is_clipped():
    patches = np.array([-9, -5, 0, 5, 9], np.float32).reshape(1, 5, 1)
    assert to_thumbnails(patches, (-5.0, 5.0)).ravel().tolist() == [0, 0, 128, 255, 255]


def test_a_patch_of_not_a_number_is_shown_as_silence():
    patches = np.array([[[np.nan, np.inf, -np.inf]]], np.float32)
    assert to_thumbnails(patches, (0.0, 1.0)).ravel().tolist() == [0, 255, 0]


def test_long_axes_are_averaged_down_to_128():
    patches = np.repeat(np.arange(128, dtype=np.float32), 3)[None, :, None] / 127
    thumbnails = to_thumbnails(np.repeat(patches, 64, axis=2), (0.0, 1.0))
    assert thumbnails.shape == (1, 128, 64)
    expected = np.rint(np.arange(128) * (255 / 127))
    assert np.abs(thumbnails[0, :, 0] - expected).max() <= 1


def test_averaging_by_a_fraction_keeps_the_mean():
    patches = np.random.default_rng(0).uniform(size=(3, 200, 300)).astype(np.float32)
    thumbnails = to_thumbnails(patches, (0.0, 1.0))
    assert thumbnails.shape == (3, 128, 128)
    assert thumbnails.mean() / 255 == pytest.approx(patches.mean(), abs=0.003)


def test_no_windows_give_no_thumbnails():
    assert to_thumbnails(np.empty((0, 96, 64)), (0.0, 1.0)).shape == (0, 96, 64)


def test_an_empty_patch_range_is_refused():
    with pytest.raises(ValueError, match="must be higher"):
        to_thumbnails(np.zeros((1, 2, 2)), (1.0, 1.0))


def test_a_picture_has_time_to_the_right_and_high_bands_on_top():
    thumbnail = np.zeros((5, 3), np.uint8)  # 5 frames, 3 bands
    thumbnail[4, 2] = 255  # the last moment, the highest band
    drawn = picture(thumbnail)
    assert drawn.size == (5, 3)
    assert drawn.getpixel((4, 0)) == 255
    assert np.asarray(drawn).sum() == 255


def test_inverted_grey_makes_quiet_white():
    assert picture(np.zeros((2, 2), np.uint8), colours="inverted grey").getpixel((0, 0)) == 255


@pytest.mark.parametrize("colours", ["magma", "viridis"])
def test_colours_grow_lighter_with_loudness(colours):
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    drawn = picture(ramp, colours=colours)
    assert drawn.mode == "RGB"
    lightness = np.asarray(drawn.convert("L"), int).ravel()
    assert np.all(np.diff(lightness) >= 0)
    assert lightness[-1] - lightness[0] > 150


def test_a_picture_is_drawn_at_the_size_asked_for():
    assert picture(np.zeros((96, 64), np.uint8), size=(300, 100)).size == (300, 100)


@pytest.mark.parametrize(
    ("windows", "columns", "cell_px"),
    [(1, 1, 64), (2, 2, 64), (5, 4, 64), (1024, 32, 64), (1025, 64, 64), (4097, 128, 32)],
)
def test_a_sheet_is_a_square_of_a_power_of_two_and_at_most_4096_px(windows, columns, cell_px):
    sprite = sprite_sheet(np.zeros((windows, 4, 4), np.uint8))
    assert (sprite.columns, sprite.cell_px) == (columns, cell_px)
    assert sprite.image.size == (columns * cell_px,) * 2
    assert max(sprite.image.size) <= 4096


def test_many_windows_grow_the_sheet_to_8192_px_before_cells_shrink_below_32():
    sprite = sprite_sheet(np.zeros((16_385, 2, 2), np.uint8))
    assert (sprite.image.size, sprite.cell_px) == ((8192, 8192), 32)


def test_cell_i_shows_thumbnail_i_and_spare_cells_are_white():
    shades = np.arange(37, dtype=np.uint8) * 5 + 30
    sprite = sprite_sheet(np.broadcast_to(shades[:, None, None], (37, 96, 64)).copy())
    for index, shade in enumerate(shades):
        assert np.all(cell_of(sprite, index) == 255 - shade), index
    for index in range(37, sprite.columns**2):
        assert np.all(cell_of(sprite, index) == 255), index


@pytest.mark.parametrize("shape", [(96, 64), (7, 200), (1, 1)])
def test_cells_have_time_to_the_right_and_high_bands_on_top_whatever_the_shape(shape):
    thumbnails = np.zeros((3, *shape), np.uint8)
    thumbnails[1, -1 - shape[0] // 2 :, -1 - shape[1] // 2 :] = 255  # late and high
    cell = cell_of(sprite_sheet(thumbnails), 1).astype(int)
    assert cell[0, -1] == 0
    if shape != (1, 1):
        assert cell[-1, 0] == 255


def test_a_sheet_has_no_transparency():
    assert sprite_sheet(np.zeros((3, 4, 4), np.uint8)).image.mode == "L"


def test_sheets_agree_with_pillow_about_area_averages():
    thumbnail = np.random.default_rng(1).integers(0, 256, (96, 64), dtype=np.uint8)
    sprite = sprite_sheet(thumbnail[None], cell_px=32)
    expected = picture(thumbnail, colours="inverted grey").resize((32, 32), Image.Resampling.BOX)
    difference = cell_of(sprite, 0).astype(int) - np.asarray(expected)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("cell_px", [0, -1, 513])
def test_cells_that_cannot_be_are_refused_with_those_that_can(cell_px):
    with pytest.raises(BundleError, match="choose 1 to 512 px"):
        sprite_sheet(np.zeros((200, 2, 2), np.uint8), cell_px=cell_px)


def test_more_windows_than_a_sheet_can_show_are_refused():
    with pytest.raises(BundleError, match=r"262,145 windows .* 262,144 .* 16 px"):
        sprite_sheet(np.zeros((262_145, 1, 1), np.uint8))


def test_nothing_to_draw_is_refused():
    with pytest.raises(BundleError, match="0 thumbnails"):
        sprite_sheet(np.empty((0, 4, 4), np.uint8))
