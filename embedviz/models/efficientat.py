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

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from embedviz.classes import AUDIOSET_CLASSES, AUDIOSET_NAMES, top_class
from embedviz.facts import Clip, Facts, Framing, WeightFile
from embedviz.mel import band_centres_hz
from embedviz.models.passt import LONG
from embedviz.networks.mobilenet import network

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


def build(files: Mapping[str, Path], variant: str, dtype: str) -> Framed:
    """Give graph code from waveforms (B, n) to vectors (B, D), patches (B, T, 128) and scores.

    Any n from 514 samples on is heard as one stretch; T is 1 + (n - 1) // 320.
    """
    import tensorflow as tf

    from embedviz.frontends.kaldi import framed

    model = network(WIDTHS[variant], files[WEIGHTS[variant].name], dtype)

    def finish(patches: tf.Tensor) -> dict[str, tf.Tensor]:
        vectors, logits = model(patches, training=False)
        return {"vectors": vectors, "scores": tf.sigmoid(logits)}

    return framed(FACTS.framing.window_samples, finish)


def columns(files: Mapping[str, Path]) -> Columns | None:
    """Give the column `top_class` from scores (N, 527), if the names of the classes are there."""
    return top_class(files.get(AUDIOSET_NAMES.name), AUDIOSET_CLASSES)
