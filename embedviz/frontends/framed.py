"""Front ends that treat every frame alike, so that windows that overlap share their frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Framed:
    """Graph code whose front end treats every frame alike, wherever it stands in the sound.

    Where windows overlap by whole frames, their frames are the same and are computed once. It can
    be called as a `Hear`.
    """

    frames: Callable[[tf.Tensor], tf.Tensor]
    """waveforms (B, n) -> (B, T, bands)"""
    finish: Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
    """patches (B, patch frames, bands) -> `vectors`, perhaps `scores`."""
    step_samples: int
    """From one frame to the next."""
    patch_frames: int

    def __call__(self, waveforms: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Hear waveforms (B, samples), each by itself."""
        return self._finished(self.frames(waveforms))

    def in_stretch(self, stretch: tf.Tensor, starts: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Hear windows of one stretch (1, n) that start at its frames `starts` (B,)."""
        places = starts[:, tf.newaxis] + tf.range(self.patch_frames)
        return self._finished(tf.gather(self.frames(stretch)[0], places))

    def _finished(self, patches: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return {"patches": patches, **self.finish(patches)}
