"""The process of a foreign model: a HEAR module heard through embedviz.

python -m parity.foreign MODULE FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from embedviz import load_model
from parity import exchange
from parity.reference import Answer


def answers(module: str, folder: Path) -> Iterator[Answer]:
    """Answer what the reference was asked, through `hear:MODULE`."""
    model = load_model(f"hear:{module}")
    for asked in exchange.read(folder, "reference"):
        per = "window" if asked.per == "window" else "recording"
        heard = model.embed(asked.sound, model.facts.rate_hz, per=per)
        yield replace(asked, vectors=heard.vectors, features=None)


if __name__ == "__main__":
    exchange.write(Path(sys.argv[2]), "foreign", answers(sys.argv[1], Path(sys.argv[2])))
