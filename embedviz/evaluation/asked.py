"""Which units vectors are asked about, and in which folds, when the question is not the label."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedviz.evaluation.results import IntArray

MOST_CLASSES = 30
"""Recordings, folders or sites that vectors are asked to tell apart; of more so many are drawn."""
MOST_UNITS = 4000
"""Units that are asked about; of more so many are drawn. A score is then known to 2 points."""
BLOCKS = 3
"""Stretches of time into which the units of a recording are split, to tell recordings apart."""
FOLDS = 5


def time_blocks(
    recordings: IntArray, start_s: npt.NDArray[np.float64], stop_s: npt.NDArray[np.float64]
) -> IntArray:
    """Split the units of each recording (U,) into consecutive blocks that share no sound.

    Gives the block of each unit; -1 for those that reach into the block before, and for recordings
    too short for `BLOCKS` blocks.
    """
    blocks = np.full(len(recordings), -1, np.int64)
    order = np.lexsort((start_s, recordings))
    for own in np.split(order, np.flatnonzero(np.diff(recordings[order])) + 1):
        end_s, given = -np.inf, np.full(len(own), -1, np.int64)
        for number, part in enumerate(np.array_split(np.arange(len(own)), BLOCKS)):
            apart = part[start_s[own[part]] >= end_s - 1e-6]
            given[apart] = number
            end_s = max(end_s, stop_s[own[part]].max(initial=-np.inf))
        if len(np.unique(given[given >= 0])) == BLOCKS:
            blocks[own] = given
    return blocks


def drawn_classes(codes: IntArray, fold: IntArray, seed: int) -> IntArray:
    """Leave out classes beyond `MOST_CLASSES` and units beyond `MOST_UNITS`, drawn by `seed`."""
    rng = np.random.default_rng(seed)
    used = np.flatnonzero(fold >= 0)
    kept = rng.permutation(np.unique(codes[used]))[:MOST_CLASSES]
    drawn = np.full(len(fold), -1, np.int64)
    if len(kept):
        for code in kept:
            own = rng.permutation(used[codes[used] == code])[: MOST_UNITS // len(kept)]
            drawn[own] = fold[own]
    return drawn


def dealt(groups: IntArray, known: npt.NDArray[np.bool_], seed: int) -> IntArray:
    """Deal groups (U,) into `FOLDS` folds; -1 for units not known, or beyond `MOST_UNITS`."""
    rng = np.random.default_rng(seed)
    kept = np.sort(rng.permutation(np.flatnonzero(known))[:MOST_UNITS])
    numbers, place = np.unique(groups[kept], return_inverse=True)
    fold = np.full(len(groups), -1, np.int64)
    fold[kept] = (rng.permutation(len(numbers)) % FOLDS)[place]
    return fold
