"""Labels for recordings: from the folders that hold them, or from a table that names them.

A table needs no particular layout. Whichever column names most of the recordings is the key, and
every other column becomes a label column; the most telling one comes first and is called `label`.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from embedviz.data import RESERVED_COLUMNS, Recording
from embedviz.errors import LabelsError

LABEL = "label"
TELLING = ("category", "class", "species", "call_type", "call", "sound", "type", "name")
"""Column names that usually hold the label, most likely first."""
EXTENSION = re.compile(
    r"\.(wav|wave|w64|rf64|flac|ogg|oga|opus|mp[1-4]|m4a|aac|aiff?|aifc|au|snd|caf|wma|webm)$"
)
# How much of a path must agree, strictest first: so many parts from its end, with its extension.
WHOLE = 99
LEVELS = tuple((parts, extension) for parts in (WHOLE, 2, 1) for extension in (True, False))
Columns = Sequence[Sequence[str]]
"""The cells of a table, column by column; the header is row 0."""
Rows = dict[int, list[list[int]]]
"""Index of a recording -> for every spelling of its name, the rows that use it, first one first."""


@dataclass(frozen=True)
class Labelled:
    """Recordings with the labels of a table."""

    recordings: tuple[Recording, ...]
    columns: tuple[str, ...]
    """The label columns, `label` first; every recording has a value for each."""
    unmatched: tuple[str, ...]
    """Names of the recordings without a row; their labels are empty."""


def from_folders(recordings: Sequence[Recording]) -> tuple[Recording, ...]:
    """Label each recording with the name of the folder that holds it.

    Parameters
    ----------
    recordings
        The folder is read from `name` where that has one, else from `path`.

    Returns
    -------
    tuple of Recording
        In the same order; `labels` holds the one column `label`.
    """
    return tuple(replace(r, labels={LABEL: _folder_of(r)}) for r in recordings)


def _folder_of(recording: Recording) -> str:
    folders = recording.name.split("/")[:-1]
    return folders[-1] if folders else recording.path.absolute().parent.name


def from_table(table: Path, recordings: Sequence[Recording]) -> Labelled:
    """Label recordings with the rows of a CSV, TSV or semicolon-separated table.

    The key is the column that names most recordings by path, file name or file name without
    extension, in any letter case and with either slash. Rows that name no recording are left
    aside; a recording may have several rows as long as they say the same.

    Parameters
    ----------
    table
        Text with a header line, in UTF-8, UTF-16 with byte order mark, or Latin-1. All values
        stay text, so `007` keeps its zeros.
    recordings
        What to label; labels that they have already are replaced.

    Returns
    -------
    Labelled
        The recordings in the same order. `label` is the table's column of that name, else the
        first of `TELLING` that is there, else the first column of text with several values, else
        the first column. Names that embedviz uses itself get the suffix `_label`.

    Raises
    ------
    LabelsError
        If the table cannot be read, has no header, rows or labels, names no recording, or says
        two things about one.
    """
    if not recordings:
        raise LabelsError("There are no recordings; nothing to label.")
    cells = _read(table)
    key, rows = _match(cells, recordings)
    if not rows:
        example = max(cells, key=lambda values: len(set(values)))[1]
        raise LabelsError(
            f"No column of {table.name} names a recording: it holds for example {example!r}, "
            f"where the first recording is {recordings[0].name!r}."
        )
    if any(spelling[0] == 0 for found in rows.values() for spelling in found):
        raise LabelsError(
            f"{table.name} begins with a recording ({cells[key][0]}); "
            "wanted a first line that names the columns."
        )
    columns = _label_columns(cells, key, [found[0][0] for found in rows.values()])
    row_of = {i: _one_row(columns, found, recordings[i].name) for i, found in rows.items()}
    labelled = [
        replace(r, labels={n: v[row_of[i]] if i in row_of else "" for n, v in columns.items()})
        for i, r in enumerate(recordings)
    ]
    unmatched = [r.name for i, r in enumerate(recordings) if i not in row_of]
    return Labelled(tuple(labelled), tuple(columns), tuple(unmatched))


def _read(table: Path) -> Columns:
    text = _text(table)
    try:
        cells = pd.read_csv(
            io.StringIO(text), sep=_delimiter(text), header=None, dtype=str, keep_default_na=False
        )
    except pd.errors.ParserError as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise LabelsError(f"{table.name} is not a regular table: {reason}.") from error
    lines, width = cells.shape
    if lines < 2 or width < 2:
        raise LabelsError(
            f"{table.name} has {lines} lines and {width} columns; wanted a header, rows, a column "
            "that names the recordings and one of labels, split by commas, semicolons or tabs."
        )
    # The end of a line that is too short is missing, not empty.
    cells = cells.fillna("").apply(lambda column: column.str.strip()).drop_duplicates()
    return [cells[column].tolist() for column in cells]


def _text(table: Path) -> str:
    try:
        content = table.read_bytes()
        utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if utf_16 else "utf-8-sig")
    except OSError as error:
        raise LabelsError(f"{table} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if "\0" in text or not text.strip():
        raise LabelsError(f"{table.name} holds no text; save the table as CSV or TSV.")
    return text


def _delimiter(text: str) -> str:
    """Find the delimiter that splits the header, and the lines after it most evenly."""
    lines = text[: 64 * 1024].splitlines()[:100]

    def fit(delimiter: str) -> tuple[bool, float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row] or [0]
        return widths[0] > 1, widths.count(widths[0]) / len(widths), widths[0]

    return max(",;\t", key=fit)


def _match(cells: Columns, recordings: Sequence[Recording]) -> tuple[int, Rows]:
    """Find the column that names most recordings, and the rows of each recording it names.

    At the same count the stricter level wins, then the column with fewer rows to choose from.
    """
    known: dict[tuple[int, bool], dict[str, list[int]]] = {level: {} for level in LEVELS}
    for index, recording in enumerate(recordings):
        for level, names in known.items():
            names.setdefault(_key(_path(recording.name), level), []).append(index)
    loosest = LEVELS[-1]
    matches: list[tuple[tuple[int, int, int, int], Rows]] = []
    for column, values in enumerate(cells):
        paths = {value: _path(value) for value in dict.fromkeys(values)}
        # What agrees at a stricter level also agrees at the loosest, so most values end here.
        paths = {v: path for v, path in paths.items() if _key(path, loosest) in known[loosest]}
        rows_of: dict[str, list[int]] = {value: [] for value in paths}
        for row, value in enumerate(values):
            if value in rows_of:
                rows_of[value].append(row)
        for strictness, (level, names) in enumerate(known.items()):
            rows: Rows = defaultdict(list)
            for value, path in paths.items():
                meant = names.get(_key(path, level), [])
                # a/1.wav must not label b/1.wav as well; a bare 1.wav says no more: it means both.
                if len(meant) == 1 or path.count("/") < level[0]:
                    for index in meant:
                        rows[index].append(rows_of[value])
            choice = sum(len(spelling) for found in rows.values() for spelling in found)
            matches.append(((len(rows), -strictness, -choice, -column), rows))
    rank, best = max(matches, key=lambda match: match[0])
    return -rank[-1], best


def _key(path: str, level: tuple[int, bool]) -> str:
    parts, extension = level
    kept = "/".join(path.split("/")[-parts:])
    return kept if extension else EXTENSION.sub("", kept)


def _path(text: str) -> str:
    """Spell a path the one way in which paths are compared."""
    # File systems and tables disagree on whether é is one character or two.
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    return text.replace("\\", "/").removeprefix("./").casefold()


def _label_columns(cells: Columns, key: int, rows: Sequence[int]) -> dict[str, Sequence[str]]:
    """Name the columns beside the key; the most telling in `rows` comes first."""
    columns: dict[str, Sequence[str]] = {}
    for position, values in enumerate(cells):
        if position == key:
            continue
        name = values[0] or f"column_{position + 1}"
        name += "_label" if name in RESERVED_COLUMNS else ""
        spellings = (name, *(f"{name}_{copy}" for copy in range(2, len(cells) + 1)))
        columns[next(free for free in spellings if free not in columns)] = values
    spelled = {name.casefold(): name for name in reversed(columns)}
    named = [LABEL] if LABEL in columns else [spelled[n] for n in (LABEL, *TELLING) if n in spelled]
    said = {name: {values[row] for row in rows} for name, values in columns.items()}
    telling = [n for n, values in said.items() if len(values) > 1 and any(map(_is_text, values))]
    first = [*named, *telling, *columns][0]
    return {LABEL: columns.pop(first), **columns}


def _is_text(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return value != ""
    return False


def _one_row(columns: Mapping[str, Sequence[str]], found: list[list[int]], recording: str) -> int:
    first, *others = (row for spelling in found for row in spelling)
    for name, values in columns.items():
        for row in others:
            if values[row] != values[first]:
                raise LabelsError(
                    f"The table says both {values[first]!r} and {values[row]!r} in its column "
                    f"{name!r} for {recording}; keep one row for each recording."
                )
    return first
