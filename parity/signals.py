"""Sounds that tell models apart, of any length at any rate.

All carry noise: in a band that is nearly silent, the rounding of two Fourier transforms differs
by decibels, and a comparison there says nothing. Under the sweep it is strong: with a quarter of
it, float32 moves PaSST's own reference by 2.7e-5, which is its whole limit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]
KINDS = ("sweep", "bursts", "chord", "clicks")


def sound(kind: str, samples: int, rate_hz: int) -> Sound:
    """Make one sound.

    Parameters
    ----------
    kind
        One of `KINDS`.
    samples
        Its length.

    Returns
    -------
    (samples,) float32 within [-1, 1].
    """
    rng = np.random.default_rng(KINDS.index(kind))
    t = np.arange(samples) / rate_hz
    # The patterns fill short sounds too, so that each sounds different at every length.
    span = max(samples / rate_hz, 1e-3)
    if kind == "sweep":
        slope = (0.4 * rate_hz - 100) / span
        wave = 0.4 * np.sin(2 * np.pi * (100 * t + 0.5 * slope * t**2))
    elif kind == "bursts":
        wave = 0.4 * rng.standard_normal(samples) * (np.sin(2 * np.pi * 5 * t / span) > 0)
    elif kind == "chord":
        tones = [np.sin(2 * np.pi * 220 * ratio * t) / ratio for ratio in (1, 1.5, 2.02, 3.1, 7.3)]
        wave = 0.25 * np.sum(tones, axis=0) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t / span))
    else:
        wave = np.zeros(samples)
        wave[:: max(samples // 9, 1)] = 0.9
        wave = np.convolve(wave, np.exp(-np.arange(400) / 60.0))[:samples]
    noise = {"sweep": 0.2, "bursts": 0.02, "chord": 0.01, "clicks": 0.005}[kind]
    wave = wave + noise * rng.uniform(-1, 1, samples)
    return np.clip(wave, -1, 1).astype(np.float32)


def pair(samples: int, rate_hz: int, kinds: tuple[str, str] = ("chord", "clicks")) -> Sound:
    """Two different sounds of one length as a batch (2, samples)."""
    return np.stack([sound(kind, samples, rate_hz) for kind in kinds])
