"""Convolutions of stride 1 in shapes that a processor is quick at, with the sums of any other.

oneDNN, which computes TensorFlow's convolutions on processors, shares the maps of a batch among
its threads and works along the rows of each. One tall map, the spectrogram of a minute, is
therefore cut into a batch of pieces; and on maps of two places a row, both places become one of
twice the channels, whose neighbourhoods are multiplied by the kernel as a matrix.
Measured on two cores with AVX2: 128 channels on one map of 1500 x 32 take 244 ms whole and 85 ms
in pieces; 2048 channels on 40 maps of 3 x 2 take 313 ms as they are and 78 ms in this way.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from embedviz.checkpoints import Array

PIECES = 16
"""More than most processors have cores, so that none is idle for long."""
SPARE = 64
"""Columns of zeros beside a matrix whose width is a large power of two. Without them its rows lie
on the same few places of a processor's cache, and products with few rows take twice as long."""
ROWS_GIVEN = [[0, 0], [0, 0], [1, 1], [0, 0]]
"""The zeros around a map whose first and last row are there for their neighbours."""


class TallConv2D(keras.layers.Conv2D):  # type: ignore[misc] # Keras has no types
    """A `Conv2D` of 3 x 3 with equal padding, which hears a batch of one map in pieces.

    The graph must have been traced for a batch of one; batches of any size stay as they are.
    """

    def call(self, maps: tf.Tensor) -> tf.Tensor:
        """Give (B, H, W, filters) for maps (B, H, W, C)."""
        if maps.shape[0] != 1:
            return super().call(maps)
        rows = tf.shape(maps)[1]
        own = -(-rows // PIECES)
        above_and_below = tf.pad(maps[0], [[1, own * PIECES - rows + 1], [0, 0], [0, 0]])
        taken = own * tf.range(PIECES)[:, tf.newaxis] + tf.range(own + 2)
        pieces = tf.gather(above_and_below, taken)
        sums = tf.nn.conv2d(pieces, self.kernel, 1, ROWS_GIVEN)
        heard = self.activation(tf.nn.bias_add(sums, self.bias))
        return tf.reshape(heard, (1, own * PIECES, *heard.shape[2:]))[:, :rows]


class NarrowConv2D(keras.layers.Conv2D):  # type: ignore[misc] # Keras has no types
    """A `Conv2D` that multiplies the neighbourhoods of all places by its kernel."""

    def convolution_op(self, maps: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Give the sums (B, H', W', filters) of maps (B, H, W, C)."""
        height, width, channels, filters = kernel.shape
        once = [1, 1, 1, 1]
        neighbourhoods = tf.image.extract_patches(
            maps, [1, height, width, 1], once, once, self.padding.upper()
        )
        matrix = tf.reshape(kernel, (height * width * channels, filters))
        return tf.tensordot(neighbourhoods, matrix, 1)


def with_spare(weights: Array) -> Array:
    """Give a kernel (…, K) or bias (K,) with `SPARE` more filters, all zero."""
    return np.pad(weights, [(0, 0)] * (weights.ndim - 1) + [(0, SPARE)])


def pair_kernel(kernel: Array) -> Array:
    """Give the kernel (3, 1, 2 C, 2 K) that does to pairs what (3, 3, C, K) does to their places.

    The two places of a row lie one after the other in the channels of a pair, before and after.
    """
    height, _, channels, filters = kernel.shape
    pairs = np.zeros((height, 1, 2, channels, 2, filters), np.float32)
    for seen in (0, 1):
        for made in (0, 1):
            pairs[:, 0, seen, :, made] = kernel[:, 1 + seen - made]
    return pairs.reshape(height, 1, 2 * channels, 2 * filters)
