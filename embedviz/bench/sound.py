"""The recording that is heard: noise, tones and clicks that change all the time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embedviz.data import FloatArray

RATE_HZ = 44100
BLOCK_S = 2


def write_recording(path: Path, seconds: float) -> Path:
    """Write a WAV file of `seconds`, 44.1 kHz, 16 bits, mono; the same one at every call."""
    import soundfile as sf

    rng = np.random.default_rng(0)
    left = max(1, round(seconds * RATE_HZ))
    with sf.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
        while left > 0:
            block = _block(rng)[:left]
            file.write(block)
            left -= len(block)
    return path


def _block(rng: np.random.Generator) -> FloatArray:
    """Give two seconds: a tone that rises or falls, noise of another level, some clicks."""
    samples = BLOCK_S * RATE_HZ
    low_hz, high_hz = rng.uniform(80, 12_000, 2)
    phase = 2 * np.pi * np.cumsum(np.linspace(low_hz, high_hz, samples)) / RATE_HZ
    noise_level = 10 ** rng.uniform(-4, -1)
    wave = rng.uniform(0, 0.5) * np.sin(phase) + noise_level * rng.standard_normal(samples)
    wave[rng.integers(0, samples, 5)] = 0.8
    return np.clip(wave, -1, 1).astype(np.float32)
