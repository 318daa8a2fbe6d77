"""Which of several files belong together: a config and its files, vectors and their table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from embedviz.imports.hosted import is_config

Source = str | Path
"""A path or a web address."""

VECTORS = (".npy", ".npz", ".parquet")
TABLES = (".csv", ".tsv", ".txt")
METADATA = ("meta", "label", "class")
"""What the names of tables say that hold no vectors."""

_PARTS = (*TABLES, ".bytes", ".json", ".pbtxt", ".png", ".jpg", ".jpeg", ".py")
"""What a bundle consists of."""


def paired(sources: Sequence[Source]) -> list[tuple[Source, Source | None]]:
    """Give sources, each with the table that describes it if one of the others does.

    A folder of arrays or Parquet files, and no bundle, stands for the files in it; a config stands
    for all files of its folder. One file of vectors and one table belong together, whatever they
    are called; of two tables the one whose name says so describes the other, or else the second
    the first. Of several files of vectors, each has the table of the same name, which is found by
    whoever reads it.
    """
    sources = [file for source in sources for file in _files(source)]
    configs = [source for source in sources if _is_config(source)]
    folders = {str(Path(source).parent): source for source in reversed(configs)}
    left = [s for s in sources if not configs or _ending(s) not in _PARTS]
    tables = [source for source in left if _ending(source) in TABLES]
    others = [source for source in left if source not in tables]
    found: list[tuple[Source, Source | None]] = [(one, None) for one in folders.values()]
    if not others and len(tables) == 2:
        vectors, rows = sorted(tables, key=_is_metadata)
        return [*found, (vectors, rows)]
    if len(others) == 1 and len(tables) == 1:
        return [*found, (others[0], tables[0])]
    if not others:
        return [*found, *((table, None) for table in tables)]
    return [*found, *((other, None) for other in others)]


def _files(source: Source) -> list[Source]:
    folder = Path(source)
    # A folder called NAME.parquet is one set in parts.
    if not folder.is_dir() or folder.suffix == ".parquet":
        return [source]
    inside = sorted(path for path in folder.iterdir() if path.is_file())
    loose = any(_ending(path) in VECTORS for path in inside)
    return [*inside] if loose and not any(map(_is_config, inside)) else [source]


def _is_config(source: Source) -> bool:
    """Tell whether a file is one whose other files lie beside it."""
    path = Path(source)
    if _ending(source) not in (".json", ".pbtxt") or not path.is_file():
        return False
    return path.suffix.lower() == ".pbtxt" or is_config(path)


def _is_metadata(source: Source) -> bool:
    return any(word in _name(source).lower() for word in METADATA)


def _ending(source: Source) -> str:
    return PurePosixPath(_name(source)).suffix.lower()


def _name(source: Source) -> str:
    if isinstance(source, str) and "://" in source:
        return re.split(r"[?#]", source)[0].rpartition("/")[2]
    return Path(source).name
