"""Confusion matrices as grids of cells, each of which stands for units that can be heard."""

from __future__ import annotations

import math
from dataclasses import dataclass

from embedviz.evaluation.report.headline import best_of_each_probe, ranked
from embedviz.evaluation.results import PROBES, Evaluation, Probed

LONGEST = 22
"""Letters of a class's name."""
MOST_CLASSES = 20
"""Of more classes only the best models' matrices are drawn: a page of megabytes opens slowly."""
_LARGEST, _SMALLEST, _SPAN = 46, 14, 560
_FAINTEST = 0.1
_LETTER_PX = 7.0
_LEAN, _STEEP, _CLOSE = 42, 62, 18
_WORST = 5


@dataclass(frozen=True)
class Cell:
    """Units of one class that were taken for one class; there is at least one."""

    truth: int
    predicted: int
    count: int
    opacity: float
    words: str


@dataclass(frozen=True)
class Matrix:
    """The confusion of one model with one probe."""

    number: int
    """Of the probed model, in `Evaluation.probed`."""
    title: str
    probe: str
    classes: tuple[tuple[str, str], ...]
    """Whole names, and names as long as there is room."""
    cells: tuple[Cell, ...]
    px: float
    """The width of a cell."""
    left: float
    """Room for the names of rows."""
    top: float
    """Room for the names of columns, which lean to the right."""
    right: float
    lean: float
    """The angle of the names of columns, in degrees; steep where they stand close together."""
    worst: tuple[Cell, ...]
    """The most frequent mistakes, made more than once."""
    first: bool
    """Whether it is the best model of its probe."""


def drawn(evaluation: Evaluation) -> list[Probed]:
    """Give what gets a matrix: the best model of each probe, and the others of few classes."""
    best = best_of_each_probe(evaluation)
    if len(evaluation.task.classes) > MOST_CLASSES:
        return best
    return best + [one for one in ranked(evaluation) if not any(one is other for other in best)]


def matrices(evaluation: Evaluation) -> list[Matrix]:
    """Give the matrices that are drawn, the best of each probe first."""
    best = len(best_of_each_probe(evaluation))
    every = enumerate(drawn(evaluation))
    return [_matrix(evaluation, one, first=place < best) for place, one in every]


def _matrix(evaluation: Evaluation, one: Probed, *, first: bool) -> Matrix:
    classes = evaluation.task.classes
    number = next(n for n, other in enumerate(evaluation.probed) if other is one)
    cells = [
        _cell(one, classes, truth, predicted)
        for truth in range(len(classes))
        for predicted in range(len(classes))
        if one.confusion[truth, predicted]
    ]
    longest = _LETTER_PX * max(len(short(name)) for name in classes)
    px = round(min(max(_SPAN / len(classes), _SMALLEST), _LARGEST), 1)
    lean = _LEAN if px >= _CLOSE else _STEEP
    wrong = [cell for cell in cells if cell.truth != cell.predicted and cell.count > 1]
    return Matrix(
        number=number,
        title=one.model,
        probe=PROBES[one.probe],
        classes=tuple((name, short(name)) for name in classes),
        cells=tuple(cells),
        px=px,
        left=round(max(longest, 120) + 16),
        top=round(math.sin(math.radians(lean)) * longest + 18),
        right=round(math.cos(math.radians(lean)) * longest + 6),
        lean=lean,
        worst=tuple(sorted(wrong, key=lambda cell: -cell.count)[:_WORST]),
        first=first,
    )


def short(name: str) -> str:
    """Give a name that fits beside a matrix."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"


def _cell(one: Probed, classes: tuple[str, ...], truth: int, predicted: int) -> Cell:
    count, whole = int(one.confusion[truth, predicted]), int(one.confusion[truth].sum())
    verb = "is" if count == 1 else "are"
    taken = "recognised" if truth == predicted else f"taken for {classes[predicted]}"
    return Cell(
        truth=truth,
        predicted=predicted,
        count=count,
        opacity=round(_FAINTEST + (1 - _FAINTEST) * count / whole, 3),
        words=f"{count:,} of {whole:,} {classes[truth]} {verb} {taken}",
    )
