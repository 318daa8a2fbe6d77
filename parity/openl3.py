"""OpenL3: the official package with kapre's front end, on Keras 2.

The package is installed without its weights; the network is filled, written by `save_weights`,
gzipped under the official name, and loaded again by the package's own loader.

Two variants are ours alone: their vectors are pooled here from the official network's last map.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from parity.filling import Floats, fill_keras_chain
from parity.reference import Answer, Reference
from parity.signals import KINDS, sound

RATE_HZ = 48000
CHECKPOINTS = {
    name: tuple(f"{name}_{ending}" for ending in ("512", "6144", "mean", "steps"))
    for name in ("mel256_music", "mel128_env", "linear_music")
}
HOP, STEPS = 242, 24
STEP = 8 * HOP
LENGTHS = {"shortest": 100, "one second": 48_000, "odd": 60_001, "whole hops": 57_600}


def answers(folder: Path, checkpoint: str, rng: np.random.Generator) -> Iterator[Answer]:
    """Write the official file, then embed sounds of several lengths in one batch."""
    import tensorflow as tf
    from openl3 import get_audio_embedding, models
    from openl3.core import preprocess_audio

    kind = checkpoint.split("_")[0]
    whole = models.AUDIO_MODELS[kind](include_frontend=True)
    seconds = np.stack([sound(name, RATE_HZ, RATE_HZ) for name in KINDS])[:, None]
    fill_keras_chain(whole.layers[1:], tf.constant(seconds), rng)
    # The published files hold the layers with weights only, in this order.
    bare = models.AUDIO_MODELS[kind](include_frontend=False)
    bare.set_weights(whole.get_weights()[-len(bare.get_weights()) :])
    plain = folder / "plain.h5"
    bare.save_weights(str(plain))
    official = folder / f"openl3_audio_{checkpoint}-v0_4_0.h5.gz"
    with plain.open("rb") as source, gzip.open(official, "wb", compresslevel=1) as target:
        shutil.copyfileobj(source, target)

    front = next(layer for layer in whole.layers if isinstance(layer, tf.keras.Sequential))
    sounds = [
        sound(name, length, RATE_HZ) for name, length in zip(KINDS, LENGTHS.values(), strict=True)
    ]
    for size in (512, 6144):
        model = models.load_audio_embedding_model_from_path(str(plain), kind, size)
        vectors, _ = get_audio_embedding(sounds, RATE_HZ, model=model, verbose=0)
        for i, name in enumerate(LENGTHS):
            frames = preprocess_audio(sounds[i], RATE_HZ)
            features = np.asarray(front(tf.constant(frames)))[..., 0].transpose(0, 2, 1)
            yield Answer(
                f"{checkpoint}_{size}", f"{KINDS[i]}, {name}", "window", sounds[i],
                vectors[i], features,
            )  # fmt: skip
    for i, name in enumerate(LENGTHS):
        said = f"{KINDS[i]}, {name}"
        frames = preprocess_audio(sounds[i], RATE_HZ)
        last = np.asarray(whole(tf.constant(frames)))
        yield Answer(f"{checkpoint}_mean", said, "window", sounds[i], last.mean(axis=(1, 2)))
        steps = np.asarray(whole(tf.constant(_step_frames(sounds[i], kind)))).max(axis=1)
        rows = -(-len(sounds[i]) // STEP)
        yield Answer(
            f"{checkpoint}_steps", said, "window", sounds[i], steps.reshape(-1, 512)[:rows]
        )
    plain.unlink()


def _step_frames(sound: Floats, kind: str) -> Floats:
    """Cut a sound (n,) into seconds (windows, 1, 48000) whose 24 steps follow each other.

    Half of what a spectrogram's frame is longer than its hop stands in front, as silence.
    """
    lead = ((512 if kind == "linear" else 2048) - HOP) // 2
    padded = np.pad(sound, (lead, 2 * RATE_HZ))
    starts = range(0, len(sound), STEPS * STEP)
    return np.stack([padded[start : start + RATE_HZ] for start in starts])[:, None]


REFERENCE = Reference(
    model="openl3",
    code="the official package",
    packages=("openl3", "kapre", "tf_keras"),
    rate_hz=RATE_HZ,
    checkpoints=CHECKPOINTS,
    limits={"": 5e-5},
    feature_limit=0.02,
    feature_unit="dB",
    answers=answers,
    environment={"TF_USE_LEGACY_KERAS": "1"},
)
