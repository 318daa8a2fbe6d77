"""Networks that hear a window and give several rows for it, one per step of time.

Windows follow each other without overlap, so that steps do; each is heard by itself, as far as the
network reaches. A step at the end of its window hears less of what comes after it than others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from embedviz import windows as cutting
from embedviz.data import FloatArray
from embedviz.facts import Facts, Framing
from embedviz.heard import Heard

if TYPE_CHECKING:
    from embedviz.engine import Hear


@dataclass(frozen=True)
class Stepping:
    """Graph code of a network that gives the steps of a window."""

    hear: Hear
    """waveforms (B, `window_samples`) -> `vectors` (B, `steps`, D), `patches` (B, frames, bands).
    The first frames belong to the steps, equally many to each."""
    window_samples: int
    steps: int
    lead_samples: int
    """Zeros put in front of the sound, so that the frames of a step lie about its time: half of
    what a frame is longer than the distance from one to the next."""


class StepListener:
    """Hears windows and gives one row per step.

    Parameters
    ----------
    facts
        Of the model's variant: its framing, hop and patch are those of one step.
    stepping
        The network's graph code.
    """

    def __init__(self, facts: Facts, stepping: Stepping) -> None:
        from embedviz.engine import Network

        self.facts, self.stepping = facts, stepping
        self._network = Network(stepping.hear, (None, stepping.window_samples))

    def by_window(self) -> None:
        """Give None: a window has several rows."""

    def clip(self, blocks: Iterable[FloatArray], duration_s: float) -> None:
        """Give None: a recording is the mean of its rows."""

    def windows(
        self, blocks: Iterable[FloatArray], duration_s: float, framing: Framing, *, batch: int
    ) -> Iterator[Heard]:
        """Give one row per step that begins within the recording; `framing` is the facts' own."""
        step = self.stepping
        hop = step.steps * self.facts.hop_samples(framing.hop_s)
        whole = Framing(
            window_s=step.window_samples / self.facts.rate_hz,
            window_samples=step.window_samples,
            hop_s=hop / self.facts.rate_hz,
            tail="pad",
            lead_samples=step.lead_samples,
        )
        for part in cutting.cut(blocks, whole, hop=hop, batch=batch):
            yield self._rows(self._network(part.samples), part.first, duration_s)

    def _rows(
        self, heard: Mapping[str, npt.NDArray[np.float32]], first: int, duration_s: float
    ) -> Heard:
        """Give the rows of a batch whose first window has this number."""
        facts, steps = self.facts, self.stepping.steps
        vectors, patches = heard["vectors"], heard["patches"]
        index = first * steps + np.arange(len(vectors) * steps, dtype=np.float64)
        start_s = index * facts.hop_s
        stop_s = np.minimum(start_s + facts.window_s, duration_s)
        frames = patches[:, : steps * facts.patch_frames]
        # A step within rounding of the end has no sound; the first row is always there.
        kept = slice(max(1 - int(index[0]), np.count_nonzero(start_s < duration_s - 1e-6)))
        return Heard(
            vectors=vectors.reshape(len(index), -1)[kept],
            start_s=start_s[kept],
            stop_s=stop_s[kept],
            padding_s=np.maximum(0.0, np.round(start_s + facts.window_s - stop_s, 6))[kept],
            patches=frames.reshape(len(index), facts.patch_frames, -1)[kept],
        )
