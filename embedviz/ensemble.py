"""Several models as one: their vectors of the same rows, standardised and set side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

import embedviz
from embedviz.correspondence import RowNumbers, matching_rows
from embedviz.data import TIME_COLUMNS, EmbeddingSet, FloatArray, Provenance
from embedviz.errors import SetError

_ROUNDING = 1e-6


def ensemble(sets: Sequence[EmbeddingSet]) -> EmbeddingSet:
    """Join the vectors of several models over the rows that all of them have.

    Every column is shifted and scaled to mean 0 and variance 1 over the rows; a column that does
    not vary becomes 0. A model's columns are then divided by the square root of how many of them
    vary, so that each model adds the same mean squared length, 1, and none wins by being wide.

    Parameters
    ----------
    sets
        Two or more; the first gives the order of the rows, the pictures and the times.

    Returns
    -------
    EmbeddingSet
        (N, D1 + D2 + ...) vectors. Labels and other columns are those of the first set that has
        them; `provenance` names the members and is verified only if all are.

    Raises
    ------
    SetError
        If fewer than two sets are given, their common rows are fewer than two, or a vector is
        not finite.
    """
    if len(sets) < 2:
        raise SetError("An ensemble needs at least two sets; name another one.")
    rows = _common_rows(sets)
    if len(rows[0]) < 2:
        raise SetError("The sets have one row in common; an ensemble needs at least two.")
    titles = [one.provenance.title for one in sets]
    parts = [
        _standardised(one.vectors[numbers], title)
        for one, numbers, title in zip(sets, rows, titles, strict=True)
    ]
    table = _table(sets, rows)
    pictures = sets[0].thumbnails
    return EmbeddingSet(
        table=table,
        vectors=np.hstack(parts),
        provenance=_provenance(sets, table),
        thumbnails=None if pictures is None else pictures[rows[0]],
    )


def _common_rows(sets: Sequence[EmbeddingSet]) -> list[RowNumbers]:
    """Give for each set the rows that correspond in all, in the order of the first."""
    first = sets[0]
    found = [matching_rows(first, other) for other in sets[1:]]
    common = np.arange(len(first), dtype=np.int32)
    for rows, _ in found:
        common = np.intersect1d(common, rows)
    if not len(common):
        raise SetError(
            "No row is in all of the sets. Embed the recordings with every model with one point "
            "per recording, or per the same number of seconds."
        )
    return [common, *(others[np.searchsorted(rows, common)] for rows, others in found)]


def _standardised(vectors: FloatArray, title: str) -> FloatArray:
    values = np.asarray(vectors, np.float64)
    if not np.isfinite(values).all():
        raise SetError(f"The vectors of {title} hold NaN or infinity; embed the recordings anew.")
    largest = np.abs(values).max(axis=0)
    values = values - values.mean(axis=0)
    spread = values.std(axis=0)
    # What is left of a constant after float32 is no signal to be blown up to variance 1.
    varies = spread > _ROUNDING * largest
    values[:, varies] /= spread[varies]
    values[:, ~varies] = 0
    values /= np.sqrt(max(1, int(np.count_nonzero(varies))))
    return np.asarray(values, np.float32)


def _table(sets: Sequence[EmbeddingSet], rows: Sequence[RowNumbers]) -> pd.DataFrame:
    """Give the first set's columns, and those that only later ones have; labels come first."""
    tables = [
        one.table.iloc[numbers].reset_index(drop=True)
        for one, numbers in zip(sets, rows, strict=True)
    ]
    columns: dict[str, pd.Series] = {}
    for table in tables:
        columns = {str(name): table[name] for name in table.columns} | columns
    labels = _labels(sets)
    order = [*TIME_COLUMNS, *labels]
    known = [str(name) for table in tables for name in table.columns]
    order += [name for name in dict.fromkeys(known) if name not in order]
    return pd.DataFrame({name: columns[name] for name in order})


def _labels(sets: Sequence[EmbeddingSet]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in sets for name in one.label_columns))


def _provenance(sets: Sequence[EmbeddingSet], table: pd.DataFrame) -> Provenance:
    """Describe the rows as the first set does, and the vectors by all of their members."""
    made = [one.provenance for one in sets]
    names = [_name(one) for one in made]
    heard = set(table["recording"])
    failures: dict[str, str] = {}
    for one in reversed(made):
        failures |= {name: why for name, why in one.failures.items() if name not in heard}
    return replace(
        made[0],
        model=f"ensemble({', '.join(names)})",
        variant="default",
        weights=_weights(names, made),
        verified=all(one.verified for one in made),
        precision=", ".join(dict.fromkeys(one.precision for one in made)),
        version=embedviz.__version__,
        recordings={name: one for name, one in made[0].recordings.items() if name in heard},
        label_columns=_labels(sets),
        failures=failures,
        # Those of a member that is an ensemble itself, not its name.
        members=tuple(
            member
            for one, name in zip(made, names, strict=True)
            for member in one.members or (name,)
        ),
    )


def _name(made: Provenance) -> str:
    """Name a member: its model, with the variant where it is not implied."""
    return made.model if made.variant in ("", "default") else f"{made.model} {made.variant}"


def _weights(names: Sequence[str], made: Sequence[Provenance]) -> Mapping[str, str]:
    """Give every member's files; two models may have files of one name."""
    return {
        f"{name}/{file}": sha256
        for name, one in zip(names, made, strict=True)
        for file, sha256 in one.weights.items()
    }
