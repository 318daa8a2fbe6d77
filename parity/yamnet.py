"""YAMNet: Google's feature code as torchvggish ships it, and the network in Keras 2.

No registry carries Google's definition of the network, so it is laid out from the facts with the
same library (Keras 2), and written by the same `save_weights`, under the official layer names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from parity.filling import fill_keras_chain
from parity.reference import Answer, Reference
from parity.signals import KINDS, Sound, sound
from parity.vggish import RATE_HZ, log_mel

# (stride, filters) of the separable layers 2 to 14.
SEPARABLE = (
    *[(1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)],
    *[(1, 512)] * 5,
    *[(2, 1024), (1, 1024)],
)
LENGTHS = {"shorter than a window": 1_234, "odd": 23_281, "whole windows": 38_640, "5 s": 80_000}


def network() -> Any:  # noqa: ANN401 (Keras has no types)
    """Give the Keras 2 model from patches (N, 96, 64) to embeddings and scores."""
    from tf_keras import Model, layers

    def settled(x: Any, name: str) -> Any:  # noqa: ANN401
        x = layers.BatchNormalization(scale=False, epsilon=1e-4, name=f"{name}/bn")(x)
        return layers.ReLU(name=f"{name}/relu")(x)

    options = {"padding": "same", "use_bias": False}
    patches = layers.Input((96, 64))
    x = layers.Reshape((96, 64, 1))(patches)
    x = settled(layers.Conv2D(32, 3, strides=2, name="layer1/conv", **options)(x), "layer1/conv")
    for number, (stride, filters) in enumerate(SEPARABLE, start=2):
        name = f"layer{number}/depthwise_conv"
        x = settled(layers.DepthwiseConv2D(3, strides=stride, name=name, **options)(x), name)
        name = f"layer{number}/pointwise_conv"
        x = settled(layers.Conv2D(filters, 1, name=name, **options)(x), name)
    embeddings = layers.GlobalAveragePooling2D()(x)
    return Model(patches, [embeddings, layers.Dense(521, name="logits")(embeddings)])


def answers(folder: Path, checkpoint: str, rng: np.random.Generator) -> Iterator[Answer]:
    """Write the official file, then embed sounds of several lengths."""
    model = network()
    some = np.concatenate([patches_of(sound(kind, 38_640, RATE_HZ)) for kind in KINDS])
    fill_keras_chain(model.layers[1:], some.astype(np.float32), rng)
    model.save_weights(str(folder / "yamnet.h5"))
    for kind, (name, length) in zip(KINDS, LENGTHS.items(), strict=True):
        samples = sound(kind, length, RATE_HZ)
        patches = patches_of(samples)
        vectors, _ = model.predict(patches.astype(np.float32), verbose=0)
        yield Answer("default", f"{kind}, {name}", "window", samples, vectors, patches)


def patches_of(samples: Sound) -> npt.NDArray[np.float64]:
    """Pad with zeros to whole windows of 15600 samples every 7680, then cut (N, 96, 64)."""
    beyond = max(0, len(samples) - 15_600)
    whole = 15_600 + 7_680 * -(-beyond // 7_680)
    frames = log_mel(np.pad(samples, (0, whole - len(samples))), 0.001)
    return np.stack([frames[i : i + 96] for i in range(0, len(frames) - 95, 48)])


REFERENCE = Reference(
    model="yamnet",
    code="Google's mel_features; Keras 2 network from the facts",
    packages=("torchvggish", "tf_keras"),
    rate_hz=RATE_HZ,
    checkpoints={"official": ("default",)},
    limits={"": 5e-4},
    feature_limit=2e-3,
    feature_unit="ln",
    answers=answers,
    environment={"TF_USE_LEGACY_KERAS": "1"},
)
