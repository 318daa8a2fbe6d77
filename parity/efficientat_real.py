"""EfficientAT's real weights against what the official code gave on them.

Weights, recordings and outputs lie outside the repository, in the folder EMBEDVIZ_SHARED
(default ../shared); without them there is nothing to compare.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from parity.reference import Answer, Reference
from parity.signals import Sound

RATE_HZ = 32000
FILE = "mn04_as_mAP_432.pt"
SHARED = Path(os.environ.get("EMBEDVIZ_SHARED", Path(__file__).parents[2] / "shared"))
FIXTURES = SHARED / "fixtures" / "efficientat"
RECORDINGS = ("speech", "music", "typing")


def sounds() -> Iterator[tuple[str, Sound]]:
    """Give the sounds whose outputs are stored, by their names there."""
    import soundfile
    import soxr

    waves = {
        name: soundfile.read(FIXTURES / f"{name}.wav", dtype="float32")[0] for name in RECORDINGS
    }
    yield from waves.items()
    yield "speech.first1s", waves["speech"][:32_000]
    yield "speech.first514samples", waves["speech"][100_000:100_514]
    yield "zeros_10s", np.zeros(320_000, np.float32)
    yield "speech_then_music_12s", np.concatenate([waves["speech"], waves["music"][:64_000]])
    stored = np.load(FIXTURES / "expected.npz")
    for key in stored.files:
        name = key.removesuffix(".file")
        if name != key:
            path = SHARED / "audio" / "esc10" / f"{name}.ogg"
            wave, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
            wave = soxr.resample(wave.mean(axis=1), rate_hz, RATE_HZ, quality="HQ")
            yield name, wave.astype(np.float32)


def answers(folder: Path, checkpoint: str, rng: np.random.Generator) -> Iterator[Answer]:
    """Copy the real file and give the stored outputs."""
    shutil.copy(SHARED / "weights" / FILE, folder / FILE)
    stored = np.load(FIXTURES / "expected.npz")
    for name, wave in sounds():
        whole = f"{name}.mel_full"
        mel = stored[whole].T[np.newaxis] if whole in stored else None
        vector = stored[f"{name}.embedding"].reshape(1, -1)
        yield Answer("mn04", name, "recording", wave, vector, mel)


REFERENCE = Reference(
    model="efficientat",
    code="stored outputs of the official code on the real weights",
    packages=(),
    rate_hz=RATE_HZ,
    checkpoints={"real": ("mn04",)} if (SHARED / "weights" / FILE).exists() else {},
    limits={"": 1e-4},
    feature_limit=1e-3,
    feature_unit="(ln + 4.5) / 5",
    answers=answers,
)
