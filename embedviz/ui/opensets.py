"""Sets in memory: read once for everybody, each workspace with its own labels."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from threading import Lock

from embedviz.data import EmbeddingSet
from embedviz.store import read_set
from embedviz.ui.relabelling import Version, merged

OPEN_SETS = 4
LABELLINGS = 8
"""Labels kept with one set; many workspaces may have labelled the demo."""

_READING = Lock()


def opened(path: Path, stamp: int, version: Version | None) -> EmbeddingSet:
    """Give a set; the few opened last stay in memory and are shared.

    Parameters
    ----------
    stamp
        Tells two states of the file apart.
    version
        The labels that were set on its rows.

    Raises
    ------
    SetError
        It cannot be read.
    """
    # Pictures are asked for by the dozen: without the lock each would read the same file.
    with _READING:
        return _read(path, stamp).labelled(version)


class _OpenSet:
    def __init__(self, base: EmbeddingSet) -> None:
        self._base = base
        # Here and not in a cache beside this one, which would keep the vectors of closed sets.
        self._with = lru_cache(maxsize=LABELLINGS)(lambda version: merged(base, version))

    def labelled(self, version: Version | None) -> EmbeddingSet:
        return self._base if version is None else self._with(version)


@lru_cache(maxsize=OPEN_SETS)
def _read(path: Path, stamp: int) -> _OpenSet:
    return _OpenSet(read_set(path))
