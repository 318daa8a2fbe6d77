"""A SavedModel with the members, the front end and the size of the published humpback model.

Its features are Keras' own ResNet-50 on one channel, filled at random.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedviz.models.humpback import FACTS, RATE_HZ, SIZE

if TYPE_CHECKING:
    import tensorflow as tf

BANDS = len(FACTS.bands_hz)
FRAME_SAMPLES, STEP_SAMPLES, BINS = 1024, 300, 513
SMOOTHING, GAIN, BIAS, ROOT, FLOOR = 0.025, 0.98, 2.0, 2.0, 1e-6
"""Of PCEN, as its authors start it; the published model has learnt others near them."""


def save(folder: Path, rng: np.random.Generator) -> None:
    """Write the unpacked SavedModel into `folder`."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(int(rng.integers(2**31)))
    network = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(FACTS.patch_frames, BANDS, 1), pooling="avg"
    )
    kernel = tf.Variable(rng.normal(0, SIZE**-0.5, (SIZE, 1)), dtype=tf.float32)
    bias = tf.Variable([0.0])

    def features(patches: tf.Tensor) -> tf.Tensor:
        return network(patches, training=False)

    # Not a tf.Module, whose list `variables` would not be saved.
    whole = tf.__internal__.tracking.AutoTrackable()
    whole.variables = [*(variable.value for variable in network.variables), kernel, bias]
    whole.front_end = _part(_front_end, (None, None, 1))
    whole.features = _part(features, _patches())
    whole.logits = _part(lambda patches: features(patches) @ kernel + bias, _patches())
    whole.metadata = tf.function(_metadata, input_signature=[])
    tf.saved_model.save(whole, str(folder))


def _part(call: Any, shape: tuple[int | None, ...]) -> Any:  # noqa: ANN401 (TensorFlow)
    import tensorflow as tf

    return tf.function(call, input_signature=[tf.TensorSpec(shape, tf.float32)])


def _patches() -> tuple[int | None, ...]:
    return (None, FACTS.patch_frames, BANDS)


def _metadata() -> dict[str, tf.Tensor]:
    import tensorflow as tf

    return {
        "input_sample_rate": tf.constant(RATE_HZ, tf.int64),
        "context_width_samples": tf.constant(FACTS.framing.window_samples, tf.int64),
        "class_names": tf.constant(["Mn"]),
    }


def _front_end(waveform: tf.Tensor) -> tf.Tensor:
    """Give the PCEN (B, frames, bands) of waveforms (B, samples, 1)."""
    import tensorflow as tf

    spectrum = tf.abs(tf.signal.stft(waveform[:, :, 0], FRAME_SAMPLES, STEP_SAMPLES))
    matrix = tf.signal.linear_to_mel_weight_matrix(BANDS, BINS, RATE_HZ, 0.0, RATE_HZ / 2)
    energy = tf.transpose(tf.square(tf.tensordot(spectrum, matrix, 1)), (1, 0, 2))
    smooth = tf.scan(lambda m, e: (1 - SMOOTHING) * m + SMOOTHING * e, energy, energy[0])
    gained = energy / (FLOOR + smooth) ** GAIN
    return tf.transpose((gained + BIAS) ** (1 / ROOT) - BIAS ** (1 / ROOT), (1, 0, 2))
