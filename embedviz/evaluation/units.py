"""What is classified: the rows or recordings that every set has, their labels, groups and folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from embedviz.errors import EvaluationError
from embedviz.evaluation.candidates import Sets, TextArray, at, candidates, numbered
from embedviz.evaluation.folds import Split, groups_of_class, in_order, make_folds, of_column
from embedviz.evaluation.question import Question, check_labels, pooling_of, reference_of
from embedviz.evaluation.results import IntArray, Task, Units
from embedviz.wording import counted

_NAMED = 5
"""Classes named before the others are counted."""


@dataclass(frozen=True)
class Gathered:
    """The units of an evaluation, U of them, and where each set has them."""

    task: Task
    units: Units
    groups: IntArray
    """(U,) what is never on both sides of a split, and is drawn together."""
    group_values: tuple[str, ...]
    """(U,) of the group column; names of recordings where there is none."""
    reference: str
    """The title of the set that has the label."""
    unit_of_row: Mapping[str, IntArray]
    """Title -> (N,) the unit of each row of that set; -1 for none."""


def gathered(sets: Sets, question: Question) -> Gathered:
    """Find the units that all sets have and that can be asked for the label, and split them.

    Parameters
    ----------
    sets
        Title -> set. The first that has the label column is believed for labels, groups, folds.
    question
        What is asked.

    Raises
    ------
    EvaluationError
        If there is nothing to be asked; the sentence says why and what to do.
    """
    reference = reference_of(sets, question)
    pooling = pooling_of(sets, question.pooling)
    unit = "row" if pooling == "window" else "recording"
    numbers = numbered(sets, reference, pooling)
    frame = candidates(
        sets,
        reference,
        numbers[reference],
        label=question.label,
        group=question.group,
        folds=question.folds,
    )
    everywhere = np.ones(len(frame), bool)
    for of_rows in numbers.values():
        everywhere &= np.isin(frame.index, of_rows)
    if not everywhere.any():
        raise EvaluationError(
            f"The sets have no {unit} in common; embed the same recordings with every model, "
            "or pool per recording."
        )
    left_out: list[str] = []
    frame = _kept(frame, everywhere, f"{unit}s that not every set has", left_out)
    several = frame["label"].isna().to_numpy()
    frame = _kept(frame, ~several, "recordings with more than one label", left_out)
    frame = _kept(frame, frame["label"] != "", f"{unit}s without a label", left_out)
    frame = _kept(frame, frame["fold"] >= 0, f"{unit}s without a fold", left_out)
    check_labels(frame, question, several=int(several.sum()))
    split = _split(frame, question)
    _tell_lonely(frame[split.fold < 0], question, unit, left_out)
    return _finished(
        frame,
        split,
        question,
        pooling=pooling,
        left_out=left_out,
        reference=reference,
        numbers=numbers,
    )


def _kept(frame: pd.DataFrame, kept: npt.ArrayLike, what: str, left_out: list[str]) -> pd.DataFrame:
    """Leave out all other units, and say how many there were."""
    mask = np.asarray(kept, bool)
    lost = len(mask) - int(np.count_nonzero(mask))
    if lost:
        left_out.append(f"Left out: {what} ({lost:,} of {len(mask):,}).")
    return frame[mask]


def _split(frame: pd.DataFrame, question: Question) -> Split:
    """Give the folds, -1 for classes that cannot be both learned and tested."""
    labels, groups = frame["label"].to_numpy(str), frame["group"].to_numpy(np.int64)
    truth = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    if not question.folds:
        fold = make_folds(truth, groups, seed=question.seed)
        count = int(fold.max()) + 1
        return Split(fold, tuple(map(str, range(1, count + 1))), _words(count, question))
    fold = frame["fold"].to_numpy(np.int64).copy()
    fold[groups_of_class(truth, fold)[truth] < 2] = -1
    _check_taught(labels, fold, question.folds)
    return of_column(fold, frame.attrs["folds"], question.folds)


def _check_taught(labels: TextArray, fold: IntArray, column: str) -> None:
    """Refuse folds of a column (U,) that leave fewer than two classes to be learned and tested."""
    left = np.unique(labels[fold >= 0]).tolist()
    if len(left) >= 2:
        return
    of = f"folds of the column {column!r}"
    found = f"No class lies in two {of}, so none can be both learned and tested"
    if left:
        others = np.unique(labels[fold < 0]).tolist()
        found = (
            f"Only the class {left[0]!r} lies in two or more {of}, the "
            f"{'others' if len(others) > 1 else 'other'} ({_some(others)}) in one fold only, and "
            "a probe needs two classes that can be both learned and tested"
        )
    raise EvaluationError(f"{found}; choose another column or let the folds be made.")


def _words(count: int, question: Question) -> str:
    kept = "recording or copy of it"
    if question.group and question.group != "recording":
        kept += f" and no value of {question.group!r}"
    return (
        f"{count} folds in which each class has about its share; no {kept} is both trained on "
        f"and tested (seed {question.seed})."
    )


def _some(names: Sequence[str]) -> str:
    """Name a few and count the others."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _tell_lonely(frame: pd.DataFrame, question: Question, unit: str, left_out: list[str]) -> None:
    """Say which classes are left out because they are on one side of any split."""
    if not len(frame):
        return
    one = frame.groupby("label")["group"].nunique().max() == 1
    where = "one recording" if one else "too few recordings"
    if question.folds:
        where = f"one fold of {question.folds!r}"
    elif question.group:
        where += f" or {'one value' if one else 'values'} of {question.group!r}"
    left_out.append(
        f"Left out: {_some(sorted(frame['label'].unique()))} ({counted(len(frame), unit)}), found "
        f"in {where} only, so that a probe could not be both taught and tested."
    )


def _partly(frame: pd.DataFrame) -> tuple[str, ...]:
    """Say how many recordings are called what only some of their windows are called."""
    count = int(frame["partly"].sum())
    if not count:
        return ()
    be, their = ("is", "its") if count == 1 else ("are", "their")
    return (
        f"{counted(count, 'recording')} {be} labelled by only some of {their} windows; all "
        f"{their} windows are pooled.",
    )


def _finished(
    frame: pd.DataFrame,
    split: Split,
    question: Question,
    *,
    pooling: str,
    left_out: list[str],
    reference: str,
    numbers: Mapping[str, IntArray],
) -> Gathered:
    used = frame[split.fold >= 0]
    classes, truth = np.unique(used["label"].to_numpy(str), return_inverse=True)
    counts = np.bincount(truth, minlength=len(classes))
    task = Task(
        label=question.label,
        group=question.group or "recording",
        pooling=pooling,
        classes=tuple(classes.tolist()),
        counts=tuple(counts.tolist()),
        recordings=int(used["identity"].nunique()),
        folds=split.names,
        split=split.sentence,
        majority=float(counts.max() / counts.sum()),
        left_out=(*left_out, *_partly(used)),
    )
    units = Units(
        recording=tuple(used["recording"]),
        start_s=tuple(used["start_s"]),
        stop_s=tuple(used["stop_s"]),
        truth=truth.astype(np.int64),
        fold=split.fold[split.fold >= 0],
    )
    # The last place is that of -1: rows of no unit.
    place = at(
        1 + max(int(one.max()) for one in numbers.values()) + 1, used.index, range(len(used))
    )
    return Gathered(
        task=task,
        units=units,
        groups=in_order(used["group"].to_numpy()),
        group_values=tuple(used["value"]),
        reference=reference,
        unit_of_row={title: place[of_rows] for title, of_rows in numbers.items()},
    )
