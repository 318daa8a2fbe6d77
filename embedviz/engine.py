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
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray

if TYPE_CHECKING:
    from embedviz.frontends.framed import Framed


@contextmanager
def _without_start_up_notes() -> Iterator[None]:
    """Hold back what TensorFlow's C++ parts say on stderr while they look for devices.

    The notes come before TensorFlow's own log level counts; they are shown if loading fails, but
    not to who stops it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except Exception:
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

_TURN = Lock()
"""Models that hear the same recordings at the same time take turns, and never add their peaks."""


@dataclass(frozen=True)
class Sweeping:
    """Graph code of a network that sweeps over sound of any length, one column a step."""

    frames: Callable[[tf.Tensor], tf.Tensor]
    """waveforms (B, n) -> frames (B, T, bands) in decibels."""
    columns: Callable[[tf.Tensor, tf.Tensor], Mapping[str, tf.Tensor]]
    """(frames (B, T, bands), loudest ()) -> `columns` (B, S, C) and `patches` (B, T, bands)."""
    finish: Callable[[tf.Tensor, tf.Tensor], Mapping[str, tf.Tensor]] | None = None
    """(mean (B, C), maximum (B, C)) over the columns -> `vectors` (B, D), perhaps `scores`;
    None where every column is a row by itself."""
    needs_loudest: bool = False
    """Whether `columns` asks for the largest number in the frames of the whole recording; it is
    given 0 otherwise."""

    def whole(self, waveforms: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Give the `columns` and `patches` of waveforms (B, n) by themselves, at level 0."""
        return self.columns(self.frames(waveforms), tf.constant(0.0))

    def clips(self, waveforms: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Give what `finish` makes of each of waveforms (B, n) by itself, and its `patches`."""
        assert self.finish is not None
        heard = self.whole(waveforms)
        columns = heard["columns"]
        finished = self.finish(tf.reduce_mean(columns, axis=1), tf.reduce_max(columns, axis=1))
        return {**finished, "patches": heard["patches"]}


class Network:
    """A traced graph that hears windows of sound.

    Where the device's memory does not hold a batch, it is heard in halves from then on.

    Parameters
    ----------
    hear
        Graph code from waveforms (B, n), or frames (B, n, bands), and as many numbers as `numbers`
        says, to a mapping of tensors.
    shape
        Of these waveforms or frames; None for a size that may be any.
    """

    def __init__(
        self,
        hear: Callable[..., Mapping[str, tf.Tensor]],
        shape: tuple[int | None, ...],
        numbers: int = 0,
    ) -> None:
        self._hear = hear  # a traced function holds its variables only weakly
        signature = [tf.TensorSpec(shape, tf.float32)]
        signature += [tf.TensorSpec((), tf.float32)] * numbers
        self._traced = tf.function(lambda *inputs: dict(hear(*inputs))).get_concrete_function(
            *signature
        )
        self._most: int | None = None
        # Twice the largest step: while one is computed, what it is made of is still there.
        self.window_bytes = 2 * max(map(_step_bytes, self._traced.graph.get_operations()))
        """An estimate of the memory that one window takes on its way."""

    def __call__(
        self, windows: FloatArray, *numbers: np.float32
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Hear windows (B, n) or (B, n, bands) float32 and give the named arrays, each (B, …)."""
        if self._most is not None and len(windows) > self._most:
            return self._in_parts(windows, *numbers)
        try:
            with _TURN:
                outputs = self._traced(tf.constant(windows, tf.float32), *map(tf.constant, numbers))
                return {name: np.asarray(output) for name, output in outputs.items()}
        except tf.errors.ResourceExhaustedError:
            if len(windows) == 1:
                raise
            self._most = -(-len(windows) // 2)
        return self._in_parts(windows, *numbers)

    def _in_parts(self, windows: FloatArray, *numbers: np.float32) -> dict[str, Any]:
        assert self._most is not None
        cuts = range(self._most, len(windows), self._most)
        parts = [self(part, *numbers) for part in np.split(windows, cuts)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class StretchNetwork:
    """A traced graph that hears the overlapping windows of stretches, each frame once.

    Parameters
    ----------
    framed
        The network's graph code.
    """

    def __init__(self, framed: Framed) -> None:
        self._framed = framed  # as in `Network`
        self._traced = tf.function(
            lambda stretch, starts: dict(framed.in_stretch(stretch, starts))
        ).get_concrete_function(
            tf.TensorSpec((1, None), tf.float32), tf.TensorSpec((None,), tf.int32)
        )

    def __call__(
        self, stretch: FloatArray, starts: npt.NDArray[np.integer]
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Hear the windows of a stretch (n,) that start at its frames `starts` (B,)."""
        with _TURN:
            outputs = self._traced(
                tf.constant(stretch[np.newaxis], tf.float32), tf.constant(starts, tf.int32)
            )
            return {name: np.asarray(output) for name, output in outputs.items()}


def on_graphics_card() -> bool:
    """Tell whether networks run on a graphics card."""
    return bool(tf.config.list_physical_devices("GPU"))


def _step_bytes(step: tf.Operation) -> int:
    """Give the bytes of what one operation takes and gives for a batch of one window."""
    return sum(_tensor_bytes(tensor) for tensor in (*step.inputs, *step.outputs))


def _tensor_bytes(tensor: tf.Tensor) -> int:
    # Only what grows with the batch counts; weights are there anyway.
    if tensor.shape.rank is None or tensor.shape.rank == 0 or tensor.shape[0] is not None:
        return 0
    sizes = [size or 1 for size in tensor.shape[1:]]
    return int(np.prod(sizes, dtype=np.int64)) * int(tensor.dtype.size or 0)
