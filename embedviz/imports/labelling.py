"""Labels for a set that exists already, from a table that names its recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from embedviz.data import TIME_COLUMNS, EmbeddingSet, Recording
from embedviz.labels import from_table


def labelled(embedding_set: EmbeddingSet, table: Path) -> tuple[EmbeddingSet, tuple[str, ...]]:
    """Give a set with the labels of a CSV or TSV, and the names of recordings without a row.

    The columns of the table come first among the labels; those of the same names are replaced.

    Raises
    ------
    LabelsError
        If the table cannot be read or names no recording of the set.
    """
    names = list(dict.fromkeys(map(str, embedding_set.table["recording"])))
    recordings = [Recording(name, Path(name), 0.0, 0, 0) for name in names]
    found = from_table(table, recordings)
    said = {recording.name: recording.labels for recording in found.recordings}
    rows = embedding_set.table["recording"].astype(str)
    columns = {name: rows.map(lambda one: said[one][name]) for name in found.columns}  # noqa: B023
    before = embedding_set.table.drop(columns=[n for n in columns if n in embedding_set.table])
    rest = [name for name in before if name not in TIME_COLUMNS]
    whole = before[list(TIME_COLUMNS)].assign(**columns).join(before[rest])
    kept = [name for name in embedding_set.label_columns if name not in columns]
    made = replace(embedding_set.provenance, label_columns=(*found.columns, *kept))
    return replace(embedding_set, table=whole, provenance=made), found.unmatched
