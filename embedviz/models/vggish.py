"""VGGish: the VGG-like network that made AudioSet's released embeddings.

S. Hershey et al., CNN Architectures for Large-Scale Audio Classification, ICASSP 2017,
arXiv:1609.09430; J. Gemmeke et al., Audio Set, ICASSP 2017. Code and weights: Apache-2.0.

Variant `raw` gives the last layer before any activation, as Google's code has since 2020
(older ports apply a ReLU). Variant `postprocessed` gives the form of the AudioSet release:
PCA, whitening, clipped to [-2, 2] and cut (not rounded) to whole numbers from 0 to 255.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedviz.checkpoints import read_npz, read_tensorflow_checkpoint, take
from embedviz.facts import Check, Facts, Framing, WeightFile
from embedviz.mel import band_centres_hz

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.frontends.framed import Framed
    from embedviz.model import Model

WEIGHTS = WeightFile(
    name="vggish_model.ckpt",
    url="https://storage.googleapis.com/audioset/vggish_model.ckpt",
    checksum="md5:d1c7011e6366aa34176bb05c705e31a8",
    size_bytes=288_564_736,  # the variables alone; the published size is not on record
)
PCA = WeightFile(
    name="vggish_pca_params.npz",
    url="https://storage.googleapis.com/audioset/vggish_pca_params.npz",
    checksum="sha256:4d878af3e306defbfb37095365aa7e5a6cecb86bad13e859e626151c4e6a8b9d",
    size_bytes=73_020,
    variants=("postprocessed",),
)

FACTS = Facts(
    name="vggish",
    title="VGGish",
    group="General",
    hears="The broad character of sound, learnt from millions of videos; the field's classic.",
    paper="Hershey et al., ICASSP 2017, arXiv:1609.09430",
    licence="Apache-2.0",
    home="https://github.com/tensorflow/models/tree/master/research/audioset/vggish",
    rate_hz=16000,
    framing=Framing(window_s=0.96, window_samples=15600, hop_s=0.96, tail="drop"),
    patch_frames=96,
    bands_hz=band_centres_hz(64, 125.0, 7500.0),
    patch_range=(-4.6, 3.0),
    patch_unit="ln(mel magnitude + 0.01)",
    variants={"raw": 128, "postprocessed": 128},
    files=(WEIGHTS, PCA),
    precisions=("float32", "bfloat16"),
    notes="Embeddings are taken before any activation, as Google's code has since 2020; sound "
    "after the last whole window is left out, as the reference does.",
)

# Variable prefix, filters, and whether a 2 x 2 max-pool follows.
CONVOLUTIONS = (
    ("conv1", 64, True),
    ("conv2", 128, True),
    ("conv3/conv3_1", 256, False),
    ("conv3/conv3_2", 256, True),
    ("conv4/conv4_1", 512, False),
    ("conv4/conv4_2", 512, True),
)
DENSE = (("fc1/fc1_1", 4096, "relu"), ("fc1/fc1_2", 4096, "relu"), ("fc2", 128, None))


def _network(dtype: str) -> Any:  # noqa: ANN401 (Keras has no types)
    """Give the Keras model from patches (B, 96, 64) to embeddings (B, 128)."""
    import keras
    from keras import layers

    patches = layers.Input((96, 64))
    x = layers.Reshape((96, 64, 1), dtype=dtype)(patches)
    for prefix, filters, pooled in CONVOLUTIONS:
        x = layers.Conv2D(
            filters, 3, padding="same", activation="relu", name=_layer_name(prefix), dtype=dtype
        )(x)
        if pooled:
            x = layers.MaxPooling2D(2, dtype=dtype)(x)
    x = layers.Flatten(dtype=dtype)(x)
    for prefix, units, activation in DENSE:
        x = layers.Dense(units, activation=activation, name=_layer_name(prefix), dtype=dtype)(x)
    return keras.Model(patches, layers.Activation("linear", dtype="float32")(x))


def _layer_name(prefix: str) -> str:
    return prefix.replace("/", "_")


def build(files: Mapping[str, Path], variant: str, dtype: str) -> Framed:
    """Give graph code from waveforms (B, 15600) to vectors (B, 128) and patches (B, 96, 64)."""
    import tensorflow as tf

    from embedviz.frontends.audioset import framed, vggish_mel_matrix

    network = _network(dtype)
    path = files[WEIGHTS.name]
    arrays = read_tensorflow_checkpoint(path)
    for prefix, *_ in (*CONVOLUTIONS, *DENSE):
        layer = network.get_layer(_layer_name(prefix))
        kernel, bias = (tuple(weight.shape) for weight in layer.weights)
        layer.set_weights(
            [
                take(arrays, f"vggish/{prefix}/weights", kernel, path),
                take(arrays, f"vggish/{prefix}/biases", bias, path),
            ]
        )
    postprocess = _postprocessing(files[PCA.name]) if variant == "postprocessed" else tf.identity

    def finish(patches: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"vectors": postprocess(network(patches, training=False))}

    return framed(vggish_mel_matrix(), offset=0.01, finish=finish)


def _postprocessing(path: Path) -> Callable[[tf.Tensor], tf.Tensor]:
    """Give the AudioSet release's PCA, whitening and quantisation of embeddings (B, 128)."""
    import tensorflow as tf

    arrays = read_npz(path)
    # Published with one mean a row; other copies of the file hold them flat.
    arrays["pca_means"] = arrays.get("pca_means", np.zeros(0)).reshape(-1)
    matrix = take(arrays, "pca_eigen_vectors", (128, 128), path).astype(np.float32)
    means = take(arrays, "pca_means", (128,), path).astype(np.float32)

    def postprocess(embeddings: tf.Tensor) -> tf.Tensor:
        whitened = tf.linalg.matmul(embeddings - means, matrix, transpose_b=True)
        clipped = tf.clip_by_value(whitened, -2.0, 2.0)
        return tf.floor((clipped + 2.0) * (255.0 / 4.0))

    return postprocess


# Mean and standard deviation over all values that the smoke test of 2023 publishes.
PUBLISHED = {"raw": (0.000657, 0.343), "postprocessed": (126.0, 89.3)}


def smoke_test(model: Model) -> list[Check]:
    """Repeat the official smoke test of 2023: a 1 kHz sine, statistics within 10 %."""
    sine = np.sin(2 * np.pi * 1000 * np.arange(0, 3, 1 / 16000))
    vectors = model.embed(sine, 16000).vectors
    found = (float(vectors.mean()), float(vectors.std()))
    expected = PUBLISHED[model.variant]
    return [
        Check(
            f"3 s of a 1 kHz sine, {model.variant}: mean {found[0]:.6g} and standard deviation "
            f"{found[1]:.4g}, published {expected[0]:g} and {expected[1]:g}",
            passed=bool(np.allclose(found, expected, rtol=0.1, atol=0)),
        )
    ]
