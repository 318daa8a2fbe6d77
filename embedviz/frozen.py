"""A model's own first result, kept as the truth where none is published.

It cannot say that the official result was right the first time; it says that nothing has changed
since: not the weights, not the code, not the machine's arithmetic.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np

from embedviz.atomic import written_whole
from embedviz.data import FloatArray
from embedviz.facts import Check
from embedviz.folders import weights_folder
from embedviz.model import Model

SECONDS = 4.0
LARGEST_DIFFERENCE = 1e-3
"""Relative; other processors round differently by far less, a wrong window changes more."""


def signal(rate_hz: int) -> FloatArray:
    """Give 4 s of a rising tone with a little noise, (n,) at `rate_hz`."""
    t = np.arange(round(rate_hz * SECONDS)) / rate_hz
    rise = (0.4 * rate_hz - 100) / SECONDS
    noise = np.random.default_rng(1234).uniform(-1, 1, len(t))
    sound = 0.5 * np.sin(2 * np.pi * (100 * t + 0.5 * rise * t**2)) + 0.05 * noise
    return sound.astype(np.float32)


def check(model: Model) -> Check:
    """Compare a model's vector of `signal` with the first one that these weights gave.

    The first call keeps the vector beside the weights and passes.
    """
    found = model.embed(signal(model.facts.rate_hz), model.facts.rate_hz, per="recording").vectors
    place = weights_folder() / model.facts.name / f"first-result-{model.variant}.npz"
    weights = {name: file.sha256 for name, file in model.weights.items()}
    made_from = json.dumps(weights, sort_keys=True)
    first = _kept(place, made_from)
    if first is None:
        with written_whole(place) as file:
            np.savez(file, vector=found, made_from=np.array(made_from))
        return Check(
            f"nothing is published for {model.variant}; its first result was kept to compare with",
            passed=True,
        )
    difference = float(np.linalg.norm(found - first) / np.linalg.norm(first))
    return Check(
        f"{model.variant}: the vector of a rising tone differs from the first result by "
        f"{difference:.1e}, allowed {LARGEST_DIFFERENCE:g}",
        passed=difference <= LARGEST_DIFFERENCE,
    )


def _kept(place: Path, made_from: str) -> FloatArray | None:
    """Give the vector kept for these weights, if there is one."""
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["made_from"]) == made_from:
                return np.asarray(stored["vector"], np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return None
