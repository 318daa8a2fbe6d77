"""The rows of a set as `metadata.tsv`, in words that the projector shows as they are.

The projector skips blank lines, lets the last of two equal column names win, and colours by a text
column only while it has at most 50 values. Everything here is there to keep its table the same as
ours; `cells` does so within a column, `pieces` within the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from embedviz.data import TIME_COLUMNS, EmbeddingSet
from embedviz.projector.cells import UNKNOWN, Tell, clean, is_numeric, safe_cells
from embedviz.projector.changes import quoted
from embedviz.projector.joined import SEQUENCE, next_windows
from embedviz.projector.pieces import whole_letters

__all__ = ["UNKNOWN", "Metadata", "columns_of", "metadata_bytes", "metadata_table"]

MOST_COLOURED_VALUES = 50

_NOT_ROWS = ("embedding", "thumbnail")


@dataclass(frozen=True)
class Metadata:
    """A set's table as the projector should show it."""

    table: pd.DataFrame
    """Text without empty cells, at least two columns."""
    changes: tuple[str, ...]
    """What is otherwise than in the set, in sentences."""
    label: str
    """The column that points are labelled by."""
    colour: str | None
    """The column that points are coloured by, where one has few enough values."""


def columns_of(embedding_set: EmbeddingSet) -> list[str]:
    """Give the columns that a bundle of a set can hold: labels, recording, times, all others."""
    return [str(embedding_set.table.columns[place]) for place in _order(embedding_set)[0]]


def metadata_table(
    embedding_set: EmbeddingSet,
    *,
    columns: Sequence[str] | None = None,
    label: str | None = None,
    join_windows: bool = False,
) -> Metadata:
    """Give the table of a set as the projector should show it.

    Parameters
    ----------
    embedding_set
        N rows.
    columns
        Which columns in which order, of those in `columns_of`; None for all.
    label
        The column to label points by, which then comes first; None for the first of texts.
    join_windows
        Add `__seq_next__`, so that a line joins the windows of each recording.

    Returns
    -------
    Metadata
        N rows of text: the labels, `recording`, `start_s`, `stop_s`, `top_class`, `padding_s` where
        any window was padded, then whatever else the table holds. Numbers that are names keep their
        zeros behind the word `id`; a text column of more than 50 values is followed by `<name>_top`
        with the 49 most frequent and `other`.
    """
    changes: list[str] = []
    places, left_out = _order(embedding_set)
    changes += [
        f"Column {quoted(name)} is left out: its cells hold lists." for name in sorted(left_out)
    ]
    chosen = _chosen(embedding_set.table, places, columns, label)
    shown = _shown(embedding_set.table, chosen, changes.append)
    labelled, coloured = _label_and_colour(shown, label)
    if labelled == label and is_numeric(shown[labelled]):
        changes.append(
            f"Column {quoted(labelled)} holds numbers, which the projector does not label points "
            'by at first; choose it under "Label by".'
        )
    if join_windows:
        shown[SEQUENCE] = [str(row) for row in next_windows(embedding_set.table)]
    if len(shown) == 1:
        # The projector takes the header of a single column for the first row.
        shown[_unique("row", shown)] = [str(row) for row in range(len(embedding_set))]
        changes.append("A column of row numbers is added: one column alone could have no name.")
    return Metadata(pd.DataFrame(shown), tuple(changes), labelled, coloured)


def metadata_bytes(table: pd.DataFrame) -> bytes:
    """Give the file's bytes for a table of `metadata_table`."""
    rows = ["\t".join(map(str, table.columns))]
    rows.extend(map("\t".join, zip(*(table[name] for name in table), strict=True)))
    lines = [row.encode() + b"\n" for row in rows]
    if all(map(bytes.isascii, lines)):
        return b"".join(lines)
    names = [str(name) for name in table]
    numbers = [name for name in names if name != SEQUENCE and is_numeric(table[name])]
    # Zeros at its end look the least odd in a time.
    numbers.sort(key=lambda name: not name.endswith("_s"))
    return b"".join(whole_letters(lines, [names.index(name) for name in numbers]))


