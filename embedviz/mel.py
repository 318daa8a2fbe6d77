"""Mel scales and filter banks in NumPy, shared by the facts of models and their front ends."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def hz_to_mel(hz: npt.ArrayLike) -> FloatArray:
    """Give the HTK mel value of frequencies in Hz: 1127 ln(1 + f / 700)."""
    return 1127.0 * np.log1p(np.asarray(hz, dtype=np.float64) / 700.0)


def mel_to_hz(mel: npt.ArrayLike) -> FloatArray:
    """Give the frequency in Hz of HTK mel values."""
    return np.asarray(700.0 * np.expm1(np.asarray(mel, dtype=np.float64) / 1127.0))


def band_edges_mel(bands: int, low_hz: float, high_hz: float) -> FloatArray:
    """Give the (bands + 2) edges of triangles spaced evenly in mel."""
    low, high = hz_to_mel(low_hz), hz_to_mel(high_hz)
    return np.linspace(float(low), float(high), bands + 2)


def band_centres_hz(bands: int, low_hz: float, high_hz: float) -> tuple[float, ...]:
    """Give the centre frequency in Hz of each band, lowest first."""
    return tuple(float(hz) for hz in mel_to_hz(band_edges_mel(bands, low_hz, high_hz)[1:-1]))


def audioset_mel_matrix(
    *, bands: int, bins: int, rate_hz: int, low_hz: float, high_hz: float
) -> FloatArray:
    """Give the (bins, bands) matrix of VGGish and YAMNet.

    Triangles are linear in mel, without area normalisation, and bin 0 (0 Hz) weighs nothing,
    as `mel_features.py` of Google's AudioSet code defines them.
    """
    matrix = _mel_triangles(bands, bins, rate_hz, low_hz, high_hz)
    matrix[0] = 0.0
    return matrix


def kaldi_mel_matrix(
    *, bands: int, bins: int, rate_hz: int, low_hz: float, high_hz: float
) -> FloatArray:
    """Give the (bins, bands) matrix of Kaldi's `get_mel_banks`, with a zero row for Nyquist.

    Triangles are linear in mel, without area normalisation.
    """
    matrix = _mel_triangles(bands, bins, rate_hz, low_hz, high_hz)
    matrix[-1] = 0.0
    return matrix


def _mel_triangles(
    bands: int, bins: int, rate_hz: int, low_hz: float, high_hz: float
) -> FloatArray:
    edges = band_edges_mel(bands, low_hz, high_hz)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    mel = hz_to_mel(np.linspace(0.0, rate_hz / 2, bins))[:, np.newaxis]
    rising = (mel - lower) / (centre - lower)
    falling = (upper - mel) / (upper - centre)
    return np.maximum(0.0, np.minimum(rising, falling))


def slaney_hz_to_mel(hz: npt.ArrayLike) -> FloatArray:
    """Give Slaney's mel value of frequencies in Hz: linear to 1 kHz, then logarithmic.

    Source: M. Slaney, Auditory Toolbox, 1998, as librosa computes it.
    """
    hz = np.asarray(hz, dtype=np.float64)
    logarithmic = 15.0 + np.log(np.maximum(hz, 1000.0) / 1000.0) * 27.0 / np.log(6.4)
    return np.where(hz < 1000.0, hz * 3.0 / 200.0, logarithmic)


def slaney_mel_to_hz(mel: npt.ArrayLike) -> FloatArray:
    """Give the frequency in Hz of Slaney's mel values."""
    mel = np.asarray(mel, dtype=np.float64)
    logarithmic = 1000.0 * np.exp(np.log(6.4) / 27.0 * (np.maximum(mel, 15.0) - 15.0))
    return np.where(mel < 15.0, mel * 200.0 / 3.0, logarithmic)


def slaney_edges_hz(bands: int, low_hz: float, high_hz: float) -> FloatArray:
    """Give the (bands + 2) edges in Hz of triangles spaced evenly in Slaney's mel."""
    low, high = slaney_hz_to_mel(low_hz), slaney_hz_to_mel(high_hz)
    return slaney_mel_to_hz(np.linspace(float(low), float(high), bands + 2))


def slaney_centres_hz(bands: int, low_hz: float, high_hz: float) -> tuple[float, ...]:
    """Give the centre frequency in Hz of each of librosa's bands, lowest first."""
    return tuple(float(hz) for hz in slaney_edges_hz(bands, low_hz, high_hz)[1:-1])


def slaney_mel_matrix(
    *, bands: int, bins: int, rate_hz: int, low_hz: float, high_hz: float
) -> FloatArray:
    """Give the (bins, bands) matrix of `librosa.filters.mel` with its defaults.

    Triangles are linear in Hz and of equal area (2 / width).
    """
    edges = slaney_edges_hz(bands, low_hz, high_hz)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    hz = np.linspace(0.0, rate_hz / 2, bins)[:, np.newaxis]
    rising = (hz - lower) / (centre - lower)
    falling = (upper - hz) / (upper - centre)
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (upper - lower))
