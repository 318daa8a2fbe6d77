"""The log-mel front end of Google's AudioSet models: VGGish, YAMNet and our baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from embedviz import mel
from embedviz.frontends.framed import Framed

AUDIOSET_BANDS = 64
AUDIOSET_FRAME_SAMPLES = 400
AUDIOSET_STEP_SAMPLES = 160
AUDIOSET_PATCH_FRAMES = 96
AUDIOSET_WINDOW_SAMPLES = 15_600


def vggish_mel_matrix() -> tf.Tensor:
    """Give VGGish's (257, 64) mel matrix, computed in float64 as its NumPy reference does."""
    matrix = mel.audioset_mel_matrix(
        bands=AUDIOSET_BANDS, bins=257, rate_hz=16000, low_hz=125.0, high_hz=7500.0
    )
    return tf.constant(matrix.astype(np.float32))


def yamnet_mel_matrix() -> tf.Tensor:
    """Give YAMNet's (257, 64) mel matrix, computed in float32 as its TensorFlow reference does.

    It differs from VGGish's by up to 8e-6, which shows in near-silent bands beside a loud tone.
    """
    return tf.signal.linear_to_mel_weight_matrix(AUDIOSET_BANDS, 257, 16000, 125.0, 7500.0)


def audioset_log_mel(waveforms: tf.Tensor, mel_matrix: tf.Tensor, offset: float) -> tf.Tensor:
    """Give the log-mel patches of VGGish and YAMNet.

    Magnitude of a 512-point STFT (25 ms periodic Hann every 10 ms, no centring) at 16 kHz,
    64 mel bands from 125 to 7500 Hz, natural logarithm of the band plus `offset`.
    Source: `mel_features.py` and `features.py` of the AudioSet code (Hershey et al. 2017).

    Parameters
    ----------
    waveforms
        (B, samples) float32, mono, 16 kHz.
    mel_matrix
        (257, 64), from `vggish_mel_matrix` or `yamnet_mel_matrix`.
    offset
        0.01 for VGGish, 0.001 for YAMNet.

    Returns
    -------
        (B, 1 + (samples - 400) // 160, 64) float32.
    """
    spectrum = tf.abs(
        tf.signal.stft(waveforms, AUDIOSET_FRAME_SAMPLES, AUDIOSET_STEP_SAMPLES, 512, pad_end=False)
    )
    return tf.math.log(tf.tensordot(spectrum, mel_matrix, 1) + offset)


def framed(
    mel_matrix: tf.Tensor,
    *,
    offset: float,
    finish: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
) -> Framed:
    """Give a network that hears patches (B, 96, 64) of `audioset_log_mel` through `finish`."""
    return Framed(
        frames=lambda waveforms: audioset_log_mel(waveforms, mel_matrix, offset),
        finish=finish,
        step_samples=AUDIOSET_STEP_SAMPLES,
        window_samples=AUDIOSET_WINDOW_SAMPLES,
        patch_frames=AUDIOSET_PATCH_FRAMES,
    )
