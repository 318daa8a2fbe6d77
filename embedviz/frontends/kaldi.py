"""The log-mel front end of PaSST and EfficientAT, with the triangles of Kaldi."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from embedviz import mel

RATE_HZ = 32000
BANDS = 128
HIGH_HZ = 15000.0
FRAME_SAMPLES = 800
STEP_SAMPLES = 320
FFT_SAMPLES = 1024


def kaldi_log_mel(waveforms: tf.Tensor) -> tf.Tensor:
    """Give the normalised log-mel of PaSST and EfficientAT.

    Pre-emphasis y[n] = x[n+1] - 0.97 x[n], so one sample fewer; power of a 1024-point STFT
    (25 ms symmetric Hann every 10 ms, centred, reflected at both ends); 128 Kaldi bands from 0 to
    15,000 Hz; (ln(band + 1e-5) + 4.5) / 5. Source: `AugmentMelSTFT` in evaluation mode (Koutini
    et al. 2022, Schmid et al. 2023).

    Parameters
    ----------
    waveforms
        (B, n) float32, mono, 32 kHz, n at least 514.

    Returns
    -------
        (B, 1 + (n - 1) // 320, 128) float32; digital silence is -1.4026.
    """
    # In float32 the Fourier transform alone moves PaSST's vector of a loud sweep by 1e-5.
    exact = tf.cast(waveforms, tf.float64)
    emphasised = exact[:, 1:] - 0.97 * exact[:, :-1]
    # The reference pads by half its FFT and sets the frame in the FFT's middle. Padding by half
    # the frame gives the same frames, and where they lie in the FFT does not change the power.
    half = FRAME_SAMPLES // 2
    padded = tf.pad(emphasised, [[0, 0], [half, half]], mode="REFLECT")
    frames = tf.signal.frame(padded, FRAME_SAMPLES, STEP_SAMPLES)
    spectrum = tf.signal.rfft(frames * np.hanning(FRAME_SAMPLES), [FFT_SAMPLES])
    power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
    power = tf.cast(power, tf.float32)
    bands = tf.tensordot(power, tf.constant(_mel_matrix()), 1)
    return (tf.math.log(bands + 1e-5) + 4.5) / 5.0


def _mel_matrix() -> np.ndarray:
    """Give the (513, 128) matrix, computed in float64; torch's float32 one differs by 1.3e-5."""
    matrix = mel.kaldi_mel_matrix(
        bands=BANDS, bins=FFT_SAMPLES // 2 + 1, rate_hz=RATE_HZ, low_hz=0.0, high_hz=HIGH_HZ
    )
    return matrix.astype(np.float32)
