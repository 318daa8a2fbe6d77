"""The spectrogram of a recording itself, for the picture around a window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray

FFT_SAMPLES = 1024
MOST_FRAMES = 600
FLOOR_DB = -80.0


@dataclass(frozen=True)
class Spectrogram:
    """Levels in dB below the loudest cell."""

    times_s: npt.NDArray[np.float64]
    """(frames,) from the start of the samples."""
    bands_hz: npt.NDArray[np.float64]
    """(bands,)"""
    levels_db: FloatArray
    """(frames, bands), 0 at the loudest and not below -80."""


def spectrogram(samples: FloatArray, rate_hz: int) -> Spectrogram:
    """Give the power spectrogram of mono samples (n,), at most 600 frames long.

    Source: `scipy.signal.ShortTimeFFT` with a Hann window of 1024 samples.
    """
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    padded = np.pad(samples, (0, max(0, FFT_SAMPLES - len(samples))))
    hop = max(FFT_SAMPLES // 4, -(-len(padded) // (MOST_FRAMES - 1)))
    transform = ShortTimeFFT(hann(FFT_SAMPLES, sym=False), hop, rate_hz, scale_to="magnitude")
    power = transform.spectrogram(padded.astype(np.float64))
    times_s = transform.t(len(padded))
    inside = (times_s >= 0) & (times_s <= len(samples) / rate_hz)
    power, times_s = power[:, inside], times_s[inside]
    loudest = max(float(power.max(initial=0.0)), 1e-20)
    levels_db = 10 * np.log10(np.maximum(power / loudest, 10 ** (FLOOR_DB / 10)))
    return Spectrogram(times_s, transform.f, levels_db.T.astype(np.float32))
