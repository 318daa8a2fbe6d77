"""The one engine: graph code and Keras networks traced into one TensorFlow function.

Weights stay variables. Frozen into constants they gain no speed, because model files fold batch
normalisation themselves, and TensorFlow copies the graph so often that VGGish's 288 MB took 40 s
and 6 GB to load. Importing this module loads TensorFlow.
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

    tf.config.list_physical_devices()

Hear = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
"""Graph code from waveforms (B, samples) to named tensors whose first axis is B."""


class Network:
    """A traced graph that hears windows of sound.

    Parameters
    ----------
    hear
        Graph code from waveforms (B, window_samples) to a mapping of tensors.
    window_samples
        The length of one window.
    """

    def __init__(self, hear: Hear, window_samples: int) -> None:
        self._hear = hear  # a traced function holds its variables only weakly
        signature = tf.TensorSpec((None, window_samples), tf.float32)
        self._traced = tf.function(lambda waveforms: dict(hear(waveforms))).get_concrete_function(
            signature
        )

    def __call__(self, windows: FloatArray) -> dict[str, npt.NDArray[np.float32]]:
        """Hear windows (B, window_samples) float32 and give the named arrays, each (B, …)."""
        outputs = self._traced(tf.constant(windows, tf.float32))
        return {name: np.asarray(output) for name, output in outputs.items()}
