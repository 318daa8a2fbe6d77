"""PANN's network: twelve convolutions in six blocks on log-mel patches of 64 bands, and its head.

Q. Kong et al., IEEE/ACM TASLP 28, 2020, arXiv:1912.10211.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from embedviz.checkpoints import Take, fold_batch_norm, torch_statistics
from embedviz.classes import AUDIOSET_CLASSES
from embedviz.data import FloatArray

BANDS = 64
CHANNELS = (64, 128, 256, 512, 1024, 2048)
"""Of the six blocks; each but the last halves time and frequency."""
FRAMES_A_COLUMN = 2 ** (len(CHANNELS) - 1)
EPSILON = 1e-5


def network(read: Take, dtype: str) -> Any:  # noqa: ANN401 (Keras has no types)
    """Give the Keras model from normalised patches (B, T, 64, 1) to (B, T // 32, 2, 2048)."""
    model = _layers(dtype)
    _fill(model, read)
    return model


def head(read: Take, units: int) -> Any:  # noqa: ANN401 (Keras has no types)
    """Give the Keras model from pooled columns (B, 2048) to (embeddings, scores)."""
    import keras
    from keras import layers

    pooled = layers.Input((CHANNELS[-1],))
    vectors = layers.Dense(units, activation="relu", name="fc1", dtype="float32")(pooled)
    scores = layers.Dense(
        AUDIOSET_CLASSES, activation="sigmoid", name="fc_audioset", dtype="float32"
    )(vectors)
    model = keras.Model(pooled, [vectors, scores])
    for name, shape in [("fc1", (units, CHANNELS[-1])), ("fc_audioset", (AUDIOSET_CLASSES, units))]:
        kernel, bias = read(f"{name}.weight", shape), read(f"{name}.bias", shape[:1])
        model.get_layer(name).set_weights([kernel.T, bias])
    return model


def normalisation(read: Take) -> tuple[FloatArray, FloatArray]:
    """Give scale (64,) and shift (64,) of the patches' bands.

    They cannot move into the first convolution, whose zero padding they would shift.
    """
    found = torch_statistics(read, "bn0", BANDS)
    scale = (found["gamma"] / np.sqrt(found["variance"] + np.float64(EPSILON))).astype(np.float32)
    return scale, (found["beta"] - found["mean"] * scale).astype(np.float32)


def _layers(dtype: str) -> Any:  # noqa: ANN401 (Keras has no types)
    """Give the convolutions, empty.

    Batch normalisation stands in the biases of the convolutions; see `_fill`.
    """
    import keras
    from keras import layers

    from embedviz.networks.convolutions import SPARE, NarrowConv2D, TallConv2D

    options = {
        "padding": "same",
        "activation": "relu",
        "kernel_initializer": "zeros",  # random numbers would take seconds
        "dtype": dtype,
    }
    x = patches = layers.Input((None, BANDS, 1))
    for block, channels in enumerate(CHANNELS[:-1], start=1):
        for number in (1, 2):
            x = TallConv2D(channels, 3, name=f"conv_block{block}_{number}", **options)(x)
        x = layers.AveragePooling2D(2, dtype=dtype)(x)
    # The last maps have two places a row.
    x = layers.Reshape((-1, 1, 2 * CHANNELS[-2]), dtype=dtype)(x)
    pairs = 2 * CHANNELS[-1]
    for number in (1, 2):
        name = f"conv_block{len(CHANNELS)}_{number}"
        x = NarrowConv2D(pairs + SPARE, (3, 1), name=name, **options)(x)[..., :pairs]
    return keras.Model(patches, layers.Reshape((-1, 2, CHANNELS[-1]), dtype=dtype)(x))


def _fill(model: Any, read: Take) -> None:  # noqa: ANN401 (Keras has no types)
    """Set the convolutions, each with its batch normalisation folded in."""
    from embedviz.networks.convolutions import pair_kernel, with_spare

    before = 1
    for block, channels in enumerate(CHANNELS, start=1):
        for number in (1, 2):
            prefix = f"conv_block{block}"
            kernel = read(f"{prefix}.conv{number}.weight", (channels, before, 3, 3))
            folded, bias = fold_batch_norm(
                kernel.transpose(2, 3, 1, 0),
                axis=3,
                epsilon=EPSILON,
                **torch_statistics(read, f"{prefix}.bn{number}", channels),
            )
            if block == len(CHANNELS):
                folded, bias = with_spare(pair_kernel(folded)), with_spare(np.tile(bias, 2))
            model.get_layer(f"{prefix}_{number}").set_weights([folded, bias])
            before = channels
