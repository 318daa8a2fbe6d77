"""The log-mel pictures of `pictures` as graph code, a batch of windows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embedviz.foreign.pictures import BANDS, FLOOR, LOWEST_HZ
from embedviz.mel import audioset_mel_matrix

if TYPE_CHECKING:
    import tensorflow as tf

MOST_FRAMES = 100


class Picture:
    """Draws the sound of one window, in frames every 10 ms, or fewer where it is long.

    Parameters
    ----------
    rate_hz
        The rate of the sound.
    samples
        The length of one window.
    """

    def __init__(self, rate_hz: int, samples: int) -> None:
        self._step = max(round(0.010 * rate_hz), samples // MOST_FRAMES)
        # As `pictures.log_mel`: 43 to 64 ms; longer only where frames would leave out sound.
        self._frame = 1 << round(max(0.04 * rate_hz, self._step) - 1).bit_length()
        self.frames = max(1, samples // self._step)
        matrix = audioset_mel_matrix(
            bands=BANDS,
            bins=self._frame // 2 + 1,
            rate_hz=rate_hz,
            low_hz=LOWEST_HZ,
            high_hz=rate_hz / 2,
        )
        # A sine of amplitude 1 has about 0 dB.
        self._matrix = (matrix / (self._frame / 4) ** 2).astype(np.float32)

    def __call__(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Give (B, frames, 64) in dB for waveforms (B, samples)."""
        import tensorflow as tf

        # Frame i is centred in the i-th part of the window; silence stands around it.
        before = (self._frame - self._step) // 2
        padded = tf.pad(waveforms, ((0, 0), (before, self._frame)))
        spectrum = tf.signal.stft(padded, self._frame, self._step)[:, : self.frames]
        power = tf.tensordot(tf.square(tf.abs(spectrum)), self._matrix, 1)
        return 10.0 / np.log(10.0) * tf.math.log(tf.maximum(power, FLOOR))
