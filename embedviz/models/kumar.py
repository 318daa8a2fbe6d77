"""Kumar's network, learnt from weakly labelled sound: AudioSet clips with one label for 10 s.

A. Kumar, M. Khadkevich and C. Fuegen, Knowledge Transfer from Weakly Labeled Audio Using
Convolutional Neural Network for Sound Events and Scenes, ICASSP 2018, arXiv:1711.01369.
The author states no licence for code or weights: ask before redistributing either.

The embedding is the output of layer 18, one row of 1024 for each segment of 128 frames (1.486 s)
every 64 frames (0.743 s); a whole recording is the mean of its rows. Layer 19, the scores of 527
classes, is left out, because the author discourages its use.

As in the reference, levels more than 80 dB below the loudest of the whole recording are raised to
that, and sound shorter than 128 frames is filled up with frames of 0 dB, which is loud.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedviz.checkpoints import Array, fill, fold_batch_norm, take
from embedviz.facts import Clip, Facts, Framing, Sweep, WeightFile
from embedviz.mel import slaney_centres_hz, slaney_mel_matrix

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.engine import Sweeping

WEIGHTS = WeightFile(
    name="mx-h64-1024_0d3-1.17.pkl",
    url="https://github.com/anuragkr90/weak_feature_extractor/raw/master/mx-h64-1024_0d3-1.17.pkl",
    checksum="git-blob-sha1:18f7764281ba48a5f0d5eff8dfd3792f44911839",
    size_bytes=20_028_412,  # the tensors alone; the published size is not on record
)

RATE_HZ = 44100
BANDS = 128
STEP_SAMPLES = 512
SEGMENT_FRAMES, HOP_FRAMES = 128, 64
EPSILON = 1e-5
RANGE_DB = 80.0

FACTS = Facts(
    name="kumar",
    title="Kumar (weak labels)",
    group="General",
    hears="Everyday sounds, learnt from clips that say what is in them but not when.",
    paper="Kumar, Khadkevich and Fuegen, ICASSP 2018, arXiv:1711.01369",
    licence="none stated by the author (ask before redistributing)",
    home="https://github.com/anuragkr90/weak_feature_extractor",
    rate_hz=RATE_HZ,
    framing=Framing(
        window_s=SEGMENT_FRAMES * STEP_SAMPLES / RATE_HZ,
        # From the centre of the first frame to that of the last.
        window_samples=(SEGMENT_FRAMES - 1) * STEP_SAMPLES,
        hop_s=HOP_FRAMES * STEP_SAMPLES / RATE_HZ,
        tail="drop",
    ),
    # Half an STFT window is mirrored at either end, which takes one sample more than that.
    clip=Clip(shortest_samples=513),
    # A column hears 94 frames beyond its own 128 on either side. Its second half lies in the next
    # step already, so 158 frames count behind a step and 94 before it: three steps.
    sweep=Sweep(step_samples=HOP_FRAMES * STEP_SAMPLES, context_steps=3, step_frames=HOP_FRAMES),
    fixed_hop=True,
    patch_frames=SEGMENT_FRAMES,
    bands_hz=slaney_centres_hz(BANDS, 0.0, RATE_HZ / 2),
    patch_range=(-60.0, 15.0),
    patch_unit="dB (mel power), at most 80 below the loudest",
    variants={"default": 1024},
    files=(WEIGHTS,),
    precisions=("float32", "bfloat16"),
    notes="Rows are the 1024 values of layer 18, a recording the mean of its rows. Levels count "
    "relative to the loudest of the whole recording; short sound is filled up to 1.475 s with "
    "frames of 0 dB, as the reference does. The author advises at least 1.5 s.",
)

# Number of the layer in the file and its channels; a list ends in a 2 x 2 max-pool.
STAGES = (
    ((1, 16), (2, 16)),
    ((4, 32), (5, 32)),
    ((7, 64), (8, 64)),
    ((10, 128), (11, 128)),
    ((13, 256), (14, 256)),
    ((16, 512),),
)
LAST = (18, 1024)


def _network(dtype: str) -> Any:  # noqa: ANN401 (Keras has no types)
    """Give the Keras model from patches (B, T, 128, 1) to columns (B, T // 64 - 1, 1, 1024).

    Batch normalisation stands in the biases of the convolutions; see `_folded_weights`.
    """
    import keras
    from keras import layers

    from embedviz.networks.convolutions import NarrowConv2D, TallConv2D

    options = {"activation": "relu", "dtype": dtype}
    x = patches = layers.Input((None, BANDS, 1))
    for stage in STAGES:
        for _, channels in stage:
            x = TallConv2D(channels, 3, padding="same", **options)(x)
        x = layers.MaxPooling2D(2, dtype=dtype)(x)
    x = NarrowConv2D(LAST[1], 2, **options)(x)
    return keras.Model(patches, layers.Activation("linear", dtype="float32")(x))


def _folded_weights(arrays: dict[str, Array], path: Path) -> list[Array]:
    """Give (kernel, bias) of every layer in order, its batch normalisation folded in."""
    folded: list[Array] = []
    before = 1
    for number, channels in [*(layer for stage in STAGES for layer in stage), LAST]:
        size = 2 if number == LAST[0] else 3
        read = partial(take, arrays, path=path)
        kernel = read(f"layer{number}.0.weight", (channels, before, size, size))
        bias, gamma, beta, mean, variance = (
            read(f"layer{number}.{name}", (channels,))
            for name in ("0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var")
        )
        folded += fold_batch_norm(
            kernel.transpose(2, 3, 1, 0),
            axis=3,
            gamma=gamma,
            beta=beta,
            mean=mean - bias,
            variance=variance,
            epsilon=EPSILON,
        )
        before = channels
    return folded


def build(files: Mapping[str, Path], variant: str, dtype: str) -> Sweeping:
    """Give graph code that sweeps: columns (B, T // 64 - 1, 1024), each a row, of T frames."""
    import tensorflow as tf

    from embedviz.engine import Sweeping
    from embedviz.frontends.decibels import BINS, decibels, power_spectrum
    from embedviz.torchfiles import state_dict

    network = _network(dtype)
    path = files[WEIGHTS.name]
    fill(network, _folded_weights(state_dict(path), path), path)
    mel_matrix = slaney_mel_matrix(
        bands=BANDS, bins=BINS, rate_hz=RATE_HZ, low_hz=0.0, high_hz=RATE_HZ / 2
    )

    def frames(waveforms: tf.Tensor) -> tf.Tensor:
        return decibels(power_spectrum(waveforms, STEP_SAMPLES), mel_matrix)

    def sweep(frames: tf.Tensor, loudest: tf.Tensor) -> dict[str, tf.Tensor]:
        heard = tf.maximum(frames, loudest - RANGE_DB)
        missing = tf.maximum(0, SEGMENT_FRAMES - tf.shape(heard)[1])
        patches = tf.pad(heard, [[0, 0], [0, missing], [0, 0]])
        maps = network(patches[..., tf.newaxis], training=False)
        return {"columns": maps[:, :, 0], "patches": patches}

    return Sweeping(frames=frames, columns=sweep, needs_loudest=True)
