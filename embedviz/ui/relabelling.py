"""Labels that a person sets on rows, kept beside the set: its file is large, and may be shared.

labels/<set name>/<n>.parquet   the label columns that differ from the set's, for all of its rows

Every change writes the next version and the newest is shown, so that undoing is taking one away.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from embedviz.atomic import written_whole
from embedviz.data import RESERVED_COLUMNS, TIME_COLUMNS, EmbeddingSet
from embedviz.errors import EmbedvizError, SetError

if TYPE_CHECKING:
    from embedviz.ui.workspace import Workspace

KEY = b"embedviz-labels"
VERSIONS_KEPT = 100
LONGEST_COLUMN, LONGEST_VALUE = 60, 200
"""In characters."""

# What tables of rows that are given away call their own columns.
_TAKEN = (*RESERVED_COLUMNS, "row", "file")
_PUNCTUATION = set(" .-_()&+")
_WRITING = Lock()


@dataclass(frozen=True)
class Version:
    """One state of a set's labels."""

    path: Path
    number: int

    @property
    def state(self) -> str:
        """A text that no other version has, not even one of another workspace."""
        return f"{self.number}-{sha256(os.fsencode(self.path)).hexdigest()[:12]}"


def newest(folder: Path) -> Version | None:
    """Give the labels that hold now; None where nobody has set any."""
    numbers = _numbers(folder, ".parquet")
    if not numbers:
        return None
    return Version(folder / f"{numbers[-1]}.parquet", numbers[-1])


def merged(base: EmbeddingSet, version: Version) -> EmbeddingSet:
    """Give a set with these labels; its vectors and thumbnails are those of `base`, not copies.

    New columns come after the set's own label columns. Labels of other rows, or that cannot be
    read, are left aside: then it is `base` itself.
    """
    read = _read(version.path)
    if read is None or read[1].get("rows") != _fingerprint(base.table):
        return base
    columns: dict[str, pd.Series[Any]] = {str(name): read[0][name] for name in read[0].columns}
    new = [name for name in columns if name not in base.table]
    known = [str(name) for name in base.table.columns]
    after = max(known.index(name) for name in (*TIME_COLUMNS, *base.label_columns)) + 1
    order = [*known[:after], *new, *known[after:]]
    table = pd.DataFrame({name: columns.get(name, base.table.get(name)) for name in order})
    labels = tuple(dict.fromkeys((*base.label_columns, *columns)))
    return replace(base, table=table, provenance=replace(base.provenance, label_columns=labels))


def set_label(workspace: Workspace, name: str, rows: Iterable[int], column: str, value: str) -> int:
    """Set a label on rows of the set `name` and give how many of them changed.

    Parameters
    ----------
    rows
        Row numbers of the set.
    column
        A label column, or the name of a new one.
    value
        The label; empty takes it away.

    Raises
    ------
    EmbedvizError
        A row, the column or the label cannot be had, or it cannot be written.
    """
    column, value = " ".join(column.split()), " ".join(value.split())
    if len(value) > LONGEST_VALUE or not value.isprintable():
        raise EmbedvizError(f"A label is one line of up to {LONGEST_VALUE} characters.")
    with _WRITING:
        found = workspace.open_set(name)
        chosen = _checked(rows, len(found))
        _check_column(found, column)
        before = _values(found, column)
        changed = int(np.count_nonzero(before[chosen] != value))
        if changed:
            after = before.copy()
            after[chosen] = value
            _write(workspace.labels(name), found, column, after)
    return changed


def can_undo(workspace: Workspace, name: str) -> bool:
    """Tell whether the last change of the labels of the set `name` can be taken back."""
    version = newest(workspace.labels(name))
    if version is None:
        return False
    previous = _info(version.path).get("previous")
    # What came before the oldest version that was kept is lost.
    return previous is None or version.path.with_name(f"{previous}.parquet").is_file()


