"""Splits into folds that never put windows of one recording, or of one group, on both sides."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedviz.errors import EvaluationError
from embedviz.evaluation.results import IntArray

MOST_FOLDS = 5
_TRIES = 10
"""Shuffles that are tried until no fold holds a class alone."""


@dataclass(frozen=True)
class Split:
    """The folds of some units, U of them."""

    fold: IntArray
    """(U,) the fold in which a unit is tested; -1 for one that cannot be used."""
    names: tuple[str, ...]
    sentence: str
    """How the folds were made."""


def joined_groups(*columns: npt.ArrayLike) -> IntArray:
    """Give numbers to the groups of units that share a value in any of the columns.

    Parameters
    ----------
    columns
        Each (U,); an empty value is shared with nobody. Units are in one group also where they
        share values with a third one only.

    Returns
    -------
    IntArray
        (U,) 0, 1, ... in the order of appearance.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    every = [np.asarray(column, dtype=str) for column in columns]
    units = len(every[0])
    rows, places, width = [], [], units
    for values in every:
        named = np.flatnonzero(values != "")
        known, place = np.unique(values[named], return_inverse=True)
        rows.append(named)
        places.append(place + width)
        width += len(known)
    edges = np.concatenate(rows), np.concatenate(places)
    graph = csr_matrix((np.ones(len(edges[0]), np.int8), edges), shape=(width, width))
    component = connected_components(graph, directed=False)[1][:units]
    return in_order(component)


def in_order(values: npt.ArrayLike) -> IntArray:
    """Give numbers to the different values (U,), by their first appearance."""
    _, first, inverse = np.unique(np.asarray(values), return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse], np.int64)


def groups_of_class(truth: IntArray, groups: IntArray) -> IntArray:
    """Give how many groups each class (C,) lies in; units of truth -1 count for none."""
    pairs = np.unique(np.stack([truth, groups])[:, truth >= 0], axis=1)
    return np.asarray(np.bincount(pairs[0], minlength=int(truth.max(initial=-1)) + 1), np.int64)


def make_folds(
    truth: npt.ArrayLike, groups: npt.ArrayLike, *, count: int = MOST_FOLDS, seed: int = 0
) -> IntArray:
    """Deal groups into folds so that every fold has about the same share of each class.

    Parameters
    ----------
    truth
        (U,) the class of each unit, of any type.
    groups
        (U,) what must not be on both sides of a split, of any type.
    count
        The most folds; there are fewer where the rarest class lies in fewer groups, unless only
        more of them have every class on both sides.
    seed
        Of the shuffle.

    Returns
    -------
    IntArray
        (U,) 0, 1, ...; -1 for units of a class that lies in one group, or in one fold however
        groups are dealt, because a probe could only be taught it or asked for it, never both.

    Raises
    ------
    EvaluationError
        If fewer than two groups, or fewer than two classes that lie in two groups, are there.
    """
    truth, groups = in_order(truth), in_order(groups)
    if not len(truth):
        raise EvaluationError("There are no rows to evaluate; give a set that has some.")
    if truth.max() == 0:
        raise EvaluationError(
            "All rows have the same label; a probe needs at least two classes to tell apart."
        )
    if groups.max() == 0:
        raise EvaluationError(
            "All rows belong to one recording or group; a split needs at least two, so that what "
            "is tested was not trained on."
        )
    reach = groups_of_class(truth, groups)
    if np.count_nonzero(reach >= 2) < 2:
        raise EvaluationError(
            "Fewer than two classes lie in two or more recordings or groups, so none can be both "
            "learned and tested; label more recordings or choose another group column."
        )
    used = np.flatnonzero(reach[truth] >= 2)
    fewest = max(2, min(count, int(reach[reach >= 2].min())))
    most = max(fewest, min(count, len(np.unique(groups[used]))))
    folds = np.full(len(truth), -1, np.int64)
    for number in range(fewest, most + 1):
        folds[used] = _dealt(truth[used], groups[used], number, seed)
        lonely = _lonely(truth, folds)
        if not len(lonely):
            return folds
    folds[np.isin(truth, lonely)] = -1
    held = np.unique(folds[folds >= 0])
    if len(held) < 2 or len(np.unique(truth[folds >= 0])) < 2:
        raise EvaluationError(
            "However the recordings or groups are dealt, fewer than two classes can be both "
            "learned and tested; label more recordings or choose another group column."
        )
    return np.where(folds < 0, -1, np.searchsorted(held, folds))


