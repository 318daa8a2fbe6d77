"""OpenL3's audio network: eight convolutions, whose last map is pooled in one of four ways.

The last map has 512 values in 32 bands (16 for mel128) and 24 steps of time, each of 8 frames.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embedviz.checkpoints import Array, fill, fold_batch_norm, read_keras_h5
from embedviz.errors import WeightsError

SHAPES = {"mel256": (199, 256), "mel128": (199, 128), "linear": (197, 257)}
"""Front end -> (frames, bands) of a patch."""
STEPS, STEP_FRAMES = 24, 8
"""Steps of the last map, and the frames of each; the last frames of a patch belong to none."""
ENDINGS = {"512": 512, "6144": 6144, "mean": 512, "steps": 512}
"""How the last map is pooled -> values: its maximum over all bands and times, its maxima in 4 bands
by 3 times, its mean, and its maximum over the bands of every step."""

# Filters, and whether a 2 x 2 max-pool follows.
CONVOLUTIONS = (
    (64, False), (64, True), (128, False), (128, True), (256, False), (256, True), (512, False),
)  # fmt: skip
EPSILON = 1e-3
NORMALISATION = ("gamma", "beta", "moving_mean", "moving_variance")
CONVOLUTION = ("kernel", "bias")
# The order of the official file: no normalisation follows the last convolution.
LAYERS = (NORMALISATION, *(CONVOLUTION, NORMALISATION) * len(CONVOLUTIONS), CONVOLUTION)


def network(
    front_end: str, ending: str, official: list[list[Array]], path: Path, dtype: str
) -> Any:  # noqa: ANN401 (Keras has no types)
    """Give the Keras model with its weights, from normalised spectrograms to embeddings.

    Parameters
    ----------
    front_end, ending
        A key of `SHAPES` and one of `ENDINGS`.
    official, path
        What `official_layers` read from the file.
    dtype
        A Keras dtype policy.

    Returns
    -------
    keras.Model
        (B, bands, frames, 1) -> (B, values), for `steps` (B, 24, values).
    """
    import keras
    from keras import layers

    frames, bands = SHAPES[front_end]
    options = {"padding": "same", "dtype": dtype}
    x = spectrograms = layers.Input((bands, frames, 1))
    for filters, pooled in CONVOLUTIONS:
        x = layers.Conv2D(filters, 3, activation="relu", **options)(x)
        if pooled:
            x = layers.MaxPooling2D(2, dtype=dtype)(x)
    x = _pooled(layers.Conv2D(512, 3, **options)(x), ending, dtype)
    built = keras.Model(spectrograms, layers.Activation("linear", dtype="float32")(x))
    fill(built, _folded_weights(official), path)
    return built


def _pooled(x: Any, ending: str, dtype: str) -> Any:  # noqa: ANN401
    """Pool the last map (B, bands, 24, 512)."""
    from keras import layers

    bands, steps = x.shape[1:3]
    if ending == "mean":
        # The sum of hundreds of values wants more digits than bfloat16 has.
        return layers.GlobalAveragePooling2D(dtype="float32")(x)
    parts = {"512": (1, 1), "6144": (4, 3), "steps": (1, steps)}[ending]
    pool = (bands // parts[0], steps // parts[1])
    x = layers.MaxPooling2D(pool, padding="same", dtype=dtype)(x)
    return layers.Reshape((steps, 512) if ending == "steps" else (-1,), dtype=dtype)(x)


def official_layers(path: Path) -> list[list[Array]]:
    """Read the official file as the arrays of its 16 layers.

    Layers are known by their order: their numbers differ from file to file.

    Raises
    ------
    WeightsError
        If the file holds other layers.
    """
    arrays = read_keras_h5(path)
    kinds = [name.rpartition("/")[2].partition(":")[0] for name, _ in arrays]
    if kinds != [kind for layer in LAYERS for kind in layer]:
        raise WeightsError(
            f"{path.name} holds {len(arrays)} arrays that are not those of OpenL3 0.4's audio "
            "network in its order; it is not the official file."
        )
    rest = iter(array for _, array in arrays)
    return [[next(rest) for _ in layer] for layer in LAYERS]


def _folded_weights(official: list[list[Array]]) -> list[Array]:
    """Give (kernel, bias) of every convolution, with the normalisation that follows folded in."""
    folded: list[Array] = []
    for (kernel, bias), normalisation in zip(official[1:-1:2], official[2:-1:2], strict=True):
        gamma, beta, mean, variance = normalisation
        folded += fold_batch_norm(
            kernel,
            axis=3,
            gamma=gamma,
            beta=beta,
            mean=mean - bias,
            variance=variance,
            epsilon=EPSILON,
        )
    return folded + official[-1]
