"""The spectrogram in decibels that OpenL3 0.4 sees: magnitudes, relative to the window's loudest.

Its authors wrote it with kapre 0.3. Three things are unusual: decibels are 10 log10 of magnitudes,
not of powers; each window is measured by its own maximum; and frames start at the first sample,
with zeros after the last one.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from embedviz import mel

STEP_SAMPLES = 242
LEAST_MAGNITUDE = 1e-10
FLOOR_DB = -80.0


def openl3_mel_matrix(bands: int) -> tf.Tensor:
    """Give the (1025, bands) matrix of librosa's mel bands from 0 to 24 kHz, Slaney's scale."""
    matrix = mel.slaney_mel_matrix(
        bands=bands, bins=1025, rate_hz=48000, low_hz=0.0, high_hz=24000.0
    )
    return tf.constant(matrix.astype(np.float32))


def mel_decibels(waveforms: tf.Tensor, mel_matrix: tf.Tensor) -> tf.Tensor:
    """Give the patches of OpenL3's mel128 and mel256.

    Magnitude of a 2048-point STFT, periodic Hann window, a frame every 242 samples.

    Parameters
    ----------
    waveforms
        (B, samples) float32, mono, 48 kHz.
    mel_matrix
        (1025, bands), from `openl3_mel_matrix`.

    Returns
    -------
        (B, ceil(samples / 242), bands) float32, from -80 to 0.
    """
    spectrum = tf.abs(tf.signal.stft(waveforms, 2048, STEP_SAMPLES, pad_end=True))
    return _below_loudest(tf.tensordot(spectrum, mel_matrix, 1))


def linear_decibels(waveforms: tf.Tensor) -> tf.Tensor:
    """Give the patches of OpenL3's linear variants.

    Magnitude of a 512-point STFT, periodic Hann window, a whole frame every 242 samples.

    Parameters
    ----------
    waveforms
        (B, samples) float32, mono, 48 kHz; at least 512 samples.

    Returns
    -------
        (B, 1 + (samples - 512) // 242, 257) float32, from -80 to 0.
    """
    return _below_loudest(tf.abs(tf.signal.stft(waveforms, 512, STEP_SAMPLES, pad_end=False)))


def _below_loudest(magnitudes: tf.Tensor) -> tf.Tensor:
    """Give 10 log10 of magnitudes (B, frames, bands) below each window's maximum, at least -80."""
    levels = 10.0 / np.log(10.0) * tf.math.log(tf.maximum(magnitudes, LEAST_MAGNITUDE))
    loudest = tf.reduce_max(levels, axis=[1, 2], keepdims=True)
    return tf.maximum(levels - loudest, FLOOR_DB)