def _order(embedding_set: EmbeddingSet) -> tuple[list[int], set[str]]:
    """Give the places of columns that rows can show, in order, and the names of all others."""
    table, labels = embedding_set.table, embedding_set.label_columns
    names = [str(name) for name in table.columns]
    # The projector labels points by its first text column, so the labels lead.
    first = [*sorted(labels, key=lambda name: name != "label"), *TIME_COLUMNS, "top_class"]
    rank = {name: place for place, name in enumerate(first)}
    places = sorted(range(len(names)), key=lambda place: rank.get(names[place], len(rank)))
    if "padding_s" in names and not (table["padding_s"] != 0).any():
        places.remove(names.index("padding_s"))
    places = [place for place in places if names[place] not in _NOT_ROWS]
    kept = [place for place in places if _is_scalar(table.iloc[:, place])]
    return kept, {names[place] for place in places} - {names[place] for place in kept}


def _is_scalar(values: pd.Series) -> bool:
    return values.dtype != object or all(map(pd.api.types.is_scalar, values))


def _chosen(
    table: pd.DataFrame, places: list[int], columns: Sequence[str] | None, label: str | None
) -> list[int]:
    names = {place: str(table.columns[place]) for place in places}
    if columns is not None:
        wanted = list(dict.fromkeys([*([label] if label else []), *columns]))
        places = [place for name in wanted for place in places if names[place] == name]
    return sorted(places, key=lambda place: names[place] != label)


def _shown(table: pd.DataFrame, places: list[int], tell: Tell) -> dict[str, list[str]]:
    """Give columns by the names that they are shown under, companions behind their own."""
    named = {
        name: safe_cells(table.iloc[:, place], tell)
        for place, name in zip(places, _names(table, places, tell), strict=True)
    }
    shown: dict[str, list[str]] = {}
    for name, cells in named.items():
        shown.setdefault(name, cells)
        distinct = len(set(cells))
        if distinct <= MOST_COLOURED_VALUES or is_numeric(cells):
            continue
        most, companion = _most(cells), f"{name}_top"
        # A set that was read from a bundle brings its companions along.
        if named.get(companion) != most:
            companion = _unique(companion, {*named, *shown})
        shown[companion] = most
        tell(
            f"Column {quoted(name)}: {distinct:,} different texts, and points can be coloured by "
            f"up to {MOST_COLOURED_VALUES}; {companion} holds the {MOST_COLOURED_VALUES - 1} most "
            "frequent and 'other'."
        )
    return shown


def _names(table: pd.DataFrame, places: list[int], tell: Tell) -> list[str]:
    given = [str(table.columns[place]) for place in places]
    # Names that are safe as they are stay with their columns; the others give way.
    claimed = {name for name in given if _clean_name(name) == name}
    names: list[str] = []
    for source in given:
        stays = source in claimed and source not in names
        name = source if stays else _unique(_clean_name(source), {*claimed, *names})
        if name != source:
            tell(f"Column {quoted(source)} is called {quoted(name)}, which the projector keeps.")
        names.append(name)
    return names


def _most(cells: list[str]) -> list[str]:
    kept = {cell for cell, _ in Counter(cells).most_common(MOST_COLOURED_VALUES - 1)}
    return [cell if cell in kept else "other" for cell in cells]


def _clean_name(name: str) -> str:
    cleaned = clean(name)
    if cleaned.startswith("__") and cleaned.endswith("__"):
        # __next__ and __seq_next__ would draw lines between points, __proto__ would vanish.
        cleaned = cleaned.strip("_")
    return cleaned or "column"


def _unique(name: str, taken: Iterable[str]) -> str:
    used, number, candidate = set(taken), 2, name
    while candidate in used:
        candidate, number = f"{name} {number}", number + 1
    return candidate


def _label_and_colour(shown: dict[str, list[str]], label: str | None) -> tuple[str, str | None]:
    names = list(shown)
    texts = [name for name in names if not is_numeric(shown[name])]
    labelled = names[0] if label is not None else (texts or names)[0]
    few = [name for name in texts if len(set(shown[name])) <= MOST_COLOURED_VALUES]
    if label is not None and (labelled in few or labelled not in texts):
        return labelled, labelled
    return labelled, few[0] if few else None
