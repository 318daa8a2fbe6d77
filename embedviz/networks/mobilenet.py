"""EfficientAT's network: MobileNetV3 of any width on log-mel patches of 128 bands.

A. Howard et al., Searching for MobileNetV3, ICCV 2019, arXiv:1905.02244, with the changes of
F. Schmid, K. Koutini, G. Widmer, arXiv:2211.04772.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from embedviz.checkpoints import Array, fill, fold_batch_norm, take, torch_statistics
from embedviz.classes import AUDIOSET_CLASSES
from embedviz.torchfiles import state_dict

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


def network(width: float, path: Path, dtype: str) -> Any:  # noqa: ANN401 (Keras has no types)
    """Give the Keras model of an official file from patches (B, T, 128) to (embeddings, logits).

    Parameters
    ----------
    width
        Multiplies the channels of every layer.
    path
        The official file of this width.
    dtype
        A Keras dtype policy.

    Raises
    ------
    WeightsError
        If the file is not of this width, or cannot be read.
    """
    model = _layers(width, dtype)
    fill(model, _folded_weights(path), path)
    return model


def _layers(width: float, dtype: str) -> Any:  # noqa: ANN401 (Keras has no types)
    """Give the network, empty.

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
    read = partial(take, arrays, path=path)
    folded: list[Array] = []
    for name, kernel in arrays.items():
        layer = name.removesuffix(".weight")
        if kernel.ndim == 4:
            depthwise = kernel.shape[1] == 1 and layer != "features.0.0"
            folded += fold_batch_norm(
                kernel.transpose((3, 2, 0, 1) if depthwise else (3, 2, 1, 0)),
                axis=2 if depthwise else 3,
                epsilon=1e-3,
                **torch_statistics(read, f"{layer.removesuffix('.0')}.1", len(kernel)),
            )
        elif kernel.ndim == 2:
            folded += [kernel.T, read(f"{layer}.bias", kernel.shape[:1])]
    return folded
