"""VGGish: Google's feature code as torchvggish ships it, and the network in tf-slim.

No registry carries Google's definition of the network, so it is laid out from the paper's table
with the same library (tf-slim), and written by the same Saver, as a TensorFlow V1 checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from parity.filling import biases, kernel
from parity.packages import bare
from parity.reference import Answer, Reference
from parity.signals import Sound, sound

RATE_HZ = 16000
# Scope, size; a 2 x 2 pool follows where True.
CONVOLUTIONS = (
    ("conv1", 64, True),
    ("conv2", 128, True),
    ("conv3/conv3_1", 256, False),
    ("conv3/conv3_2", 256, True),
    ("conv4/conv4_1", 512, False),
    ("conv4/conv4_2", 512, True),
)
LENGTHS = {"shortest": 15_600, "odd": 48_123, "whole windows": 46_320, "5 s": 80_000}
Examples = npt.NDArray[np.float64]
Embed = Callable[[Examples], npt.NDArray[np.float32]]


def log_mel(samples: Sound, offset: float) -> Examples:
    """Give Google's log-mel frames (frames, 64)."""
    bare("torchvggish")  # its __init__ loads the PyTorch port
    from torchvggish import mel_features

    frames: Examples = mel_features.log_mel_spectrogram(
        samples.astype(np.float64),
        audio_sample_rate=RATE_HZ,
        log_offset=offset,
        window_length_secs=0.025,
        hop_length_secs=0.010,
        num_mel_bins=64,
        lower_edge_hertz=125,
        upper_edge_hertz=7500,
    )
    return frames


def network(path: Path, rng: np.random.Generator) -> Embed:
    """Lay out the network, fill it, write the official file, and give it as a function."""
    import tensorflow.compat.v1 as tf

    session, saver, embed = _laid_out()
    with session.graph.as_default():
        for variable in tf.global_variables():
            shape = tuple(variable.shape.as_list())
            inputs = tuple(range(len(shape) - 1))
            variable.load(
                kernel(rng, shape, inputs) if inputs else biases(rng, shape[0], 0.1), session
            )
        saver.save(session, str(path), write_meta_graph=False, write_state=False)
    return embed


def restored(path: Path) -> Embed:
    """Lay out the network, restore it from the official file, and give it as a function."""
    session, saver, embed = _laid_out()
    with session.graph.as_default():
        saver.restore(session, str(path))
    return embed


def _laid_out() -> tuple[Any, Any, Embed]:
    """Give a session with the network, what saves and restores it, and the network itself."""
    import tensorflow.compat.v1 as tf
    import tf_slim as slim

    graph = tf.Graph()
    with graph.as_default(), tf.variable_scope("vggish"):
        patches = tf.placeholder(tf.float32, (None, 96, 64))
        x = tf.reshape(patches, (-1, 96, 64, 1))
        for scope, filters, pooled in CONVOLUTIONS:
            x = slim.conv2d(x, filters, 3, scope=scope)
            if pooled:
                x = slim.max_pool2d(x, 2, 2, padding="SAME")
        x = slim.flatten(x)
        for scope in ("fc1/fc1_1", "fc1/fc1_2"):
            x = slim.fully_connected(x, 4096, scope=scope)
        x = slim.fully_connected(x, 128, activation_fn=None, scope="fc2")
        session = tf.Session(graph=graph)
        saver = tf.train.Saver(tf.global_variables(), write_version=1)
    return session, saver, lambda examples: session.run(x, {patches: examples})


def answers(folder: Path, checkpoint: str, rng: np.random.Generator) -> Iterator[Answer]:
    """Write both official files, then embed sounds of several lengths."""
    hear = network(folder / "vggish_model.ckpt", rng)
    matrix = np.linalg.qr(rng.normal(size=(128, 128)))[0]
    means = rng.normal(0, 0.5, (128, 1))
    # Values that spread over the quantiser's range, as whitened ones do.
    matrix *= 1.2 / np.std(hear(_examples(sound("sweep", 80_000, RATE_HZ))))
    np.savez(folder / "vggish_pca_params.npz", pca_eigen_vectors=matrix, pca_means=means)
    for kind, (name, length) in zip(
        ("chord", "sweep", "bursts", "clicks"), LENGTHS.items(), strict=True
    ):
        samples = sound(kind, length, RATE_HZ)
        examples = _examples(samples)
        vectors = hear(examples)
        words = (f"{kind}, {name}", "window", samples)
        yield Answer("raw", *words, vectors, examples)
        whitened = np.clip((matrix @ (vectors.T - means)).T, -2, 2)
        quantised = ((whitened + 2) * 255 / 4).astype(np.uint8)
        yield Answer("postprocessed", *words, quantised, examples)


def _examples(samples: Sound) -> Examples:
    frames = log_mel(samples, 0.01)
    whole = len(frames) // 96
    return frames[: whole * 96].reshape(whole, 96, 64)


REFERENCE = Reference(
    model="vggish",
    code="Google's mel_features; tf-slim network from the facts",
    packages=("torchvggish", "tf-slim"),
    rate_hz=RATE_HZ,
    checkpoints={"official": ("raw", "postprocessed")},
    # Whole numbers from 0 to 255: one count in a few of 128 values.
    limits={"": 1e-4, "postprocessed": 2e-3},
    feature_limit=5e-4,
    feature_unit="ln",
    answers=answers,
    environment={"TF_USE_LEGACY_KERAS": "1"},
)
