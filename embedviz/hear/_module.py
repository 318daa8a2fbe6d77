"""HEAR's three functions, once for all models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedviz import models
from embedviz import windows as cutting
from embedviz.data import FloatArray
from embedviz.errors import ModelError, RecordingError
from embedviz.facts import Facts, Framing

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.model import Model


class HearModule:
    """What a model's HEAR module is made of.

    Parameters
    ----------
    name
        A model of embedviz.
    framing
        The windows behind the timestamps; the model's native ones if None.
    rate_hz
        The rate that the module takes, from which it resamples; the model's own if None.
    """

    def __init__(
        self, name: str, *, framing: Framing | None = None, rate_hz: int | None = None
    ) -> None:
        self._name, self._framing, self._rate_hz = name, framing, rate_hz

    def load_model(self, model_file_path: str = "", *, variant: str | None = None) -> tf.Module:
        """Load the model's official weights.

        Parameters
        ----------
        model_file_path
            An official file, or a folder of them; by default those in embedviz's weights folder.
        variant
            A form of the model's output; the default one if None.

        Returns
        -------
        tf.Module
            With the attributes `sample_rate` in Hz, `scene_embedding_size` and
            `timestamp_embedding_size`.

        Raises
        ------
        ModelError
            If there is no such variant.
        WeightsError
            If a weight file is missing or damaged.
        """
        model = models.load_model(self._name, variant, weights=model_file_path or None)
        import tensorflow as tf

        module = tf.Module(name=f"hear_{self._name}")
        module.sample_rate = self._rate_hz or model.facts.rate_hz
        module.scene_embedding_size = module.timestamp_embedding_size = model.dimensions
        module.embedviz = model
        return module

    def get_timestamp_embeddings(
        self, audio: npt.ArrayLike, model: tf.Module
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Give the embeddings of consecutive windows and the times of the windows' centres.

        The only window of a clip shorter than a window stands at the middle of the clip; windows
        whose centres lie behind the end are left out.

        Parameters
        ----------
        audio
            (n_sounds, n_samples) in [-1, 1], at `model.sample_rate`.
        model
            What `load_model` gave.

        Returns
        -------
        tuple
            Embeddings (n_sounds, n_timestamps, timestamp_embedding_size) and timestamps
            (n_sounds, n_timestamps) in milliseconds, both float32.

        Raises
        ------
        RecordingError
            If the sounds are none, not finite, or shorter than the model takes.
        """
        own = self._own(model)
        framing = self._framing or own.facts.framing
        sounds = _sounds(audio)
        duration_s = sounds.shape[1] / model.sample_rate
        vectors = _window_vectors(own, _resampled(sounds, model.sample_rate, own), framing)
        times_s = _centres_s(own.facts.rate_hz, framing, vectors.shape[1], duration_s)
        times_ms = np.tile((times_s * 1000).astype(np.float32), (len(sounds), 1))
        return _tensor(vectors[:, : len(times_s)]), _tensor(times_ms)

    def get_scene_embeddings(self, audio: npt.ArrayLike, model: tf.Module) -> tf.Tensor:
        """Give one embedding a sound, as `Model.embed` does with `per="recording"`.

        Parameters
        ----------
        audio, model
            As for `get_timestamp_embeddings`.

        Returns
        -------
        tf.Tensor
            (n_sounds, scene_embedding_size) float32.

        Raises
        ------
        RecordingError
            If the sounds are none, not finite, or shorter than the model takes.
        """
        own = self._own(model)
        sounds = _sounds(audio)
        if own.facts.clip is None:
            sounds = _resampled(sounds, model.sample_rate, own)
            vectors = _window_vectors(own, sounds, own.facts.framing)
            return _tensor(vectors.mean(axis=1, dtype=np.float64))
        heard = [own.embed(sound, model.sample_rate, per="recording") for sound in sounds]
        return _tensor(np.concatenate([one.vectors for one in heard]))

    def _own(self, model: tf.Module) -> Model:
        own: Model | None = getattr(model, "embedviz", None)
        if own is None or own.facts.name != self._name:
            raise ModelError(
                f"Found a {type(model).__name__} that embedviz.hear.{self._name} did not load; "
                "give what its load_model gave."
            )
        return own


def _sounds(audio: Any) -> FloatArray:  # noqa: ANN401 (a tensor of any framework)
    """Give the sounds (n_sounds, n_samples) of a TensorFlow, PyTorch or NumPy array."""
    if hasattr(audio, "detach"):  # PyTorch: perhaps on a GPU
        audio = audio.detach().cpu()
    sounds = np.asarray(audio, dtype=np.float32)
    if sounds.ndim != 2 or 0 in sounds.shape:
        raise RecordingError(
            f"Found audio of shape {sounds.shape}; HEAR gives (n_sounds, n_samples), "
            "at least one of each."
        )
    if not np.isfinite(sounds).all():
        raise RecordingError("The audio holds NaN or infinite samples; remove them first.")
    return sounds


def _resampled(sounds: FloatArray, rate_hz: int, own: Model) -> FloatArray:
    """Give the sounds at the model's own rate."""
    if rate_hz == own.facts.rate_hz:
        return sounds
    import soxr

    # soxr takes (n_samples, channels).
    return np.asarray(soxr.resample(sounds.T, rate_hz, own.facts.rate_hz, quality="HQ")).T


def _window_vectors(own: Model, sounds: FloatArray, framing: Framing) -> FloatArray:
    """Give the vectors (n_sounds, n_windows, D) of all sounds' windows."""
    from embedviz.listeners import WindowListener

    if isinstance(own.listener, WindowListener):
        batch = own.listener.batch(framing, own.batch)
        native = framing.window_samples == own.facts.framing.window_samples
        network = own.listener.network(framing.window_samples if native else None)
        batches = _batches(own.facts, sounds, framing, batch)
        vectors = np.concatenate([network(windows)["vectors"] for windows in batches])
    else:
        duration_s = sounds.shape[1] / own.facts.rate_hz
        heard = (
            own.listener.windows([sound], duration_s, framing, batch=own.batch) for sound in sounds
        )
        vectors = np.concatenate([part.vectors for parts in heard for part in parts])
    return vectors.reshape(len(sounds), -1, vectors.shape[1])


def _batches(
    facts: Facts, sounds: FloatArray, framing: Framing, batch: int
) -> Iterator[FloatArray]:
    """Give the windows of all sounds in order, `batch` at a time whatever sound they are from."""
    hop = facts.hop_samples(framing.hop_s)
    held = np.zeros((0, framing.window_samples), np.float32)
    for sound in sounds:
        for part in cutting.cut([sound], framing, hop=hop, batch=batch):
            held = np.concatenate([held, part.samples])
            if len(held) >= batch:
                yield held[:batch]
                held = held[batch:]
    if len(held):
        yield held


def _centres_s(
    rate_hz: int, framing: Framing, windows: int, duration_s: float
) -> npt.NDArray[np.float64]:
    """Give the centres of the windows that lie inside the clip; at least one."""
    first = framing.window_s / 2 - framing.lead_samples / rate_hz
    # Each from its index: sums of a rounded hop would drift.
    centres = first + framing.hop_s * np.arange(windows, dtype=np.float64)
    if windows == 1:
        centres[0] = min(centres[0], duration_s / 2)
    return centres[centres <= duration_s + 1e-9]


def _tensor(values: npt.NDArray[np.float32]) -> tf.Tensor:
    import tensorflow as tf

    return tf.constant(values, tf.float32)