def undo(workspace: Workspace, name: str) -> bool:
    """Take the last change of the labels of the set `name` back; False where there is none."""
    with _WRITING:
        version = newest(workspace.labels(name))
        if version is None or not can_undo(workspace, name):
            return False
        # Kept under another ending: the number must never stand for other labels.
        version.path.replace(version.path.with_suffix(".undone"))
        return True


def _checked(rows: Iterable[int], count: int) -> npt.NDArray[np.int64]:
    chosen = np.unique(np.fromiter(rows, np.int64))
    if not len(chosen):
        raise EmbedvizError("No points are selected; select those that the label is for.")
    if chosen[0] < 0 or chosen[-1] >= count:
        wrong = chosen[0] if chosen[0] < 0 else chosen[-1]
        raise EmbedvizError(f"The set has {count:,} rows; row {wrong} is not one.")
    return chosen


def _check_column(found: EmbeddingSet, column: str) -> None:
    if column in found.label_columns:
        return
    if column.lower() in _TAKEN or column in found.table:
        raise EmbedvizError(f"The column {column} is not for labels; choose another name.")
    # An address holds the name, and so does the search over columns.
    odd = {letter for letter in column if not letter.isalnum()} - _PUNCTUATION
    if not column[:1].isalnum() or odd or len(column) > LONGEST_COLUMN:
        raise EmbedvizError(
            f"A label's name has up to {LONGEST_COLUMN} letters, digits, spaces and hyphens and "
            "begins with a letter or digit."
        )


def _values(found: EmbeddingSet, column: str) -> npt.NDArray[np.object_]:
    """Give a label column as text, empty where nothing is known."""
    if column not in found.table:
        return np.full(len(found), "", dtype=object)
    values = found.table[column]
    return values.astype(object).where(values.notna(), "").map(str).to_numpy(dtype=object)


def _write(folder: Path, found: EmbeddingSet, column: str, values: npt.ArrayLike) -> None:
    """Write the next version: the labels that hold now, with one column set."""
    now, undone = newest(folder), _numbers(folder, ".undone")
    read = None if now is None else _read(now.path)
    fingerprint = _fingerprint(found.table)
    changed = {}
    if read is not None and read[1].get("rows") == fingerprint:
        changed = {str(name): read[0][name].to_numpy(dtype=object) for name in read[0].columns}
    changed[column] = np.asarray(values, dtype=object)
    number = max([0 if now is None else now.number, *undone]) + 1
    info = {"rows": fingerprint, "previous": None if now is None else now.number}
    table = pa.table({name: pa.array(one, pa.string()) for name, one in changed.items()})
    table = table.replace_schema_metadata({KEY: json.dumps(info).encode()})
    try:
        with written_whole(folder / f"{number}.parquet") as file:
            pq.write_table(table, file, compression="zstd")
    except OSError as error:
        raise SetError(f"The labels could not be written: {error.strerror or error}.") from error
    _prune(folder)


def _prune(folder: Path) -> None:
    for old in _numbers(folder, ".parquet")[:-VERSIONS_KEPT]:
        (folder / f"{old}.parquet").unlink(missing_ok=True)
    for old in _numbers(folder, ".undone")[:-1]:
        (folder / f"{old}.undone").unlink(missing_ok=True)


def _numbers(folder: Path, ending: str) -> list[int]:
    """Give the numbers of the files with an ending, ascending."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    stems = [name.removesuffix(ending) for name in names if name.endswith(ending)]
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def _read(path: Path) -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """Give labels and what is known of them; None where they cannot be read."""
    try:
        table = pq.read_table(path)
        info = json.loads((table.schema.metadata or {})[KEY])
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None
    return table.replace_schema_metadata(None).to_pandas(), info


def _info(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(pq.read_schema(path).metadata[KEY]))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return {}


def _fingerprint(table: pd.DataFrame) -> str:
    """Give a text that tells these rows, in this order, from any others."""
    hashes = pd.util.hash_pandas_object(table[["recording", "start_s"]], index=False)
    return f"{len(table)} {sha256(hashes.to_numpy().tobytes()).hexdigest()[:16]}"
