"""The process of embedviz: the same files and sounds as the reference had.

python -m parity.ours REFERENCE FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from embedviz import load_model
from embedviz.model import Model
from parity import exchange
from parity.reference import Answer, reference


def answers(name: str, folder: Path) -> Iterator[Answer]:
    """Answer every sound that the reference was asked about."""
    told = reference(name)

    @cache
    def loaded(variant: str) -> Model:
        return load_model(told.model, variant, weights=folder / exchange.WEIGHTS)

    for asked in exchange.read(folder, "reference"):
        per = asked.per if asked.per in ("window", "recording") else float(asked.per)
        heard = loaded(asked.variant).embed(asked.sound, told.rate_hz, per=per)
        yield replace(asked, vectors=heard.vectors, features=heard.patches)


def main() -> None:
    """Answer and write."""
    name, place = sys.argv[1:]
    exchange.write(Path(place), "ours", answers(name, Path(place)))


if __name__ == "__main__":
    main()
