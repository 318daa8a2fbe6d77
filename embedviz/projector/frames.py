"""The colour of each point's frame in the sprite sheet: one for each value of a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from embedviz.data import ByteArray
from embedviz.palette import LIGHT, MOST_CATEGORIES, OTHER, category_colours


def frame_colours(values: Sequence[str]) -> Mapping[str, str]:
    """Give `#RRGGBB` for each value, most frequent first; beyond the 20th all have one grey."""
    ranked = [value for value, _ in Counter(values).most_common()]
    colours = category_colours(min(len(ranked), MOST_CATEGORIES), LIGHT)
    return dict(zip(ranked, colours, strict=False)) | dict.fromkeys(ranked[len(colours) :], OTHER)


def frames(values: Sequence[str], colours: Mapping[str, str]) -> ByteArray:
    """Give (N, 3) red, green and blue for N values."""
    channels = {value: list(bytes.fromhex(colour[1:])) for value, colour in colours.items()}
    return np.array([channels[value] for value in values], np.uint8)


def legend(colours: Mapping[str, str]) -> Mapping[str, str]:
    """Give the values that have a colour of their own, and one entry for all others."""
    own = {value: colour for value, colour in colours.items() if colour != OTHER}
    return own if len(own) == len(colours) else own | {"all others": OTHER}
