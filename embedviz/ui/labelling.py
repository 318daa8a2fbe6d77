"""Labels for the recordings of a workspace: from folders, from a table, or none."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from embedviz.data import Recording
from embedviz.errors import LabelsError
from embedviz.labels import LABEL, Labelled, from_folders, from_table
from embedviz.ui.recordings import Collection, lasting
from embedviz.wording import counted

FOLDERS, NONE = "folders", "none"
"""Where labels come from, if not from one of the tables."""


@dataclass(frozen=True)
class Labelling:
    """Recordings with the labels of one source, and words about them."""

    recordings: tuple[Recording, ...]
    sentence: str = ""
    problem: str = ""
    """Why the source gives no labels."""
    matched: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """The label columns."""
        return tuple(dict.fromkeys(name for r in self.recordings for name in r.labels))


def sources(collection: Collection) -> list[str]:
    """Give where labels can come from, the most telling first."""
    tables = {name: labelled(collection, name).matched for name, _ in collection.tables}
    useful = sorted((name for name in tables if tables[name]), key=lambda name: -tables[name])
    useless = [name for name in tables if not tables[name]]
    folders = [FOLDERS] if collection.in_folders else []
    return [*useful, *folders, NONE, *useless]


@lru_cache(maxsize=32)
def labelled(collection: Collection, source: str) -> Labelling:
    """Label a collection's recordings by their folders, by the table `source`, or not at all."""
    if source == FOLDERS:
        recordings = tuple(
            # What was brought in without a folder lies in the workspace's own, which says nothing.
            recording if "/" in recording.name else replace(recording, labels={LABEL: ""})
            for recording in from_folders(collection.recordings)
        )
        return Labelling(recordings, matched=sum("/" in recording.name for recording in recordings))
    table = dict(collection.tables).get(source)
    if table is None:
        return Labelling(collection.recordings)
    try:
        found = from_table(table, collection.recordings)
    except LabelsError as error:
        return Labelling(collection.recordings, problem=str(error))
    matched, every = len(found.recordings) - len(found.unmatched), len(found.recordings)
    column = _column(table, found)
    said = f"Column `{column}` is the label. " if column else ""
    return Labelling(
        found.recordings, f"{said}{matched:,} of {every:,} recordings have a row.", matched=matched
    )


def summary(labelling: Labelling) -> str:
    """Say how much there is: `240 recordings · 20 min 4 s · 10 labels`."""
    recordings = labelling.recordings
    parts = [counted(len(recordings), "recording"), lasting(sum(r.duration_s for r in recordings))]
    labels = {recording.labels.get(LABEL, "") for recording in recordings} - {""}
    if labels:
        parts.append(counted(len(labels), "label"))
    return " · ".join(parts)


def _column(table: Path, found: Labelled) -> str:
    """Find the table's own name for the column that became `label`; empty if it cannot be told."""
    said = {recording.labels[LABEL] for recording in found.recordings} - {""}
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        delimiter = max(",;\t", key=file.readline().count)
        file.seek(0)
        rows = list(csv.reader(file, delimiter=delimiter))
    for position, name in enumerate(rows[0]):
        values: set[str] = {row[position].strip() for row in rows[1:] if position < len(row)}
        if name and name not in found.columns[1:] and said <= values:
            return name.strip()
    return ""
