"""A loaded model: mono sound in, rows out, however the sound was cut into blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.errors import RecordingError
from embedviz.facts import Facts, Framing
from embedviz.heard import Column, Heard, joined
from embedviz.listeners import Listener
from embedviz.pooling import pool, stretches
from embedviz.spacing import checked_hop
from embedviz.weights import Found

Per = Literal["window", "recording"] | float
Columns = Callable[[FloatArray], Mapping[str, Column]]
"""Class scores (N, classes) -> columns of the table."""


@dataclass(frozen=True)
class Model:
    """A model with its weights, ready to listen; `embedviz.load_model` makes it."""

    facts: Facts
    """As they are for the variant."""
    variant: str
    precision: str
    weights: Mapping[str, Found]
    """Weight file name -> the file that was loaded."""
    listener: Listener
    columns: Columns | None = None
    batch: int = 64
    """Native windows that the network hears at once."""

    @property
    def dimensions(self) -> int:
        """The length D of a vector."""
        return self.facts.variants[self.variant]

    @property
    def verified(self) -> bool:
        """Whether every weight file is the published one."""
        return all(found.verified for found in self.weights.values())

    def embed(
        self, samples: npt.ArrayLike, rate_hz: int, per: Per = "window", hop_s: float | None = None
    ) -> Heard:
        """Hear samples and give their vectors, times and patches.

        Parameters
        ----------
        samples
            (n,) mono in [-1, 1], or (n, channels), mixed down by their mean.
        rate_hz
            The samples' rate; they are resampled (soxr HQ) to the model's own.
        per
            One row per `window`, per `recording`, or per this many seconds.
        hop_s
            Seconds between the starts of windows; the model's own if None.

        Raises
        ------
        RecordingError
            If there are no samples or some are not finite.
        ModelError
            If `per` or `hop_s` cannot be had from this model.
        """
        sound = _mono(samples)
        if rate_hz != self.facts.rate_hz:
            import soxr

            resampled = soxr.resample(sound, rate_hz, self.facts.rate_hz, quality="HQ")
            blocks = [np.asarray(resampled, np.float32)]
        else:
            blocks = [sound]
        return joined(self.hear(blocks, duration_s=len(sound) / rate_hz, per=per, hop_s=hop_s))

    def hear(
        self,
        blocks: Iterable[FloatArray],
        *,
        duration_s: float,
        per: Per = "window",
        hop_s: float | None = None,
    ) -> Iterator[Heard]:
        """Hear a stream of mono blocks at the model's rate; rows come as they are ready.

        Parameters
        ----------
        blocks
            Float32 samples at `facts.rate_hz`, in order, of any lengths.
        duration_s
            The length of the whole recording, in seconds.
        per, hop_s
            As for `embed`.
        """
        framing = self.framing(per, hop_s)
        if framing is not None:
            parts = self.listener.windows(blocks, duration_s, framing, batch=self.batch)
            return self.rows(parts, framing, duration_s=duration_s, per=per)
        clip = self.listener.clip(blocks, duration_s)
        assert clip is not None  # else there would be a framing
        return map(self._with_columns, clip)

    def framing(self, per: Per, hop_s: float | None) -> Framing | None:
        """Give the windows that rows are made of; None where a recording is heard as a whole."""
        native = replace(self.facts.framing, hop_s=self.checked_hop(per, hop_s))
        if per == "window" or (per == "recording" and self.facts.clip is None):
            return native
        if isinstance(per, str):
            return None
        if not self.facts.any_window:
            # The rows of every model cover the whole recording, so that they correspond.
            return replace(native, tail="drop" if native.trail_samples else "pad")
        # Each stretch is a window of its own, the last one padded with zeros.
        samples = round(per * self.facts.rate_hz)
        return Framing(window_s=per, window_samples=samples, hop_s=per, tail="pad")

    def rows(
        self, windows: Iterable[Heard], framing: Framing, *, duration_s: float, per: Per
    ) -> Iterator[Heard]:
        """Make rows of one recording's windows of `framing`, in parts, in order."""
        if per == "recording" or not (per == "window" or self.facts.any_window):
            seconds = math.inf if isinstance(per, str) else float(per)
            windows = pool(
                windows, seconds=seconds, duration_s=duration_s, window_s=framing.window_s
            )
        elif not isinstance(per, str):
            windows = _no_more_than(stretches(duration_s, float(per)), windows)
        return map(self._with_columns, windows)

    def checked_hop(self, per: Per, hop_s: float | None) -> float:
        """Give the hop in seconds, or say why `per` and `hop_s` do not go together."""
        return checked_hop(self.facts, per, hop_s)

    def _with_columns(self, heard: Heard) -> Heard:
        if self.columns is None or heard.scores is None:
            return heard
        return replace(heard, columns=self.columns(heard.scores))


def _no_more_than(rows: int, parts: Iterable[Heard]) -> Iterator[Heard]:
    """Leave out what is too much: a rounded rate may give one sample, and so one window, more."""
    for part in parts:
        yield part if len(part) <= rows else part[:rows]
        rows -= len(part)
        if rows <= 0:
            return


def _mono(samples: npt.ArrayLike) -> FloatArray:
    sound = np.asarray(samples, dtype=np.float32)
    if sound.ndim == 2:
        sound = sound.mean(axis=1)
    if sound.ndim != 1:
        raise RecordingError(f"Found samples of shape {sound.shape}; wanted (n,) or (n, channels).")
    if len(sound) == 0:
        raise RecordingError("The sound has 0 samples; nothing to embed.")
    if not np.isfinite(sound).all():
        raise RecordingError("The sound holds NaN or infinite samples; remove them first.")
    return sound
