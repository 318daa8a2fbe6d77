"""Class names: scores of a tagger become the column `top_class`."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from embedviz.errors import WeightsError
from embedviz.facts import WeightFile

if TYPE_CHECKING:
    from embedviz.data import FloatArray
    from embedviz.heard import TextArray

AUDIOSET_CLASSES = 527
AUDIOSET_NAMES = WeightFile(
    name="class_labels_indices.csv",
    url="https://raw.githubusercontent.com/fschmid56/EfficientAT/main/metadata/class_labels_indices.csv",
    checksum="sha256:cdd1049833c4b86127c2773ac0d14a2754b6a6d0d1798002ed5c66e699708429",
    size_bytes=14_675,
    optional=True,
)
"""The 527 classes of AudioSet as its taggers order them (index, mid, display_name)."""


def top_class(
    path: Path | None, classes: int
) -> Callable[[FloatArray], dict[str, TextArray]] | None:
    """Give the column `top_class` of scores (N, classes); None without a file of names.

    Parameters
    ----------
    path
        A CSV file with a column `display_name`, one line a class.
    classes
        How many names there must be.

    Raises
    ------
    WeightsError
        If the file names another number of classes.
    """
    if path is None:
        return None
    import numpy as np

    with path.open(newline="", encoding="utf-8") as file:
        names = np.array([row["display_name"] for row in csv.DictReader(file)])
    if len(names) != classes:
        raise WeightsError(f"{path.name} names {len(names)} classes, wanted {classes}.")

    def named(scores: FloatArray) -> dict[str, TextArray]:
        return {"top_class": names[scores.argmax(axis=1)]}

    return named
