"""The mel spectrogram in decibels that PANN and Kumar's network see: librosa's, mirrored ends.

A power STFT with 1024-sample periodic Hann windows, centred: the sound is mirrored by half a
window at both ends, so that frame `i` stands for sample `i * step`.
"""

from __future__ import annotations

import tensorflow as tf

from embedviz.checkpoints import Array

FRAME_SAMPLES = 1024
BINS = FRAME_SAMPLES // 2 + 1
FLOOR = 1e-10
"""The least mel power, -100 dB."""


def power_spectrum(waveforms: tf.Tensor, step_samples: int) -> tf.Tensor:
    """Give the power of centred frames, by FFT.

    Parameters
    ----------
    waveforms
        (B, samples) float32, mono; more than 512 samples, or they cannot be mirrored.
    step_samples
        Samples from one frame to the next.

    Returns
    -------
        (B, 1 + samples // step_samples, 513) float32.
    """
    # A float32 FFT spreads 1e-3 dB of rounding into quiet bands beside a loud tone.
    window = tf.signal.hann_window(FRAME_SAMPLES, periodic=True, dtype=tf.float64)
    frames = tf.cast(_frames(waveforms, step_samples), tf.float64)
    spectrum = tf.cast(tf.signal.rfft(frames * window), tf.complex64)
    return tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))


def power_spectrum_by(
    waveforms: tf.Tensor, step_samples: int, cosines: tf.Tensor, sines: tf.Tensor
) -> tf.Tensor:
    """Give the power of centred frames by kernels (1024, 513) that hold window and waves."""
    frames = _frames(waveforms, step_samples)
    return tf.square(tf.tensordot(frames, cosines, 1)) + tf.square(tf.tensordot(frames, sines, 1))


def decibels(power: tf.Tensor, mel_matrix: Array) -> tf.Tensor:
    """Give 10 log10 of the mel bands (B, frames, bands) of a power spectrum (B, frames, 513)."""
    bands = tf.tensordot(power, tf.constant(mel_matrix, tf.float32), 1)
    return 10.0 / tf.math.log(10.0) * tf.math.log(tf.maximum(bands, FLOOR))


def _frames(waveforms: tf.Tensor, step_samples: int) -> tf.Tensor:
    half = FRAME_SAMPLES // 2
    mirrored = tf.pad(waveforms, [[0, 0], [half, half]], mode="REFLECT")
    return tf.signal.frame(mirrored, FRAME_SAMPLES, step_samples)
