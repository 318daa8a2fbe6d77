"""The units behind each cell of the confusion matrices, and which of them deserve a sound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from embedviz.evaluation.report.headline import best_of_each_probe
from embedviz.evaluation.report.matrices import drawn
from embedviz.evaluation.results import Evaluation

MOST = 100_000
"""Units listed in all cells of all matrices together."""
MOST_PER_CELL, LEAST_PER_CELL = 50, 5
HEARD_WRONG, HEARD_RIGHT = 4, 1
"""Units of a cell that get a sound: mistakes are what one wants to hear."""

Place = tuple[int, int, int]
"""A cell: the number of the probed model, the true class, the predicted class."""


def listed(evaluation: Evaluation) -> dict[Place, list[int]]:
    """Give units (their numbers in `Units`) behind each cell, spread over recordings.

    A cell lists at most `MOST_PER_CELL`; where there are very many cells, fewer.
    """
    order = _spread(evaluation)
    truth, classes = evaluation.units.truth[order], len(evaluation.task.classes)
    found: dict[Place, list[int]] = {}
    shown = drawn(evaluation)
    for number, one in enumerate(evaluation.probed):
        if not any(one is other for other in shown):
            continue
        predicted = one.predicted[order]
        tested = (predicted >= 0) & (truth >= 0)
        codes = truth[tested] * classes + predicted[tested]
        by_cell = np.argsort(codes, kind="stable")
        present, firsts = np.unique(codes[by_cell], return_index=True)
        members = np.split(order[tested][by_cell], firsts[1:])
        for code, own in zip(present.tolist(), members, strict=False):
            found[number, code // classes, code % classes] = own[:MOST_PER_CELL].tolist()
    most = min(MOST_PER_CELL, max(LEAST_PER_CELL, MOST // max(len(found), 1)))
    return {place: units[:most] for place, units in found.items()}


def worth_hearing(evaluation: Evaluation, cells: Mapping[Place, list[int]]) -> list[int]:
    """Order units by how much one wants to hear them: mistakes of the best models first."""
    return list(dict.fromkeys(_by_wish(evaluation, cells)))


def _by_wish(evaluation: Evaluation, cells: Mapping[Place, list[int]]) -> Iterator[int]:
    best = best_of_each_probe(evaluation)
    shown = {n for n, one in enumerate(evaluation.probed) if any(one is other for other in best)}
    for numbers in (shown, {place[0] for place in cells} - shown):
        own = [place for place in cells if place[0] in numbers]
        wrong = [place for place in own if place[1] != place[2]]
        right = [place for place in own if place[1] == place[2]]
        for turn in range(HEARD_WRONG):
            yield from (cells[place][turn] for place in wrong if turn < len(cells[place]))
        for turn in range(HEARD_RIGHT):
            yield from (cells[place][turn] for place in right if turn < len(cells[place]))


def _spread(evaluation: Evaluation) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Order units so that the first ones come from as many recordings as there are."""
    recordings = pd.Series(evaluation.units.recording, dtype=object)
    turns = recordings.groupby(recordings, sort=False).cumcount().to_numpy()
    return np.argsort(turns, kind="stable")
