"""Front ends whose frames do not know the window they are in, so that windows can share them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Edges:
    """The frames at the ends of a window, which hear it mirrored and so belong to it alone."""

    head: int
    tail: int
    """How many there are at its beginning and at its end."""
    samples: int
    """As much sound of an end as they need, a multiple of the step."""
    inner: Callable[[tf.Tensor], tf.Tensor]
    """waveforms (B, n) -> (B, T, bands), the frames that reach over neither end; the first is
    frame `head` of a window that starts with the waveform."""


@dataclass(frozen=True)
class Framed:
    """Graph code whose front end gives a frame per step, each from the sound about it alone.

    Where windows overlap by whole steps, the frames that they have in common are computed once.
    It can be called as a `Hear`.
    """

    frames: Callable[[tf.Tensor], tf.Tensor]
    """waveforms (B, n) -> (B, T, bands)"""
    finish: Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
    """patches (B, T, bands) -> `vectors`, perhaps `scores`."""
    step_samples: int
    """From one frame to the next."""
    window_samples: int
    patch_frames: int
    """Of a window of so many samples."""
    edges: Edges | None = None
    """None where a window's frames are the same wherever it ends."""

    def __call__(self, waveforms: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Hear waveforms (B, samples), each by itself."""
        return self._finished(self.frames(waveforms))

    def in_stretch(self, stretch: tf.Tensor, starts: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Hear windows of one stretch (1, n) that start `starts` (B,) steps after its beginning."""
        return self._finished(self._patches(stretch, starts))

    def _patches(self, stretch: tf.Tensor, starts: tf.Tensor) -> tf.Tensor:
        edges = self.edges
        if edges is None:
            return _gathered(self.frames(stretch)[0], starts, self.patch_frames)
        shared = self.patch_frames - edges.head - edges.tail
        begin = starts * self.step_samples
        end = begin + self.window_samples - edges.samples
        heads = self.frames(_gathered(stretch[0], begin, edges.samples))[:, : edges.head]
        tails = self.frames(_gathered(stretch[0], end, edges.samples))[:, -edges.tail :]
        inner = _gathered(edges.inner(stretch)[0], starts, shared)
        return tf.concat([heads, inner, tails], axis=1)

    def _finished(self, patches: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return {"patches": patches, **self.finish(patches)}


def _gathered(values: tf.Tensor, starts: tf.Tensor, count: int) -> tf.Tensor:
    """Give `count` consecutive rows of `values` from each of `starts` (B,) on."""
    return tf.gather(values, starts[:, tf.newaxis] + tf.range(count))
