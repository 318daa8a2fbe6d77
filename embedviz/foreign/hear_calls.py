"""Somebody's HEAR module, held to HEAR's contract at every call.

Source: https://hearbenchmark.com/hear-api.html and the rules of hearvalidator 2021.0.6.
"""

from __future__ import annotations

import importlib
from contextlib import nullcontext
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.errors import ModelError

TOLERANCE_MS = 1.0
"""How far timestamps may be from regular, as HEAR allows, and from the sound."""


@dataclass(frozen=True)
class ForeignModule:
    """A HEAR module with its model loaded; `hear_module.load` makes it.

    Its methods raise ModelError where the module fails or breaks HEAR's contract.
    """

    name: str
    module: ModuleType
    model: Any
    framework: Literal["tensorflow", "torch"]
    rate_hz: int
    scene_size: int
    timestamp_size: int

    def timestamps(self, sounds: FloatArray) -> tuple[FloatArray, npt.NDArray[np.float64]]:
        """Give the timestamp embeddings of sounds (B, n) in one call.

        Returns
        -------
        tuple
            Vectors (B, rows, `timestamp_size`) and the rows' times (rows,) in seconds.
        """
        function = "get_timestamp_embeddings"
        found = self._call(function, sounds)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise self._broken(
                f"{function} gives {kind(found)}", "a pair of embeddings and timestamps"
            )
        vectors = self._vectors(function, found[0], (len(sounds), None, self.timestamp_size))
        times_ms = as_numpy(found[1])
        if times_ms is None or times_ms.shape != vectors.shape[:2] or times_ms.size == 0:
            raise self._broken(
                f"{function} gives {kind(found[1])} as timestamps of embeddings of shape "
                f"{vectors.shape}",
                "a tensor of shape (n_sounds, n_timestamps) with at least one timestamp",
            )
        times_ms = times_ms.astype(np.float64)
        self._check_times(times_ms, sounds.shape[1] / self.rate_hz * 1000)
        return vectors, times_ms[0] / 1000

    def scenes(self, sounds: FloatArray) -> FloatArray:
        """Give the scene embeddings (B, `scene_size`) of sounds (B, n)."""
        function = "get_scene_embeddings"
        found = self._call(function, sounds)
        return self._vectors(function, found, (len(sounds), self.scene_size))

    def _call(self, function: str, sounds: FloatArray) -> Any:  # noqa: ANN401 (still unchecked)
        """Call one of the module's functions with a tensor of its own framework."""
        if self.framework == "torch":
            torch = importlib.import_module("torch")  # there, since the module needs it
            audio, watched = torch.from_numpy(sounds.copy()), torch.no_grad()
        else:
            import tensorflow as tf

            audio, watched = tf.constant(sounds), nullcontext()
        with watched:
            try:
                return getattr(self.module, function)(audio, self.model)
            except Exception as error:
                length_s = sounds.shape[1] / self.rate_hz
                raise ModelError(
                    f"{self.name}: {function} failed on {length_s:.3g} s of sound "
                    f"({said(error)}); HEAR wants any length up to 20 minutes to be heard."
                ) from error

    def _vectors(self, function: str, found: object, shape: tuple[int | None, ...]) -> FloatArray:
        vectors = as_numpy(found)
        wanted = f"a float32 tensor of shape {shape}".replace("None", "n_timestamps")
        if (
            vectors is None
            or vectors.dtype != np.float32
            or vectors.ndim != len(shape)
            or any(b not in (a, None) for a, b in zip(vectors.shape, shape, strict=True))
        ):
            raise self._broken(f"{function} gives {kind(found)}", wanted)
        if not np.isfinite(vectors).all():
            raise self._broken(f"{function} gives NaN or infinite values", "finite numbers")
        return vectors

    def _check_times(self, times_ms: npt.NDArray[np.float64], duration_ms: float) -> None:
        steps = np.diff(times_ms, axis=1)
        what = f"its timestamps for {duration_ms:.0f} ms of sound"
        if not np.isfinite(times_ms).all() or (steps <= 0).any():
            raise self._broken(f"{what} do not increase", "the centres of windows, in order")
        if np.ptp(times_ms, axis=0).max() > TOLERANCE_MS:
            raise self._broken(f"{what} are not those of every sound", "the same for all")
        first, last = times_ms.min(), times_ms.max()
        if first < -TOLERANCE_MS or last > duration_ms + TOLERANCE_MS:
            raise self._broken(
                f"{what} go from {first:.0f} to {last:.0f} ms", "milliseconds inside the sound"
            )
        if steps.size and np.abs(steps - steps.mean()).max() > TOLERANCE_MS:
            raise self._broken(
                f"{what} are {steps.min():.3g} to {steps.max():.3g} ms apart",
                f"regular spacing, within {TOLERANCE_MS:g} ms",
            )

    def _broken(self, found: str, wanted: str) -> ModelError:
        return broken(self.name, found, wanted)


def broken(name: str, found: str, wanted: str) -> ModelError:
    """Say in a sentence how a module breaks the contract."""
    return ModelError(f"{name} breaks HEAR's contract: {found}; HEAR wants {wanted}.")


def as_numpy(found: Any) -> npt.NDArray[Any] | None:  # noqa: ANN401 (a tensor of any framework)
    """Give a tensor's values; None for what is no tensor."""
    if hasattr(found, "detach"):
        found = found.detach().cpu()
    if not hasattr(found, "dtype") or not hasattr(found, "shape"):
        return None
    return np.asarray(found)


def kind(found: object) -> str:
    """Say what a value is."""
    values = as_numpy(found)
    if values is None:
        return f"a {type(found).__name__}"
    return f"{values.dtype} values of shape {values.shape}"


def said(error: Exception) -> str:
    """Give an exception's name and the first line of what it says."""
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
