"""YAMNet: MobileNet v1 on log-mel patches, trained to tag AudioSet's 521 classes.

M. Plakal and D. Ellis, Google. No paper of its own; cite AudioSet (Gemmeke et al., ICASSP 2017)
and MobileNets (Howard et al., arXiv:1704.04861). Code and weights: Apache-2.0.
The embedding is the average-pooled output of the last convolution, before the classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedviz.checkpoints import Array, fill, fold_batch_norm, read_keras_h5
from embedviz.classes import top_class
from embedviz.facts import Check, Facts, Framing, WeightFile
from embedviz.mel import band_centres_hz

if TYPE_CHECKING:
    from embedviz.data import FloatArray
    from embedviz.frontends.framed import Framed
    from embedviz.model import Columns, Model

WEIGHTS = WeightFile(
    name="yamnet.h5",
    url="https://storage.googleapis.com/audioset/yamnet.h5",
    checksum="sha256:13c3308955bbfaef262f175ac9c40e47b134573a93984f009220dd7cc12a1744",
    size_bytes=15_296_092,
)
CLASS_MAP = WeightFile(
    name="yamnet_class_map.csv",
    url="https://raw.githubusercontent.com/tensorflow/models/master/research/audioset/yamnet/yamnet_class_map.csv",
    checksum="sha256:cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2",
    size_bytes=14_096,
    optional=True,
)

FACTS = Facts(
    name="yamnet",
    title="YAMNet",
    group="General",
    hears="Everyday sounds: speech, music, animals, machines, weather; names the likeliest of 521.",
    paper="Plakal and Ellis; Gemmeke et al., Audio Set, ICASSP 2017; arXiv:1704.04861",
    licence="Apache-2.0",
    home="https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
    rate_hz=16000,
    framing=Framing(window_s=0.96, window_samples=15600, hop_s=0.48, tail="pad"),
    patch_frames=96,
    bands_hz=band_centres_hz(64, 125.0, 7500.0),
    patch_range=(-6.9, 3.0),
    patch_unit="ln(mel magnitude + 0.001)",
    variants={"default": 1024},
    files=(WEIGHTS, CLASS_MAP),
    notes="Zeros are appended until the last sample lies inside a window, as the reference does.",
)

CLASSES = 521
# (stride, filters) of the separable convolutions, layers 2 to 14.
SEPARABLE = (
    (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512),
    (1, 512), (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024),
)  # fmt: skip


def _network(dtype: str) -> Any:  # noqa: ANN401 (Keras has no types)
    """Give the Keras model from patches (B, 96, 64) to (embeddings, scores).

    Batch normalisation stands in the biases of the convolutions; see `_folded_weights`.
    """
    import keras
    from keras import layers

    # Keras' "same" pads stride 2 on even sizes after, not before, as the reference does.
    options = {"padding": "same", "activation": "relu", "dtype": dtype}
    patches = layers.Input((96, 64))
    x = layers.Reshape((96, 64, 1), dtype=dtype)(patches)
    x = layers.Conv2D(32, 3, strides=2, **options)(x)
    for stride, filters in SEPARABLE:
        x = layers.DepthwiseConv2D(3, strides=stride, **options)(x)
        x = layers.Conv2D(filters, 1, **options)(x)
    embeddings = layers.GlobalAveragePooling2D(dtype="float32")(x)
    scores = layers.Dense(CLASSES, activation="sigmoid", dtype="float32")(embeddings)
    return keras.Model(patches, [embeddings, scores])


def _folded_weights(path: Path) -> list[Array]:
    """Read the official file as (kernel, bias) of every layer in order."""
    arrays = iter(read_keras_h5(path))
    folded: list[Array] = []
    for name, kernel in arrays:
        if kernel.ndim == 4:
            beta, mean, variance = (array for _, array in islice(arrays, 3))
            axis = 2 if name.endswith("depthwise_kernel:0") else 3
            folded += fold_batch_norm(
                kernel, axis=axis, beta=beta, mean=mean, variance=variance, epsilon=1e-4
            )
        else:
            folded += [kernel]
    return folded


def build(files: Mapping[str, Path], variant: str, dtype: str) -> Framed:
    """Give graph code from waveforms (B, 15600) to vectors (B, 1024), patches and scores."""
    import tensorflow as tf

    from embedviz.frontends.audioset import framed, yamnet_mel_matrix

    network = _network(dtype)
    path = files[WEIGHTS.name]
    fill(network, _folded_weights(path), path)

    def finish(patches: tf.Tensor) -> dict[str, tf.Tensor]:
        vectors, scores = network(patches, training=False)
        return {"vectors": vectors, "scores": scores}

    return framed(yamnet_mel_matrix(), offset=0.001, finish=finish)


def columns(files: Mapping[str, Path]) -> Columns | None:
    """Give the column `top_class` from scores (N, 521), if the class map is there."""
    return top_class(files.get(CLASS_MAP.name), CLASSES)


def smoke_test(model: Model) -> list[Check]:
    """Repeat the three checks of the official `yamnet_test.py`."""
    # The official test draws its noise from this legacy generator and seed.
    noise = np.random.RandomState(51773).uniform(-1.0, 1.0, 48000)  # noqa: NPY002
    sine = np.sin(2 * np.pi * 440 * np.arange(0, 3, 1 / 16000))
    # Indices of the official class map.
    signals = (
        ("silence", np.zeros(48000), "Silence", 494),
        ("white noise", noise, "White noise", 514),
        ("a 440 Hz sine", sine, "Sine wave", 495),
    )
    return [
        Check(
            f"3 s of {what}: {name} ranks {rank} of {CLASSES}, wanted 10 or better",
            passed=rank <= 10,
        )
        for what, samples, name, index in signals
        for rank in [_rank(model.embed(samples, 16000).scores, index)]
    ]


def _rank(scores: FloatArray | None, index: int) -> int:
    if scores is None:
        return CLASSES
    means = scores.mean(axis=0)
    return 1 + int((means > means[index]).sum())
