"""With what an evaluation was made: versions, seeds and checksums, for whoever repeats it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import embedviz
from embedviz.data import EmbeddingSet
from embedviz.errors import SetError
from embedviz.evaluation.results import Made

PACKAGES = ("numpy", "scipy", "scikit-learn", "umap-learn", "pynndescent")
"""What the numbers come from."""


def made(
    sets: Mapping[str, EmbeddingSet],
    *,
    command: str,
    seed: int,
    files: Mapping[str, Path] | None = None,
) -> Made:
    """Describe sets and software.

    Parameters
    ----------
    sets
        Title -> set.
    command
        What a reader types to repeat the evaluation.
    files
        Title -> the file or folder of a set; its checksum is taken.

    Raises
    ------
    SetError
        If a file or folder cannot be read.
    """
    known = files or {}
    return Made(
        command=command,
        seed=seed,
        versions={
            "embedviz": embedviz.__version__,
            "Python": platform.python_version(),
            **{name: metadata.version(name) for name in PACKAGES},
        },
        sets={title: _facts(one, known.get(title)) for title, one in sets.items()},
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _facts(embedding_set: EmbeddingSet, file: Path | None) -> dict[str, Any]:
    rows, dimensions = embedding_set.vectors.shape
    own: dict[str, Any] = {} if file is None else {"file": str(file), "sha256": _sha256(file)}
    return own | {
        "rows": rows,
        "dimensions": dimensions,
        "weights": dict(embedding_set.provenance.weights),
        "verified": embedding_set.provenance.verified,
    }


def _sha256(path: Path) -> str:
    """Give the checksum of a file; of a folder that of its files' names and checksums."""
    try:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file())
            lines = [f"{one.relative_to(path).as_posix()} {_sha256(one)}\n" for one in inside]
            return hashlib.sha256("".join(lines).encode()).hexdigest()
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise SetError(f"{path} could not be read: {error.strerror or error}.") from error
