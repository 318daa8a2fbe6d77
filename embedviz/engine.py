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
from dataclasses import dataclass

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
# On graphics cards TF32 would cut float32 products to 10 bits: "float32" means what it says.
tf.config.experimental.enable_tensor_float_32_execution(False)

Hear = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
"""Graph code from waveforms (B, samples) to named tensors whose first axis is B."""


@dataclass(frozen=True)
class Sweeping:
    """Graph code of a network that sweeps over sound of any length, one column a step."""

    columns: Callable[[tf.Tensor, tf.Tensor], Mapping[str, tf.Tensor]]
    """(waveforms (B, n), loudest ()) -> `columns` (B, S, C) and `patches` (B, T, bands)."""
    finish: Callable[[tf.Tensor, tf.Tensor], Mapping[str, tf.Tensor]] | None = None
    """(mean (B, C), maximum (B, C)) over the columns -> `vectors` (B, D), perhaps `scores`;
    None where every column is a row by itself."""
    loudest: Callable[[tf.Tensor], tf.Tensor] | None = None
    """waveforms (1, n) -> a number per frame (1, T); the largest of the whole recording goes to
    `columns`."""


class Network:
    """A traced graph that hears windows of sound.

    Parameters
    ----------
    hear
        Graph code from waveforms (B, n), and as many numbers as `numbers` says, to a mapping of
        tensors.
    samples
        The length n of a window; None for any length.
    """

    def __init__(
        self, hear: Callable[..., Mapping[str, tf.Tensor]], samples: int | None, numbers: int = 0
    ) -> None:
        self._hear = hear  # a traced function holds its variables only weakly
        signature = [tf.TensorSpec((None, samples), tf.float32)]
        signature += [tf.TensorSpec((), tf.float32)] * numbers
        self._traced = tf.function(lambda *inputs: dict(hear(*inputs))).get_concrete_function(
            *signature
        )

    def __call__(
        self, windows: FloatArray, *numbers: np.float32
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Hear windows (B, n) float32 and give the named arrays, each (B, …)."""
        outputs = self._traced(tf.constant(windows, tf.float32), *map(tf.constant, numbers))
        return {name: np.asarray(output) for name, output in outputs.items()}
