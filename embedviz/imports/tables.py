"""A table of rows beside vectors: CSV or TSV with one row a vector."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from embedviz.errors import SetError
from embedviz.imported import typed

ENDINGS = (".csv", ".tsv", ".txt")
LARGEST_BYTES = 1_000_000_000
MOST_CELLS = 50_000_000

_DELIMITERS = ",;\t"
_SNIFFED_LINES = 100


def read_rows(path: Path, count: int) -> pd.DataFrame:
    """Give the columns of a table that describes `count` vectors.

    The first line is a header if there is one line more than vectors. A column is numbers where
    all its cells are; ids as `007` stay text.

    Raises
    ------
    SetError
        If it cannot be read, or has another number of rows.
    """
    lines = _lines(path)
    if len(lines) not in (count, count + 1):
        raise SetError(
            f"{path.name} has {len(lines):,} lines for {count:,} vectors; give one line a vector, "
            "and a header before them."
        )
    width = max(map(len, lines), default=0)
    if width * count > MOST_CELLS:
        raise SetError(f"{path.name} has more than {MOST_CELLS:,} cells; leave out some columns.")
    headed = len(lines) == count + 1
    names = _names(lines[0] if headed else [], width)
    cells = zip(*(line + [""] * (width - len(line)) for line in lines[headed:]), strict=True)
    return pd.DataFrame({name: typed(name, column) for name, column in zip(names, cells)})  # noqa: B905


def beside(path: Path) -> Path | None:
    """Give the table of the same name that lies beside a file."""
    found = (path.with_suffix(ending) for ending in ENDINGS)
    return next((table for table in found if table.is_file()), None)


def _lines(path: Path) -> list[list[str]]:
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise SetError(f"{path.name} has {size:,} bytes, more than a table of rows can have.")
        text = path.read_bytes().decode("utf-8-sig", "replace")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(path, text))
        lines = [[cell.strip() for cell in line] for line in reader]
    except OSError as problem:
        raise SetError(f"{path} cannot be read: {problem.strerror or problem}.") from problem
    except csv.Error as problem:
        raise SetError(f"{path.name} is no regular table ({problem}).") from problem
    # A blank line inside is a row without a label; those at the end are none.
    while lines and not any(lines[-1]):
        lines.pop()
    return lines


def _delimiter(path: Path, text: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    lines = text[: 1 << 16].splitlines()[:_SNIFFED_LINES]
    return max(_DELIMITERS, key=lambda one: sum(one in line for line in lines))


def _names(header: Sequence[str], width: int) -> list[str]:
    if width == 1:
        return [*header, "label"][:1]
    names: list[str] = []
    for place in range(width):
        name = (header[place] if place < len(header) else "") or f"column {place + 1}"
        while name in names:
            name += "_"
        names.append(name)
    return names
