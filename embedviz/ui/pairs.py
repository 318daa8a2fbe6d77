"""Two sets of a workspace side by side: the rows that both have, and how far they agree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from embedviz import agreement
from embedviz.correspondence import RowNumbers, corresponding, matching_rows
from embedviz.data import TIME_COLUMNS, EmbeddingSet, FloatArray, Projection, Provenance, Source
from embedviz.errors import EmbedvizError, SetError
from embedviz.neighbours import Progress
from embedviz.store import KEY, THRIFT
from embedviz.ui.job import Job, Report
from embedviz.ui.pace import Update
from embedviz.ui.results import at_once, result
from embedviz.ui.workspace import Workspace

OPEN_PAIRS = 4
AT_ONCE = 2_000
"""Rows that are compared within a second or two: not worth waiting behind the jobs of others."""
MOST_LOOKED_AT = 12
"""Sets among which two that correspond are looked for."""


@dataclass(frozen=True, eq=False)
class Side:
    """One of two sets."""

    name: str
    """In the workspace."""
    whole: EmbeddingSet
    numbers: RowNumbers
    """(M,) the rows that the other set has as well."""

    @cached_property
    def embedding_set(self) -> EmbeddingSet:
        """These rows alone."""
        return _only(self.whole, self.numbers)

    def placed(self, projection: Projection) -> EmbeddingSet:
        """Give these rows with their places on a map of the whole set."""
        places = projection.coordinates[self.numbers]
        return self.embedding_set.with_projection(replace(projection, coordinates=places))


@dataclass(frozen=True, eq=False)
class Pair:
    """Two sets whose rows correspond: row i of both sides is the same sound."""

    left: Side
    right: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        """Left and right."""
        return self.left, self.right

    def __len__(self) -> int:
        """Give the number of rows that both sets have."""
        return len(self.left.numbers)

    @cached_property
    def table(self) -> pd.DataFrame:
        """What is known of the rows: the left set's columns, then those only the right one has."""
        left, right = (side.embedding_set.table for side in self.sides)
        return pd.concat([left, right[[name for name in right if name not in left]]], axis=1)

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The label columns of either set."""
        every = [name for side in self.sides for name in side.embedding_set.label_columns]
        return tuple(dict.fromkeys(every))


@dataclass(frozen=True)
class Agreement:
    """How far the models of a pair agree about its M rows."""

    shared: FloatArray
    """(M,) the share of nearest neighbours that both have in common."""
    chance: float
    accuracies: tuple[float | None, float | None]
    """Left and right: how often the nearest row has the same label; None where none has one."""


def likely_pair(workspace: Workspace, names: Sequence[str]) -> tuple[str, str]:
    """Give the two most recent sets that correspond; the first two where none do.

    Parameters
    ----------
    names
        Two or more, the most recent first.
    """
    found = {
        name: _stretches(workspace.set_path(name), _stamp(workspace, name))
        for name in names[:MOST_LOOKED_AT]
    }
    for place, older in enumerate(names[:MOST_LOOKED_AT]):
        for newer in names[:place]:
            one, other = found[newer], found[older]
            if one and other and len(corresponding(*one, *other)[0]) > 1:
                return newer, older
    return names[0], names[1]


def pair_of(workspace: Workspace, left: str, right: str) -> Pair:
    """Open two sets as a pair; the few opened last stay in memory.

    Raises
    ------
    SetError
        If fewer than two rows correspond; the sentence says what to do.
    """
    return _pair(workspace, left, _stamp(workspace, left), right, _stamp(workspace, right))


def agreement_of(workspace: Workspace, pair: Pair, label: str | None) -> Agreement | Job:
    """Give how far a pair agrees; of many rows, or the job that computes it.

    Parameters
    ----------
    label
        The column of `pair.table` that nearest neighbours are asked for.
    """
    names = [side.name for side in pair.sides]
    states = [f"{workspace.set_path(name)} {_stamp(workspace, name)}" for name in names]
    key = "|".join(["agreement", *states, label or ""])
    if len(pair) <= AT_ONCE:
        return at_once(key, lambda: _compare(pair, label, lambda update: None))
    return result(
        key,
        lambda report: _compare(pair, label, report),
        owner=workspace.token,
        title=f"Comparing {names[0]} with {names[1]}",
    )


def _compare(pair: Pair, label: str | None, report: Report) -> Agreement:
    """Find neighbours and labels; half of the work is in each."""
    left, right = (side.embedding_set.vectors for side in pair.sides)
    shared = agreement.shared_neighbours(left, right, progress=_part(report, 0, 50))
    accuracies: list[float | None] = [None, None]
    if label is not None:
        labels = pair.table[label].fillna("").astype(str).tolist()
        recordings = pair.table["recording"].tolist()
        accuracies = [
            agreement.nearest_label_accuracy(
                found, labels, recordings, progress=_part(report, start, start + 25)
            )
            for found, start in ((left, 50), (right, 75))
        ]
    return Agreement(shared, agreement.chance(len(pair)), (accuracies[0], accuracies[1]))


def _part(report: Report, start: int, stop: int) -> Progress:
    """Give a progress function for one stage, which counts as `start` to `stop` per cent."""
    return lambda done, total: report(Update(start + (stop - start) * done / total, 100, "%"))


@lru_cache(maxsize=OPEN_PAIRS)
def _pair(workspace: Workspace, left: str, _left_stamp: str, right: str, _right_stamp: str) -> Pair:
    """Open a pair once for each state of its files."""
    one, other = workspace.open_set(left), workspace.open_set(right)
    rows = matching_rows(one, other)
    if len(rows[0]) < 2:
        raise SetError(
            "The sets have one row in common; a comparison needs at least two. Embed more "
            "recordings with both models."
        )
    return Pair(Side(left, one, rows[0]), Side(right, other, rows[1]))


def _only(embedding_set: EmbeddingSet, rows: RowNumbers) -> EmbeddingSet:
    if np.array_equal(rows, np.arange(len(embedding_set))):
        return embedding_set
    pictures = embedding_set.thumbnails
    return replace(
        embedding_set,
        table=embedding_set.table.iloc[rows].reset_index(drop=True),
        vectors=embedding_set.vectors[rows],
        thumbnails=None if pictures is None else pictures[rows],
        projection=None,
    )


def _stamp(workspace: Workspace, name: str) -> str:
    """Tell two states of a set and of its labels apart."""
    try:
        return workspace.state(name)
    except EmbedvizError:
        return ""


@lru_cache(maxsize=2 * MOST_LOOKED_AT)
def _stretches(path: Path, _stamp: str) -> tuple[pd.DataFrame, Mapping[str, Source]] | None:
    """Read what rows a set's file has, without their vectors; None where it cannot be read."""
    try:
        with pq.ParquetFile(path, **THRIFT) as file:
            made = Provenance.from_json(json.loads(file.metadata.metadata[KEY]))
            table = file.read(list(TIME_COLUMNS))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None
    return table.replace_schema_metadata(None).to_pandas(), made.recordings
