"""PANN: the CNN14 of "pretrained audio neural networks", trained to tag AudioSet's 527 classes.

Q. Kong et al., PANNs: Large-Scale Pretrained Audio Neural Networks for Audio Pattern Recognition,
IEEE/ACM TASLP 28, 2020, arXiv:1912.10211. Code: MIT; weights: CC BY 4.0.

The network takes sound of any length and pools over time itself: the mean over all columns plus
their maximum, then one dense layer. The embedding is that layer's output after its ReLU.
Variant `emb512` is the network with a layer of 512, `cnn14` the one with 2048.

The official file carries its own STFT kernels and mel matrix, so both are taken from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embedviz.checkpoints import Take, take
from embedviz.classes import AUDIOSET_CLASSES, AUDIOSET_NAMES, top_class
from embedviz.errors import ModelError
from embedviz.facts import Check, Clip, Facts, Framing, Sweep, WeightFile
from embedviz.mel import slaney_centres_hz
from embedviz.networks import cnn14
from embedviz.networks.cnn14 import BANDS, FRAMES_A_COLUMN

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.engine import Sweeping
    from embedviz.model import Columns, Model

EMB512 = WeightFile(
    name="Cnn14_emb512_mAP=0.420.pth",
    url="https://zenodo.org/record/3987831/files/Cnn14_emb512_mAP%3D0.420.pth?download=1",
    checksum=None,
    size_bytes=311_586_468,  # the tensors alone; the published size is not on record
    variants=("emb512",),
)
CNN14 = WeightFile(
    name="Cnn14_mAP=0.431.pth",
    url="https://zenodo.org/record/3987831/files/Cnn14_mAP%3D0.431.pth?download=1",
    checksum="sha256:0dc499e40e9761ef5ea061ffc77697697f277f6a960894903df3ada000e34b31",
    size_bytes=327_428_481,
    variants=("cnn14",),
)
EXAMPLE = WeightFile(
    name="R9_ZSCveAHg_7s.wav",
    url="https://github.com/qiuqiangkong/audioset_tagging_cnn/raw/master/resources/R9_ZSCveAHg_7s.wav",
    checksum="sha256:59429c7174a3707575581d0b4181b1e2a420bda5d1de8d5195cf0b1e07d8bdfd",
    size_bytes=448_078,
    optional=True,
    variants=("cnn14",),
    example=True,
)

STEP_SAMPLES = 320

FACTS = Facts(
    name="pann",
    title="PANN CNN14",
    group="General",
    hears="Everyday sounds in clips of any length; names the likeliest of AudioSet's 527 classes.",
    paper="Kong et al., PANNs, IEEE/ACM TASLP 28, 2020, arXiv:1912.10211",
    licence="CC BY 4.0 (code: MIT)",
    home="https://github.com/qiuqiangkong/audioset_tagging_cnn",
    rate_hz=32000,
    framing=Framing(window_s=1.0, window_samples=32000, hop_s=1.0, tail="pad"),
    # Shorter sound leaves no column after five halvings.
    clip=Clip(shortest_samples=(FRAMES_A_COLUMN - 1) * STEP_SAMPLES),
    # A column hears 126 frames beyond its own 32 on either side, and the first two frames of a
    # part hear its mirrored beginning: 128 frames, four columns.
    sweep=Sweep(
        step_samples=FRAMES_A_COLUMN * STEP_SAMPLES, context_steps=4, step_frames=FRAMES_A_COLUMN
    ),
    any_window=True,
    patch_frames=101,
    bands_hz=slaney_centres_hz(BANDS, 50.0, 14000.0),
    patch_range=(-60.0, 15.0),
    patch_unit="dB (mel power)",
    variants={"emb512": 512, "cnn14": 2048},
    files=(EMB512, CNN14, AUDIOSET_NAMES, EXAMPLE),
    precisions=("float32", "bfloat16"),
    batch=128,
    notes="A recording, or a stretch of any length, is heard in one pass, as the paper does; "
    "the last of its windows of 1 s is filled up with zeros.",
)


def _front_end(read: Take) -> Callable[[tf.Tensor], tf.Tensor]:
    """Give graph code from waveforms (B, n) to patches (B, T, 64) in dB, as the file has it.

    The file's STFT kernels are a Hann window times the waves of a Fourier transform, which an FFT
    gives far quicker. Should a file hold other kernels, the official code would use them, so they
    are used here too.
    """
    from embedviz.frontends import decibels as front

    shape = (front.BINS, 1, front.FRAME_SAMPLES)
    real, imaginary = (
        read(f"spectrogram_extractor.stft.conv_{part}.weight", shape)[:, 0].T
        for part in ("real", "imag")
    )
    spectrum = partial(front.power_spectrum, step_samples=STEP_SAMPLES)
    samples = np.arange(front.FRAME_SAMPLES)[:, np.newaxis]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * samples / front.FRAME_SAMPLES)
    # Whole turns are left out before the multiplication, which keeps the angles exact.
    turns = samples * np.arange(front.BINS) % front.FRAME_SAMPLES / front.FRAME_SAMPLES
    waves = window * np.exp(-2j * np.pi * turns)
    if not np.allclose(real + 1j * imaginary, waves, rtol=0, atol=1e-6):
        spectrum = partial(
            front.power_spectrum_by, step_samples=STEP_SAMPLES, cosines=real, sines=imaginary
        )
    mel_matrix = read("logmel_extractor.melW", (front.BINS, BANDS))
    return lambda waveforms: front.decibels(spectrum(waveforms), mel_matrix)


def build(files: Mapping[str, Path], variant: str, dtype: str) -> Sweeping:
    """Give graph code that sweeps: columns (B, T // 32, 2048) of sound, then vectors and scores."""
    import tensorflow as tf

    from embedviz.engine import Sweeping
    from embedviz.torchfiles import state_dict

    path = files[(EMB512 if variant == "emb512" else CNN14).name]
    read = partial(take, state_dict(path), path=path)
    log_mel = _front_end(read)
    network, head = cnn14.network(read, dtype), cnn14.head(read, FACTS.variants[variant])
    scale, shift = cnn14.normalisation(read)

    def sweep(patches: tf.Tensor, loudest: tf.Tensor) -> dict[str, tf.Tensor]:
        maps = network((patches * scale + shift)[..., tf.newaxis], training=False)
        return {
            "columns": tf.reduce_mean(tf.cast(maps, tf.float32), axis=2),
            "patches": patches,
        }

    def finish(mean: tf.Tensor, maximum: tf.Tensor) -> dict[str, tf.Tensor]:
        vectors, scores = head(mean + maximum, training=False)
        return {"vectors": vectors, "scores": scores}

    return Sweeping(frames=log_mel, columns=sweep, finish=finish)


def columns(files: Mapping[str, Path]) -> Columns | None:
    """Give the column `top_class` from scores (N, 527), if the class names are there."""
    return top_class(files.get(AUDIOSET_NAMES.name), AUDIOSET_CLASSES)


# Index in AudioSet's list, name, and the probability that the authors' README prints for EXAMPLE.
PUBLISHED = (
    (0, "Speech", 0.893),
    (390, "Telephone bell ringing", 0.754),
    (506, "Inside, small room", 0.235),
)
LARGEST_DIFFERENCE = 0.005


def smoke_test(model: Model) -> list[Check]:
    """Compare the class scores of the authors' example; empty without it, or for `emb512`."""
    from embedviz import audio, weights

    found = weights.state(FACTS, EXAMPLE)
    if model.variant != "cnn14" or found is None or not found.verified:
        return []
    sound, rate_hz = audio.read(found.path)
    scores = model.embed(sound, rate_hz, per="recording").scores
    if scores is None:
        raise ModelError("pann gave no class scores; they are part of its output.")
    return [
        Check(
            f"the authors' example: {name} {scores[0, index]:.3f}, published {wanted:g}",
            passed=bool(abs(scores[0, index] - wanted) <= LARGEST_DIFFERENCE),
        )
        for index, name, wanted in PUBLISHED
    ]
