"""Samples as a short WAV file that a browser plays."""

from __future__ import annotations

import io
import wave

import numpy as np

from embedviz.data import FloatArray

FADE_S = 0.005


def faded(samples: FloatArray, rate_hz: int) -> FloatArray:
    """Ramp both ends over `FADE_S`, so that a cut does not click."""
    ramp = np.linspace(0, 1, min(round(FADE_S * rate_hz), len(samples) // 2), dtype=np.float32)
    ramped = samples.copy()
    ramped[: len(ramp)] *= ramp
    ramped[len(samples) - len(ramp) :] *= ramp[::-1]
    return ramped


def wav(samples: FloatArray, rate_hz: int) -> bytes:
    """Write mono 16-bit; samples that came from 16 bits come out as they went in.

    Parameters
    ----------
    samples
        (n,), -1 to 1; what lies beyond is clipped.
    rate_hz
        Samples a second.
    """
    whole = np.clip(np.round(samples * 32768), -32768, 32767).astype("<i2")
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(whole.tobytes())
    return content.getvalue()
