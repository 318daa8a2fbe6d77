"""Log-mel pictures of sound, for models that do not show what they themselves look at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.mel import audioset_mel_matrix, band_centres_hz

BANDS = 64
LOWEST_HZ = 50.0
FLOOR = 1e-10
RANGE_DB = (-90.0, -20.0)
UNIT = "dB (mel power; a picture of the sound, not the model's own input)"
_AT_ONCE = 2048
"""Frames whose samples are held in memory together."""


def bands_hz(rate_hz: int) -> tuple[float, ...]:
    """Give the centre frequency in Hz of each band, lowest first."""
    return band_centres_hz(BANDS, LOWEST_HZ, rate_hz / 2)


def log_mel(sound: FloatArray, rate_hz: int, centres_s: npt.NDArray[np.float64]) -> FloatArray:
    """Give mel levels around points in time; a sine of amplitude 1 has about 0 dB.

    Parameters
    ----------
    sound
        (n,) samples; silence stands before and after them.
    rate_hz
        Their rate.
    centres_s
        (T,) the middles of the frames, in seconds from the first sample. A frame is a periodic
        Hann window of 43 to 64 ms.

    Returns
    -------
    FloatArray
        (T, 64) in dB.
    """
    size = 1 << round(0.04 * rate_hz - 1).bit_length()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    matrix = audioset_mel_matrix(
        bands=BANDS, bins=size // 2 + 1, rate_hz=rate_hz, low_hz=LOWEST_HZ, high_hz=rate_hz / 2
    )
    starts = np.round(centres_s * rate_hz).astype(np.int64) - size // 2
    before = max(0, -int(starts.min(initial=0)))
    after = max(0, int(starts.max(initial=0)) + size - len(sound))
    padded = np.pad(sound, (before, after))
    powers = np.empty((len(starts), BANDS))
    for first in range(0, len(starts), _AT_ONCE):
        chosen = before + starts[first : first + _AT_ONCE, np.newaxis] + np.arange(size)
        spectrum = np.fft.rfft(padded[chosen] * (window / (size / 4)))
        powers[first : first + _AT_ONCE] = (np.abs(spectrum) ** 2) @ matrix
    return np.asarray(10 * np.log10(np.maximum(powers, FLOOR)), np.float32)
