"""A loaded model: mono sound in, rows out, however the sound was cut into blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from embedviz import windows as cutting
from embedviz.data import FloatArray
from embedviz.errors import ModelError, RecordingError
from embedviz.facts import Facts
from embedviz.heard import Heard, TextArray, joined
from embedviz.pooling import pool
from embedviz.weights import Found

Per = Literal["window", "recording"] | float
Columns = Callable[[FloatArray], Mapping[str, TextArray]]
"""Class scores (N, classes) -> columns of the table."""

BATCH = 64
"""Windows that the network hears at once."""


@dataclass(frozen=True)
class Model:
    """A model with its weights, ready to listen; `embedviz.load_model` makes it."""

    facts: Facts
    variant: str
    precision: str
    weights: Mapping[str, Found]
    """Weight file name -> the file that was loaded."""
    network: Callable[[FloatArray], dict[str, npt.NDArray[np.float32]]]
    """Windows (B, window_samples) -> `vectors`, `patches` and perhaps `scores`."""
    columns: Columns | None = None
    batch: int = BATCH

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
        hop = self.checked_hop(per, hop_s)
        parts = self._windows(blocks, duration_s, hop)
        if per != "window":
            parts = pool(
                parts,
                seconds=math.inf if per == "recording" else float(per),
                heard_s=self._heard_s(duration_s, hop),
                window_s=self.facts.window_s,
            )
        if self.columns is None:
            return parts
        return map(self._with_columns, parts)

    def checked_hop(self, per: Per, hop_s: float | None) -> float:
        """Give the hop in seconds, or say why `per` and `hop_s` do not go together."""
        hop = self.facts.hop_s if hop_s is None else float(hop_s)
        if not (math.isfinite(hop) and hop * self.facts.rate_hz >= 1):
            raise ModelError(
                f"The hop {hop:g} s is too short; wanted a positive number of seconds."
            )
        if isinstance(per, str):
            if per not in ("window", "recording"):
                raise ModelError(
                    f"Found per={per!r}; wanted 'window', 'recording' or a number of seconds."
                )
        elif not (math.isfinite(per) and per >= hop):
            raise ModelError(
                f"One row per {per:g} s is finer than the hop of {hop:g} s; "
                "choose at least the hop, or per='window'."
            )
        return hop

    def _windows(
        self, blocks: Iterable[FloatArray], duration_s: float, hop_s: float
    ) -> Iterator[Heard]:
        facts = self.facts
        batches = cutting.cut(
            blocks,
            size=facts.window_samples,
            hop=hop_s * facts.rate_hz,
            tail=facts.tail,
            batch=self.batch,
        )
        for batch in batches:
            heard = self.network(batch.samples)
            start_s = (batch.first + np.arange(len(batch.samples), dtype=np.float64)) * hop_s
            sound_s = (facts.window_samples - batch.padding) / facts.rate_hz
            stop_s = np.minimum(start_s + np.minimum(facts.window_s, sound_s), duration_s)
            yield Heard(
                vectors=heard["vectors"],
                start_s=start_s,
                stop_s=stop_s,
                padding_s=np.maximum(0.0, np.round(start_s + facts.window_s - stop_s, 6)),
                patches=heard["patches"],
                scores=heard.get("scores"),
            )

    def _heard_s(self, duration_s: float, hop_s: float) -> float:
        """Where the sound that the windows cover ends."""
        facts = self.facts
        if facts.tail == "pad":
            return duration_s
        windows = cutting.count(
            round(duration_s * facts.rate_hz),
            size=facts.window_samples,
            hop=hop_s * facts.rate_hz,
            tail=facts.tail,
        )
        return min(duration_s, (windows - 1) * hop_s + facts.window_s)

    def _with_columns(self, heard: Heard) -> Heard:
        if self.columns is None or heard.scores is None:
            return heard
        return replace(heard, columns=self.columns(heard.scores))


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
