"""OpenL3: what sounds go with what pictures, learnt from videos of music or of surroundings.

J. Cramer, H.-H. Wu, J. Salamon, J. P. Bello, Look, Listen and Learn More: Design Choices for Deep
Audio Embeddings, ICASSP 2019, doi:10.1109/ICASSP.2019.8682475; after R. Arandjelovic and
A. Zisserman, Look, Listen and Learn, ICCV 2017, arXiv:1705.08168. Code: MIT; weights: CC BY 4.0.

This is version 0.4 with its default front end (kapre). Version 0.3 used the same convolutions
behind another front end, so its embeddings differ; so do those of 0.4 with its librosa front end.
A variant names the front end, the videos it learnt from and how the last layer is pooled: 6144
values are its maximum in 4 bands by 3 times, 512 the maximum over all of them. Two ways are ours:
`mean` is the mean over all bands and times, and `steps` gives each of the 24 times as a row, 40 ms
apart: the maximum over its bands. The maximum of a window's rows is its vector of 512.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedviz.facts import Check, Facts, Framing, WeightFile
from embedviz.mel import slaney_centres_hz
from embedviz.networks.openl3 import (
    ENDINGS,
    EPSILON,
    SHAPES,
    STEP_FRAMES,
    STEPS,
    network,
    official_layers,
)
from embedviz.stepping import Stepping

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.data import FloatArray
    from embedviz.engine import Hear
    from embedviz.model import Model

RATE_HZ = 48000
FRONT_ENDS = ("mel256", "mel128", "linear")
CONTENTS = ("music", "env")
FRAME_HOP = 242
FRAME_SAMPLES = {"mel256": 2048, "mel128": 2048, "linear": 512}
STEP_SAMPLES = STEP_FRAMES * FRAME_HOP
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
        name=f"openl3_audio_{learnt}-v0_4_0.h5.gz",
        url=f"https://github.com/marl/openl3/raw/models/openl3_audio_{learnt}-v0_4_0.h5.gz",
        checksum=f"git-blob-sha1:{blob}",
        variants=tuple(f"{learnt}_{ending}" for ending in ENDINGS),
    )
    for learnt, blob in GIT_BLOBS.items()
)
BANDS_HZ = {
    "mel256": slaney_centres_hz(256, 0.0, RATE_HZ / 2),
    "mel128": slaney_centres_hz(128, 0.0, RATE_HZ / 2),
    "linear": tuple(float(hz) for hz in np.linspace(0.0, RATE_HZ / 2, 257)),
}
VARIANTS = {"_".join(parts): ENDINGS[parts[-1]] for parts in product(FRONT_ENDS, CONTENTS, ENDINGS)}


def _differences(variant: str) -> dict[str, Any]:
    """Give the fields in which a variant differs from the default one."""
    front_end, _, ending = variant.split("_")
    found: dict[str, Any] = {}
    if front_end != FRONT_ENDS[0]:
        found = {"patch_frames": SHAPES[front_end][0], "bands_hz": BANDS_HZ[front_end]}
    if ending != "steps":
        return found
    step_s = STEP_SAMPLES / RATE_HZ
    framing = Framing(window_s=step_s, window_samples=STEP_SAMPLES, hop_s=step_s, tail="pad")
    return found | {
        "framing": framing,
        "patch_frames": STEP_FRAMES,
        "fixed_hop": True,
        "notes": f"Ours: the last layer's {STEPS} times are rows of {1000 * step_s:.1f} ms. Each "
        f"{STEPS * step_s:.3f} s are heard by themselves, levels counting from the loudest of "
        "them, so that rows at their ends hear less around them.",
    }


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
    variants=VARIANTS,
    # A window's first layers take 13 MB each.
    batch=16,
    files=FILES,
    precisions=("float32", "bfloat16"),
    notes="Version 0.4 with its kapre front end. The first window is centred on the first sample, "
    "as the reference does by default: half a second of silence stands before the sound.",
    differences={variant: found for variant in VARIANTS if (found := _differences(variant))},
)


def build(files: Mapping[str, Path], variant: str, dtype: str) -> Hear | Stepping:
    """Give graph code from waveforms (B, 48000) to vectors and patches (B, frames, bands).

    For `steps` the vectors are (B, 24, 512).
    """
    import tensorflow as tf

    learnt, _, ending = variant.rpartition("_")
    front_end = learnt.partition("_")[0]
    path = files[f"openl3_audio_{learnt}-v0_4_0.h5.gz"]
    official = official_layers(path)
    embed = network(front_end, ending, official, path, dtype)
    gamma, beta, mean, variance = (array.item() for array in official[0])
    # The first convolution pads with zeros after this, so it stays out of the kernel.
    scale = gamma / np.sqrt(variance + EPSILON)
    decibels = _front_end(front_end)

    def hear(waveforms: tf.Tensor) -> dict[str, tf.Tensor]:
        patches = decibels(waveforms)
        normalised = (patches - mean) * scale + beta
        spectrograms = tf.transpose(normalised, [0, 2, 1])[..., tf.newaxis]
        return {"vectors": embed(spectrograms, training=False), "patches": patches}

    if ending != "steps":
        return hear
    # Frames reach beyond the next one: so much silence in front centres them on their step.
    lead = (FRAME_SAMPLES[front_end] - FRAME_HOP) // 2
    return Stepping(hear, window_samples=RATE_HZ, steps=STEPS, lead_samples=lead)


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
