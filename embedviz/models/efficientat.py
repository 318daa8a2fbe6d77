"""EfficientAT: MobileNetV3 taught by transformers to tag AudioSet's 527 classes.

F. Schmid, K. Koutini, G. Widmer, Efficient Large-Scale Audio Tagging Via Transformer-To-CNN
Knowledge Distillation, ICASSP 2023, arXiv:2211.04772; the same, Low-Complexity Audio Embedding
Extractors, EUSIPCO 2023, arXiv:2303.01879. Code and weights: MIT.

The embedding is the mean of the last convolution over time and bands, before the classifier: the
`features` of the official forward pass. The variants are widths of one network. Its blocks weigh
their channels by means over the whole stretch of sound, so a vector depends on the length of the
stretch: compare vectors of one length only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedviz.checkpoints import Array, fill, fold_batch_norm, take
from embedviz.classes import AUDIOSET_CLASSES, AUDIOSET_NAMES, top_class
from embedviz.facts import Clip, Facts, Framing, WeightFile
from embedviz.mel import band_centres_hz
from embedviz.models.passt import LONG
from embedviz.torchfiles import state_dict

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.frontends.framed import Framed
    from embedviz.model import Columns

RELEASE = "https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/"


def _released(variant: str, name: str, size_bytes: int, sha256: str | None = None) -> WeightFile:
    checksum = None if sha256 is None else f"sha256:{sha256}"
    return WeightFile(name, RELEASE + name, checksum, size_bytes, variants=(variant,))


WEIGHTS = {
    "mn04": _released(
        "mn04",
        "mn04_as_mAP_432.pt",
        4_066_513,
        "899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c",
    ),
    "mn10": _released(
        "mn10",
        "mn10_as_mAP_471.pt",
        19_708_753,
        "0bd7dc2443af498c289a2e739f02ebb515d6aa3fd3ab9db539c86123ae368a4e",
    ),
    # The tensors alone; neither the published size nor a checksum is on record.
    "mn40": _released("mn40", "mn40_as_mAP_484.pt", 274_099_612),
}
WIDTHS = {"mn04": 0.4, "mn10": 1.0, "mn40": 4.0}

# Beyond ten minutes the mean of windows, as in the authors' HEAR wrapper.
CLIP = Clip(shortest_samples=514, longest_s=600.0, beyond=LONG)

FACTS = Facts(
    name="efficientat",
    title="EfficientAT",
    group="General",
    hears="Everyday sounds; names the likeliest of AudioSet's 527 classes. Small and fast.",
    paper="Schmid, Koutini and Widmer, ICASSP 2023, arXiv:2211.04772; EUSIPCO 2023",
    licence="MIT",
    home="https://github.com/fschmid56/EfficientAT",
    rate_hz=32000,
    framing=Framing(window_s=10.0, window_samples=320_000, hop_s=2.5, tail="pad"),
    clip=CLIP,
    any_window=True,
    batch=8,
    patch_frames=1000,
    bands_hz=band_centres_hz(128, 0.0, 15000.0),
    patch_range=(-1.4, 1.6),
    patch_unit="(ln(mel power + 0.00001) + 4.5) / 5",
    variants={"mn04": 384, "mn10": 960, "mn40": 3840},
    files=(*WEIGHTS.values(), AUDIOSET_NAMES),
    precisions=("float32", "bfloat16"),
    notes="A vector depends on the length of the sound it stands for: compare vectors of one "
    "length. A recording is heard in one pass up to 10 minutes (mn40: 2), beyond as the mean of "
    "10 s every 2.5 s. mn04 is the narrowest network and the fastest, mn40 the widest. Sound "
    "recorded at 16 kHz leaves the upper bands empty, which the networks hear.",
    # One pass over 10 minutes would take mn40 about 6 GB.
    differences={"mn40": {"batch": 2, "clip": replace(CLIP, longest_s=120.0)}},
)

# Kernel, stride, expanded and outgoing channels at width 1, squeeze and excitation, hard swish.
BLOCKS = (
    (3, 1, 16, 16, False, False),
    (3, 2, 64, 24, False, False),
    (3, 1, 72, 24, False, False),
    (5, 2, 72, 40, True, False),
    (5, 1, 120, 40, True, False),
    (5, 1, 120, 40, True, False),
    (3, 2, 240, 80, False, True),
    (3, 1, 200, 80, False, True),
    (3, 1, 184, 80, False, True),
    (3, 1, 184, 80, False, True),
    (3, 1, 480, 112, True, True),
    (3, 1, 672, 112, True, True),
    (5, 2, 672, 160, True, True),
    (5, 1, 960, 160, True, True),
    (5, 1, 960, 160, True, True),
)
FIRST_CHANNELS, HIDDEN = 16, 1280

ZEROS = {"kernel_initializer": "zeros"}
"""What layers hold until they are filled; random numbers for mn40 would take seconds."""


@dataclass(frozen=True)
class Block:
    """An inverted residual: widen, filter each channel, weigh the channels, narrow."""

    before: int
    kernel: int
    stride: int
    expanded: int
    out: int
    squeezed: int | None
    """Channels in the middle of squeeze and excitation; None without it."""
    activation: str

    @property
    def widens(self) -> bool:
        """Whether it begins with a convolution to more channels."""
        return self.expanded != self.before

    @property
    def residual(self) -> bool:
        """Whether what goes in is added to what comes out."""
        return self.stride == 1 and self.before == self.out


def rounded(channels: float) -> int:
    """Round to a multiple of 8, at least 8 and not more than a tenth down."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def blocks(width: float) -> Iterator[Block]:
    """Give the blocks of the network of one width."""
    before = rounded(FIRST_CHANNELS * width)
    for kernel, stride, expanded, out, squeeze, hard_swish in BLOCKS:
        block = Block(
            before=before,
            kernel=kernel,
            stride=stride,
            expanded=rounded(expanded * width),
            out=rounded(out * width),
            squeezed=rounded(rounded(expanded * width) // 4) if squeeze else None,
            activation="hard_silu" if hard_swish else "relu",
        )
        yield block
        before = block.out


def _network(width: float, dtype: str) -> Any:  # noqa: ANN401 (Keras has no types)
    """Give the Keras model from patches (B, T, 128) to (embeddings, logits).

    Batch normalisation stands in the biases of the convolutions; see `_folded_weights`.
    """
    import keras
    from keras import layers

    layout = list(blocks(width))
    patches = layers.Input((None, 128))
    x = _padded(layers.Reshape((-1, 128, 1), dtype=dtype)(patches), 3, dtype)
    x = _convolution(layout[0].before, "hard_silu", dtype, kernel_size=3, strides=2)(x)
    for block in layout:
        x = _through(block, x, dtype)
    x = _convolution(6 * layout[-1].out, "hard_silu", dtype, kernel_size=1)(x)
    embeddings = layers.GlobalAveragePooling2D(dtype="float32")(x)
    hidden = _dense(rounded(HIDDEN * width), "hard_silu")(embeddings)
    return keras.Model(patches, [embeddings, _dense(AUDIOSET_CLASSES, None)(hidden)])


def _through(block: Block, before: Any, dtype: str) -> Any:  # noqa: ANN401 (Keras has no types)
    from keras import layers

    x = before
    if block.widens:
        x = _convolution(block.expanded, block.activation, dtype, kernel_size=1)(x)
    if block.stride > 1:
        x = _padded(x, block.kernel, dtype)
    x = layers.DepthwiseConv2D(
        block.kernel,
        strides=block.stride,
        padding="valid" if block.stride > 1 else "same",
        activation=block.activation,
        dtype=dtype,
    )(x)
    if block.squeezed is not None:
        scale = layers.GlobalAveragePooling2D(keepdims=True, dtype="float32")(x)
        scale = _dense(block.expanded, "sigmoid")(_dense(block.squeezed, "relu")(scale))
        x = layers.Multiply(dtype=dtype)([x, scale])
    x = _convolution(block.out, None, dtype, kernel_size=1)(x)
    return layers.Add(dtype=dtype)([x, before]) if block.residual else x


def _padded(x: Any, kernel: int, dtype: str) -> Any:  # noqa: ANN401 (Keras has no types)
    """Pad by (kernel - 1) / 2 on every side; at stride 2 Keras' "same" pads less in front."""
    from keras import layers

    return layers.ZeroPadding2D(kernel // 2, dtype=dtype)(x)


def _convolution(channels: int, activation: str | None, dtype: str, **options: int) -> Any:  # noqa: ANN401
    from keras import layers

    return layers.Conv2D(channels, activation=activation, dtype=dtype, **ZEROS, **options)


def _dense(units: int, activation: str | None) -> Any:  # noqa: ANN401 (Keras has no types)
    from keras import layers

    return layers.Dense(units, activation=activation, dtype="float32", **ZEROS)


def _folded_weights(path: Path) -> list[Array]:
    """Read the official file as (kernel, bias) of every layer in order.

    Our pictures lie time first and the official ones band first, so kernels are turned over.
    """
    arrays = state_dict(path)
    folded: list[Array] = []
    for name, kernel in arrays.items():
        layer = name.removesuffix(".weight")
        if kernel.ndim == 4:
            depthwise = kernel.shape[1] == 1 and layer != "features.0.0"
            folded += fold_batch_norm(
                kernel.transpose((3, 2, 0, 1) if depthwise else (3, 2, 1, 0)),
                axis=2 if depthwise else 3,
                epsilon=1e-3,
                **_statistics(arrays, layer.removesuffix(".0"), len(kernel), path),
            )
        elif kernel.ndim == 2:
            folded += [kernel.T, take(arrays, f"{layer}.bias", kernel.shape[:1], path)]
    return folded


def _statistics(
    arrays: dict[str, Array], layer: str, channels: int, path: Path
) -> dict[str, Array]:
    names = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}
    return {
        ours: take(arrays, f"{layer}.1.{theirs}", (channels,), path)
        for ours, theirs in names.items()
    }


def build(files: Mapping[str, Path], variant: str, dtype: str) -> Framed:
    """Give graph code from waveforms (B, n) to vectors (B, D), patches (B, T, 128) and scores.

    Any n from 514 samples on is heard as one stretch; T is 1 + (n - 1) // 320.
    """
    import tensorflow as tf

    from embedviz.frontends.kaldi import framed

    network = _network(WIDTHS[variant], dtype)
    path = files[WEIGHTS[variant].name]
    fill(network, _folded_weights(path), path)

    def finish(patches: tf.Tensor) -> dict[str, tf.Tensor]:
        vectors, logits = network(patches, training=False)
        return {"vectors": vectors, "scores": tf.sigmoid(logits)}

    return framed(FACTS.framing.window_samples, finish)


def columns(files: Mapping[str, Path]) -> Columns | None:
    """Give the column `top_class` from scores (N, 527), if the names of the classes are there."""
    return top_class(files.get(AUDIOSET_NAMES.name), AUDIOSET_CLASSES)