def official_folds(
    values: Sequence[str], groups: IntArray, *, column: str, names: Sequence[str]
) -> tuple[IntArray, tuple[str, ...]]:
    """Take a column's values as the folds: give the number of each unit's (U,), and their names.

    Parameters
    ----------
    values
        (U,) the fold of each unit; a unit without one is not used and gets -1.
    groups
        (U,) what must not be on both sides.
    column
        The name of the column, for sentences.
    names
        (U,) what a unit's group is called, for sentences.

    Raises
    ------
    EvaluationError
        If a group lies in two folds, or there are fewer than two folds.
    """
    given = np.asarray(values, dtype=str)
    known = tuple(sorted({str(value) for value in given} - {""}, key=_natural))
    if len(known) < 2:
        found = f"only the fold {known[0]!r}" if known else "no fold"
        raise EvaluationError(
            f"The column {column!r} names {found}; a split needs at least two, so choose another "
            "column or let the folds be made."
        )
    fold = np.array([known.index(value) if value else -1 for value in given.tolist()], np.int64)
    used = np.flatnonzero(fold >= 0)
    first = np.full(int(groups.max()) + 1, -1, np.int64)
    first[groups[used[::-1]]] = used[::-1]
    torn = used[fold[used] != fold[first[groups[used]]]]
    if len(torn):
        one, other = first[groups[torn[0]]], torn[0]
        also = "" if names[one] == names[other] else f" (with {names[other]})"
        raise EvaluationError(
            f"{names[one]}{also} lies in the folds {str(given[one])!r} and {str(given[other])!r} "
            f"of the column {column!r}, so it would be trained on and tested; correct the column "
            "or let the folds be made."
        )
    return fold, known


def of_column(fold: IntArray, names: Sequence[str], column: str) -> Split:
    """Give the folds of a column in which something is tested, numbered anew.

    Parameters
    ----------
    fold
        (U,) numbers of the names; -1 for units that cannot be used.
    names
        Of all folds that the column knows.
    column
        Its name, for the sentence.
    """
    held = np.unique(fold[fold >= 0])
    where = "" if len(held) == len(names) else " in which something can be tested"
    return Split(
        np.where(fold < 0, -1, np.searchsorted(held, fold)),
        tuple(names[number] for number in held.tolist()),
        f"The {len(held)} folds are those of the column {column!r}{where}.",
    )


def _natural(value: str) -> tuple[float, str]:
    """Order numbers by size, before words."""
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value


def _lonely(truth: IntArray, fold: IntArray) -> IntArray:
    """Give the classes that lie in one fold alone; units in no fold count for none."""
    used = fold >= 0
    return np.flatnonzero(groups_of_class(truth[used], fold[used]) == 1)


def _dealt(truth: IntArray, groups: IntArray, count: int, seed: int) -> IntArray:
    """Deal with scikit-learn, again where all of a class fell into one fold."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    # Without groups to keep together the same deal takes seconds less for 100,000 units.
    alone = len(np.unique(groups)) == len(groups)
    best, fewest = np.zeros(len(truth), np.int64), len(truth) + 1
    for attempt in range(_TRIES):
        make = StratifiedKFold if alone else StratifiedGroupKFold
        deal = make(n_splits=count, shuffle=True, random_state=seed + attempt)
        fold = np.empty(len(truth), np.int64)
        with warnings.catch_warnings():
            # A class with fewer units than folds is no mistake where more folds are tried.
            warnings.filterwarnings("ignore", "The least populated class")
            parts = deal.split(truth, truth) if alone else deal.split(truth, truth, groups)
            for number, (_, tested) in enumerate(parts):
                fold[tested] = number
        lonely = len(_lonely(truth, fold))
        if lonely < fewest:
            best, fewest = fold, lonely
        if not fewest:
            break
    return best
