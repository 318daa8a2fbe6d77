"""What may be chosen about a bundle, and what of it cannot be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from embedviz.data import EmbeddingSet, FloatArray
from embedviz.errors import BundleError
from embedviz.projector.metadata import columns_of
from embedviz.thumbnails import Colours

MOST_DIGITS = 8
"""From nine on, digits tell every float32 from every other."""

_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Options:
    """How sets are written; `write_bundle` says what each choice means."""

    cell_px: int | None = None
    base_url: str | None = None
    with_sprite: bool = True
    columns: tuple[str, ...] | None = None
    label: str | None = None
    colours: Colours = "inverted grey"
    frame_by: str | None = None
    join_windows: bool = False
    digits: int | None = None
    sample: int | None = None


def refuse_unfit(sets: Mapping[str, EmbeddingSet], options: Options) -> None:
    """Raise what cannot be shown, or was asked for and cannot be, before anything is written.

    Raises
    ------
    BundleError
        With one sentence that names the set and what to do about it.
    """
    if not sets:
        raise BundleError("There are 0 sets to write; a bundle needs at least one.")
    _refuse_choices(options)
    known = {column for one in sets.values() for column in columns_of(one)}
    unknown = [column for column in options.columns or () if column not in known]
    if unknown:
        raise BundleError(
            f"No set has a column {unknown[0]!r}; there are {', '.join(sorted(known))}."
        )
    for name, one in sets.items():
        _refuse_set(name, one)
        _refuse_columns(name, one, options)


def _refuse_choices(options: Options) -> None:
    base_url = options.base_url
    if base_url is not None and not re.fullmatch(r"https?://[^\s?#]+", base_url):
        raise BundleError(
            f"The address {base_url!r} is none that files can lie under; "
            "give one that starts with https:// and has no ? or #."
        )
    offered = get_args(Colours)
    if options.colours not in offered:
        raise BundleError(
            f"{options.colours!r} is no choice of colours; there are {', '.join(offered)}."
        )
    if options.digits is not None and not 1 <= options.digits <= MOST_DIGITS:
        raise BundleError(
            f"Numbers cannot have {options.digits} digits; choose 1 to {MOST_DIGITS}, or leave it "
            "out to write them exactly."
        )
    if options.sample is not None and options.sample < 2:
        raise BundleError(f"A sample of {options.sample} windows shows nothing; choose 2 or more.")


def _refuse_set(name: str, one: EmbeddingSet) -> None:
    rows, dims = one.vectors.shape
    if rows < 2 or dims < 2:
        raise BundleError(
            f"The set {name!r} has {rows} rows of {dims} dimensions; "
            "the projector shows nothing below 2 rows of 2 dimensions."
        )
    bad = _first_not_finite(one.vectors)
    if bad is not None:
        at = one.table.iloc[bad]
        raise BundleError(
            f"The set {name!r} has a value that is not finite in row {bad} "
            f"({at['recording']} at {at['start_s']:g} s), and the projector would shift or "
            "lose points; leave that recording out or embed it again."
        )
    if one.projection and _first_not_finite(one.projection.coordinates) is not None:
        raise BundleError(
            f"The projection of the set {name!r} has a point without a place; project it again."
        )


def _refuse_columns(name: str, one: EmbeddingSet, options: Options) -> None:
    known = columns_of(one)
    for column in (options.label, options.frame_by):
        if column is not None and column not in known:
            raise BundleError(
                f"The set {name!r} has no column {column!r}; it has {', '.join(known)}."
            )
    if options.columns is not None and not set(options.columns) & set(known):
        raise BundleError(
            f"None of the chosen columns is in the set {name!r}; it has {', '.join(known)}."
        )


def _first_not_finite(values: FloatArray) -> int | None:
    for first in range(0, len(values), _BLOCK_ROWS):
        finite = np.isfinite(values[first : first + _BLOCK_ROWS]).all(axis=1)
        if not finite.all():
            return first + int(finite.argmin())
    return None
