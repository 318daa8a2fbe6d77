"""The folder through which the reference's process and ours exchange sounds and answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from parity.reference import Answer

WEIGHTS = "weights"


def write(folder: Path, side: str, answers: Iterable[Answer]) -> None:
    """Write one side's answers in order."""
    place = folder / side
    place.mkdir()
    for number, answer in enumerate(answers):
        arrays = {"sound": answer.sound, "vectors": answer.vectors}
        if answer.features is not None:
            arrays["features"] = answer.features
        words = {"variant": answer.variant, "name": answer.name, "per": answer.per}
        np.savez(place / f"{number:03}.npz", **arrays, **words)


def read(folder: Path, side: str) -> Iterator[Answer]:
    """Read one side's answers in order."""
    for path in sorted((folder / side).glob("*.npz")):
        with np.load(path) as file:
            yield Answer(
                variant=str(file["variant"]),
                name=str(file["name"]),
                per=str(file["per"]),
                sound=file["sound"],
                vectors=file["vectors"],
                features=file.get("features"),
            )
