"""What is asked of the sets, and the sentences for what they cannot answer."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from embedviz.errors import EvaluationError
from embedviz.evaluation.candidates import Sets
from embedviz.evaluation.pooled import POOLINGS

_BY_WINDOW = "pool by window (--pool window), so that each row keeps its own"
_NOT_LABELS = ("recording", "start_s", "stop_s", "padding_s")


@dataclass(frozen=True)
class Question:
    """What is asked of every set; see `embedviz.evaluation.evaluate.evaluate`."""

    label: str
    group: str | None = None
    folds: str | None = None
    pooling: str | None = None
    seed: int = 0


def reference_of(sets: Sets, question: Question) -> str:
    """Give the title of the first set with the label column, which is believed.

    Raises
    ------
    EvaluationError
        If none has it, or that one lacks another column that is asked for, or a set is empty.
    """
    if not sets:
        raise EvaluationError("There is no set to evaluate; give one or more.")
    for title, one in sets.items():
        if not len(one):
            raise EvaluationError(f"{title} has no rows; give a set that has some.")
    having = [title for title, one in sets.items() if question.label in one.table]
    if not having:
        columns = dict.fromkeys(str(n) for one in sets.values() for n in one.table.columns)
        offered = [name for name in columns if name not in _NOT_LABELS]
        raise EvaluationError(
            f"There is no column {question.label!r}; there "
            + (f"are {', '.join(offered)}." if offered else "is none that could be a label.")
        )
    for wanted in (question.group, question.folds):
        if wanted and wanted not in sets[having[0]].table:
            columns = dict.fromkeys(str(n) for n in sets[having[0]].table.columns)
            raise EvaluationError(
                f"{having[0]}, which has the label, has no column {wanted!r}; it has "
                f"{', '.join(columns)}."
            )
    return having[0]


def pooling_of(sets: Sets, asked: str | None) -> str:
    """Give how rows become units: as asked, else by window where all rows are of one set.

    Raises
    ------
    EvaluationError
        If what is asked is no way of pooling.
    """
    if asked is not None and asked not in POOLINGS:
        raise EvaluationError(f"The pooling {asked!r} is not one of {', '.join(POOLINGS)}.")
    if len(sets) == 1:
        table = next(iter(sets.values())).table
        if asked is None or len(table) == table["recording"].nunique():
            return "window"
    return asked or "mean"


def check_labels(frame: pd.DataFrame, question: Question, *, several: int) -> None:
    """Refuse labels of which nothing can be learned.

    Parameters
    ----------
    frame
        One row a unit that has a label.
    several
        Recordings that were left out because they have more than one.

    Raises
    ------
    EvaluationError
        If there is none, or only one.
    """
    found = frame["label"].unique()
    if not len(found) and several:
        raise EvaluationError(
            f"Every recording has more than one value of {question.label!r}; {_BY_WINDOW}."
        )
    if not len(found):
        raise EvaluationError(
            f"The column {question.label!r} is empty in every row; choose another or label some."
        )
    if len(found) == 1 and several:
        were = "was" if several == 1 else "were"
        raise EvaluationError(
            f"All recordings with one value of {question.label!r} have {found[0]!r}, and a probe "
            f"needs at least two classes to tell apart; {several:,} with more than one label "
            f"{were} left out, so {_BY_WINDOW}."
        )
    if len(found) == 1:
        raise EvaluationError(
            f"All rows have the label {found[0]!r} in the column {question.label!r}; a probe "
            "needs at least two classes to tell apart."
        )
