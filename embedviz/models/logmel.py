"""Log-mel statistics: the baseline that pretrained models are compared with.

No network and no weights. The picture is VGGish's log-mel patch; the vector says how loud each
band is, how much it varies and how fast it changes. Spectrogram statistics of this kind are the
classic features of bioacoustics and of audio tagging before embeddings (McFee et al. 2015,
librosa; Piczak 2015, ESC-50 baseline). Licence: Apache-2.0, like embedviz itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from embedviz.facts import Facts, Framing
from embedviz.mel import band_centres_hz

if TYPE_CHECKING:
    from embedviz.frontends.framed import Framed

FACTS = Facts(
    name="logmel",
    title="Log-mel",
    group="Baseline",
    hears="Loudness, variation and change of 64 mel bands: what a spectrogram shows by itself.",
    paper="Spectrogram statistics; front end of Hershey et al., ICASSP 2017, arXiv:1609.09430",
    licence="Apache-2.0",
    home="https://arxiv.org/abs/1609.09430",
    rate_hz=16000,
    framing=Framing(window_s=0.96, window_samples=15600, hop_s=0.48, tail="drop"),
    patch_frames=96,
    bands_hz=band_centres_hz(64, 125.0, 7500.0),
    patch_range=(-4.6, 3.0),
    patch_unit="ln(mel magnitude + 0.01)",
    variants={"default": 192, "mean_std": 128},
    notes="192 values: per band the mean, the standard deviation and the mean absolute change "
    "from frame to frame. Variant mean_std leaves the change out, as the usual baseline does.",
)


def build(files: Mapping[str, Path], variant: str, dtype: str) -> Framed:
    """Give graph code from waveforms (B, 15600) to vectors (B, 192 or 128) and patches."""
    import tensorflow as tf

    from embedviz.frontends.audioset import framed, vggish_mel_matrix

    def finish(patches: tf.Tensor) -> dict[str, tf.Tensor]:
        mean, variance = tf.nn.moments(patches, axes=[1])
        kept = [mean, tf.sqrt(variance)]
        if variant == "default":
            kept.append(tf.reduce_mean(tf.abs(patches[:, 1:] - patches[:, :-1]), axis=1))
        return {"vectors": tf.concat(kept, axis=1)}

    return framed(vggish_mel_matrix(), offset=0.01, finish=finish)
