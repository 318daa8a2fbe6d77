"""The log-mel front end of PaSST and EfficientAT, with the triangles of Kaldi."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from embedviz import mel
from embedviz.frontends.framed import Edges, Framed

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
    # The reference pads by half its FFT and sets the frame in the FFT's middle. Padding by half
    # the frame gives the same frames, and where they lie in the FFT does not change the power.
    half = FRAME_SAMPLES // 2
    return _log_mel(tf.pad(_emphasised(waveforms), [[0, 0], [half, half]], mode="REFLECT"))


def framed(window_samples: int, finish: Callable[[tf.Tensor], Mapping[str, tf.Tensor]]) -> Framed:
    """Give a network that hears the patches of `kaldi_log_mel` through `finish`.

    `window_samples` is a multiple of the step. Frame i is centred on sample 320 i and reaches 400
    to either side: the first two of a window and the last one hear it mirrored.
    """
    first = 2 * STEP_SAMPLES - FRAME_SAMPLES // 2
    edges = Edges(
        head=2,
        tail=1,
        samples=3 * STEP_SAMPLES,
        inner=lambda waveforms: _log_mel(_emphasised(waveforms)[:, first:]),
    )
    return Framed(
        frames=kaldi_log_mel,
        finish=finish,
        step_samples=STEP_SAMPLES,
        window_samples=window_samples,
        patch_frames=window_samples // STEP_SAMPLES,
        edges=edges,
    )


def _emphasised(waveforms: tf.Tensor) -> tf.Tensor:
    # In float32 the Fourier transform alone moves PaSST's vector of a loud sweep by 1e-5.
    exact = tf.cast(waveforms, tf.float64)
    return exact[:, 1:] - 0.97 * exact[:, :-1]


def _log_mel(emphasised: tf.Tensor) -> tf.Tensor:
    """Give the bands (B, T, 128) of all whole frames, the first at the first sample."""
    frames = tf.signal.frame(emphasised, FRAME_SAMPLES, STEP_SAMPLES)
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
