"""Humpback: the members of a SavedModel, called one after the other as its card tells.

The SavedModel is a stand-in with the official interface and front end and a smaller network,
because Google's export code and weights are in no registry.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from parity.reference import Answer, Reference
from parity.signals import KINDS, sound

RATE_HZ = 10_000
WINDOW, HOP = 39_124, 38_400
LENGTHS = {"shorter than a window": 12_345, "one window": WINDOW, "odd": 100_001, "10 s": 100_000}


def answers(folder: Path, checkpoint: str, rng: np.random.Generator) -> Iterator[Answer]:
    """Write the archive, then call its members on every window by itself."""
    import tensorflow as tf

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import official_humpback

    with TemporaryDirectory() as work:
        official_humpback.save(Path(work) / "model", rng)
        official_humpback.archive(Path(work) / "model", folder / "humpback_whale_1.tar.gz")
        model = tf.saved_model.load(str(Path(work) / "model"))
        for kind, (name, length) in zip(KINDS, LENGTHS.items(), strict=True):
            # As quiet as the clips that the model was trained on.
            samples = 0.04 * sound(kind, length, RATE_HZ)
            windows = 1 + -(-max(0, length - WINDOW) // HOP)
            padded = np.pad(samples, (0, WINDOW + (windows - 1) * HOP - length))
            slices = [padded[i * HOP : i * HOP + WINDOW] for i in range(windows)]
            pcen = [model.front_end(one[None, :, None]) for one in slices]
            vectors = np.concatenate([model.features(one).numpy() for one in pcen])
            patches = np.concatenate([one.numpy() for one in pcen])
            yield Answer("default", f"{kind}, {name}", "window", samples, vectors, patches)


REFERENCE = Reference(
    model="humpback",
    code="a stand-in SavedModel with the official members",
    packages=("tensorflow",),
    rate_hz=RATE_HZ,
    checkpoints={"stand-in": ("default",)},
    limits={"": 1e-4},
    feature_limit=1e-3,
    feature_unit="PCEN",
    answers=answers,
)
