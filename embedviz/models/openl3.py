"""OpenL3: what sounds go with what pictures, learnt from videos of music or of surroundings.

J. Cramer, H.-H. Wu, J. Salamon, J. P. Bello, Look, Listen and Learn More: Design Choices for Deep
Audio Embeddings, ICASSP 2019, doi:10.1109/ICASSP.2019.8682475; after R. Arandjelovic and
A. Zisserman, Look, Listen and Learn, ICCV 2017, arXiv:1705.08168. Code: MIT; weights: CC BY 4.0.

This is version 0.4 with its default front end (kapre). Version 0.3 used the same convolutions
behind another front end, so its embeddings differ; so do those of 0.4 with its librosa front end.
A variant names the front end, the videos it learnt from and the vector's length: 6144 values are
the last layer's maximum in 4 bands by 3 times, 512 the maximum over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedviz.checkpoints import Array, fill, fold_batch_norm, read_keras_h5
from embedviz.errors import WeightsError
from embedviz.facts import Check, Facts, Framing, WeightFile
from embedviz.mel import slaney_centres_hz

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.data import FloatArray
    from embedviz.engine import Hear
    from embedviz.model import Model

RATE_HZ = 48000
FRONT_ENDS = ("mel256", "mel128", "linear")
CONTENTS = ("music", "env")
SIZES = (512, 6144)
# Of the files as the project's `models` branch holds them.
GIT_BLOBS = {
    "mel256_music": "15e483646fa3d4091a463f0affbb706e6bbbb098",
    "mel256_env": "34dbd7a91cdd2de6a3d6d036ac0a24d27d78e3cc",
    "mel128_music": "73ff29de441865318c4b3a3f98c40763c4773e7c",
    "mel128_env": "8c3dfee140f7776373841e5938a3e76c54f28942",
    "linear_music": "4e2e61beb17865481c8b8791c72eac8307e2753a",
    "linear_env": "7837407f033f3564c7e8d53fc4a4241fe160478b",
}
FILES = tuple(
    WeightFile(
        name=f"openl3_audio_{network}-v0_4_0.h5.gz",
        url=f"https://github.com/marl/openl3/raw/models/openl3_audio_{network}-v0_4_0.h5.gz",
        checksum=f"git-blob-sha1:{blob}",
        variants=tuple(f"{network}_{size}" for size in SIZES),
    )
    for network, blob in GIT_BLOBS.items()
)
# What differs from the default: (frames, bands) of a patch, and the bands' centres.
SHAPES = {"mel256": (199, 256), "mel128": (199, 128), "linear": (197, 257)}
BANDS_HZ = {
    "mel256": slaney_centres_hz(256, 0.0, RATE_HZ / 2),
    "mel128": slaney_centres_hz(128, 0.0, RATE_HZ / 2),
    "linear": tuple(float(hz) for hz in np.linspace(0.0, RATE_HZ / 2, 257)),
}
VARIANTS = tuple("_".join(map(str, parts)) for parts in product(FRONT_ENDS, CONTENTS, SIZES))

FACTS = Facts(
    name="openl3",
    title="OpenL3",
    group="Music",
    hears="The character of music, learnt from which sounds belong to which pictures; variants "
    "`env` learnt from everyday surroundings.",
    paper="Cramer et al., ICASSP 2019, doi:10.1109/ICASSP.2019.8682475",
    licence="code MIT, weights CC BY 4.0",
    home="https://github.com/marl/openl3",
    rate_hz=RATE_HZ,
    framing=Framing(
        window_s=1.0, window_samples=RATE_HZ, hop_s=0.1, tail="pad", lead_samples=RATE_HZ // 2
    ),
    patch_frames=SHAPES["mel256"][0],
    bands_hz=BANDS_HZ["mel256"],
    patch_range=(-80.0, 0.0),
    patch_unit="dB below the window's loudest (10 log10 of magnitude)",
    variants={variant: int(variant.rpartition("_")[2]) for variant in VARIANTS},
    # A window's first layers take 13 MB each.
    batch=16,
    files=FILES,
    precisions=("float32", "bfloat16"),
    notes="Version 0.4 with its kapre front end. The first window is centred on the first sample, "
    "as the reference does by default: half a second of silence stands before the sound.",
    differences={
        variant: {"patch_frames": SHAPES[front_end][0], "bands_hz": BANDS_HZ[front_end]}
        for variant in VARIANTS
        for front_end in [variant.partition("_")[0]]
        if front_end != "mel256"
    },
)

# Filters, and whether a 2 x 2 max-pool follows.
CONVOLUTIONS = (
    (64, False), (64, True), (128, False), (128, True), (256, False), (256, True), (512, False),
)  # fmt: skip
EPSILON = 1e-3
NORMALISATION = ("gamma", "beta", "moving_mean", "moving_variance")
CONVOLUTION = ("kernel", "bias")
# The order of the official file: no normalisation follows the last convolution.
LAYERS = (NORMALISATION, *(CONVOLUTION, NORMALISATION) * len(CONVOLUTIONS), CONVOLUTION)
# Maxima are taken over so much of the last layer's bands and times; 4 x 3 are left for 6144.
POOLS = {
    "mel256_512": (32, 24), "mel256_6144": (8, 8), "mel128_512": (16, 24), "mel128_6144": (4, 8),
    "linear_512": (32, 24), "linear_6144": (8, 8),
}  # fmt: skip


def _network(frames: int, bands: int, pool: tuple[int, int], dtype: str) -> Any:  # noqa: ANN401
    """Give the Keras model from normalised spectrograms (B, bands, frames, 1) to embeddings."""
    import keras
    from keras import layers

    options = {"padding": "same", "dtype": dtype}
    x = spectrograms = layers.Input((bands, frames, 1))
    for filters, pooled in CONVOLUTIONS:
        x = layers.Conv2D(filters, 3, activation="relu", **options)(x)
        if pooled:
            x = layers.MaxPooling2D(2, dtype=dtype)(x)
    x = layers.Conv2D(512, 3, **options)(x)
    x = layers.Flatten(dtype=dtype)(layers.MaxPooling2D(pool, **options)(x))
    return keras.Model(spectrograms, layers.Activation("linear", dtype="float32")(x))


def _layers(path: Path) -> list[list[Array]]:
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


def _folded_weights(layers: list[list[Array]]) -> list[Array]:
    """Give (kernel, bias) of every convolution, with the normalisation that follows folded in."""
    folded: list[Array] = []
    for (kernel, bias), normalisation in zip(layers[1:-1:2], layers[2:-1:2], strict=True):
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
    return folded + layers[-1]


def build(files: Mapping[str, Path], variant: str, dtype: str) -> Hear:
    """Give graph code from waveforms (B, 48000) to vectors and patches (B, frames, bands)."""
    import tensorflow as tf

    network_name, _, size = variant.rpartition("_")
    front_end = network_name.partition("_")[0]
    path = files[f"openl3_audio_{network_name}-v0_4_0.h5.gz"]
    official = _layers(path)
    network = _network(*SHAPES[front_end], POOLS[f"{front_end}_{size}"], dtype)
    fill(network, _folded_weights(official), path)
    gamma, beta, mean, variance = (array.item() for array in official[0])
    # The first convolution pads with zeros after this, so it stays out of the kernel.
    scale = gamma / np.sqrt(variance + EPSILON)
    decibels = _front_end(front_end)

    def hear(waveforms: tf.Tensor) -> dict[str, tf.Tensor]:
        patches = decibels(waveforms)
        normalised = (patches - mean) * scale + beta
        spectrograms = tf.transpose(normalised, [0, 2, 1])[..., tf.newaxis]
        return {"vectors": network(spectrograms, training=False), "patches": patches}

    return hear


def _front_end(name: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """Give the graph code from waveforms (B, 48000) to patches."""
    from embedviz.frontends import kapre

    if name == "linear":
        return kapre.linear_decibels
    matrix = kapre.openl3_mel_matrix(SHAPES[name][1])
    return lambda waveforms: kapre.mel_decibels(waveforms, matrix)


# Of the official regression data for `chirp_44k.wav`: seconds between windows, windows before the
# first one compared, and mean, standard deviation and length of the first row. Those of 512 values
# follow from the published 6144 by their maximum.
PUBLISHED: dict[str, tuple[float, int, tuple[float, float, float]]] = {
    "mel256_music_6144": (0.1, 0, (0.956534, 1.070797, 109.87657)),
    "mel256_music_512": (0.1, 0, (1.963389, 1.183911, 53.967293)),
    "linear_env_512": (0.5, 1, (1.894312, 1.055850, 49.468887)),
}
TOLERANCE = 0.05


def smoke_test(model: Model) -> list[Check]:
    """Compare statistics of the official chirp's embedding; empty for variants without any.

    The chirp differs from the official one by its dither's random numbers and by our resampler.
    On random networks the two move these figures by up to 2.4 %, and single rows by 15 %, which
    is why rows are not compared. The front end of version 0.3 moves the mean by 7 %.
    """
    if model.variant not in PUBLISHED:
        return []
    hop_s, before, expected = PUBLISHED[model.variant]
    vectors = model.embed(_chirp(), 44100, hop_s=hop_s).vectors[before:]
    found = (vectors.mean(), vectors.std(), np.linalg.norm(vectors[0]))
    names = ("mean", "standard deviation", "length of the first vector")
    return [
        Check(
            f"2 s of the official chirp, {model.variant}: {name} {value:.4g}, published "
            f"{wanted:.4g}",
            passed=bool(abs(value / wanted - 1) < TOLERANCE),
        )
        for name, value, wanted in zip(names, found, expected, strict=True)
    ]


def _chirp() -> FloatArray:
    """Give `chirp_44k.wav`, 2 s at 44.1 kHz, up to the random numbers of its 16-bit dither.

    What the file holds beside the chirp has the spectrum and variance of the dither made here. It
    matters: in most bands the network hears nothing else.
    """
    pure = _pure_chirp()
    # Triangular dither and rounding, in 16-bit steps, through Lipshitz' error filter.
    white = np.random.default_rng(0).uniform(-0.5, 0.5, (3, len(pure))).sum(axis=0)
    dither = np.convolve(white, [1, -2.033, 2.165, -1.959, 1.590, -0.6149])[: len(pure)]
    return (pure + dither / 2**15).astype(np.float32)


def _pure_chirp() -> npt.NDArray[np.float64]:
    """Give the start of Audacity's default chirp: 440 to 1320 Hz, 0.8 to 0.1, in 5 s."""
    n = np.arange(2 * 44100)
    part = n / (5 * 44100)
    # The sum of the frequencies of all samples before this one.
    cycles = (440 * n + 880 * part * (n - 1) / 2) / 44100
    return (0.8 - 0.7 * part) * np.sin(2 * np.pi * cycles)
