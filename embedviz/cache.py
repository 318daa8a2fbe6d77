"""Finished recordings, kept so that nothing is computed twice.

An entry is one recording heard by one model in one way. Its name is the SHA-256 of everything
that decides the result: the recording's bytes, model, variant, weights, hop, rows, channel,
precision and the format's version. So adding recordings, or starting again after a crash,
computes only what is missing, and two runs that write the same entry write the same thing.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedviz.atomic import written_whole
from embedviz.data import ByteArray, FloatArray
from embedviz.folders import cache_folder
from embedviz.heard import Column

FORMAT = 2


@dataclass(frozen=True)
class Entry:
    """The rows of one recording: times, vectors and thumbnails as a set holds them."""

    vectors: FloatArray
    start_s: npt.NDArray[np.float64]
    stop_s: npt.NDArray[np.float64]
    padding_s: npt.NDArray[np.float64]
    thumbnails: ByteArray
    columns: Mapping[str, Column]


def key(parts: Mapping[str, Any]) -> str:
    """Give the name of the entry that `parts` decides."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def path_of(entry_key: str) -> Path:
    """Give the file of an entry."""
    return cache_folder() / "recordings" / entry_key[:2] / f"{entry_key}.npz"


def load(entry_key: str) -> Entry | None:
    """Give a finished entry, or None if there is none that can be read."""
    path = path_of(entry_key)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return Entry(
                vectors=stored["vectors"],
                start_s=stored["start_s"],
                stop_s=stored["stop_s"],
                padding_s=stored["padding_s"],
                thumbnails=stored["thumbnails"],
                columns={
                    name.removeprefix("column:"): stored[name]
                    for name in stored.files
                    if name.startswith("column:")
                },
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def save(entry_key: str, entry: Entry) -> None:
    """Keep a finished entry; it appears whole or not at all."""
    columns: dict[str, Any] = {f"column:{name}": kept for name, kept in entry.columns.items()}
    with written_whole(path_of(entry_key)) as file:
        np.savez(
            file,
            vectors=entry.vectors,
            start_s=entry.start_s,
            stop_s=entry.stop_s,
            padding_s=entry.padding_s,
            thumbnails=entry.thumbnails,
            **columns,
        )
