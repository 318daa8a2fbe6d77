"""The one engine: graph code and Keras networks frozen into a TensorFlow function.

Freezing turns variables into constants and lets TensorFlow fold batch normalisation into the
convolutions before it. Importing this module loads TensorFlow.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray


@contextmanager
def _without_start_up_notes() -> Iterator[None]:
    """Hold back what TensorFlow's C++ parts say on stderr while they look for devices.

    The notes come before TensorFlow's own log level counts; they are shown if loading fails.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            notes.seek(0)
            os.write(kept, notes.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


os.environ["KERAS_BACKEND"] = "tensorflow"
with _without_start_up_notes():
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    tf.config.list_physical_devices()

Hear = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
"""Graph code from waveforms (B, samples) to named tensors whose first axis is B."""


class Network:
    """A frozen graph that hears windows of sound.

    Parameters
    ----------
    hear
        Graph code from waveforms (B, window_samples) to a mapping of tensors.
    window_samples
        The length of one window.
    """

    def __init__(self, hear: Hear, window_samples: int) -> None:
        signature = tf.TensorSpec((None, window_samples), tf.float32)
        traced = tf.function(lambda waveforms: dict(hear(waveforms))).get_concrete_function(
            signature
        )
        # A dictionary comes out of a traced function as a list in the order of its sorted keys.
        self._names = sorted(traced.structured_outputs)
        self._frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False)

    def __call__(self, windows: FloatArray) -> dict[str, npt.NDArray[np.float32]]:
        """Hear windows (B, window_samples) float32 and give the named arrays, each (B, …)."""
        outputs = self._frozen(tf.constant(windows, tf.float32))
        return {name: np.asarray(output) for name, output in zip(self._names, outputs, strict=True)}
