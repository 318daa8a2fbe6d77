"""How a network listens: in windows, to a whole clip, or sweeping along it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from embedviz import windows as cutting
from embedviz.data import FloatArray
from embedviz.errors import RecordingError
from embedviz.facts import Clip, Facts, Framing
from embedviz.heard import Heard
from embedviz.pooling import pool

if TYPE_CHECKING:
    from embedviz.engine import Hear, Network

Heards = Mapping[str, npt.NDArray[np.float32]]
"""`vectors`, `patches` and perhaps `scores`, each (B, …)."""


class Listener(Protocol):
    """What a model needs of its network."""

    def windows(
        self, blocks: Iterable[FloatArray], duration_s: float, framing: Framing, *, batch: int
    ) -> Iterator[Heard]:
        """Give one row per window of `framing`, in parts, in order."""

    def clip(self, blocks: Iterable[FloatArray], duration_s: float) -> Iterator[Heard] | None:
        """Give the one row of a whole recording; None if it is the mean of its windows."""


class WindowListener:
    """Hears windows in batches, and short clips in one pass where the model's facts say so.

    Parameters
    ----------
    facts
        Of the model's variant.
    hear
        Graph code from waveforms (B, n) to `vectors`, `patches` and perhaps `scores`.
    """

    def __init__(self, facts: Facts, hear: Hear) -> None:
        self.facts = facts
        self._hear = hear
        self._networks: dict[int | None, Network] = {}
        self.network(facts.framing.window_samples)

    def network(self, samples: int | None) -> Network:
        """Give the graph traced for windows of so many samples, or for any length (None)."""
        from embedviz.engine import Network

        if samples not in self._networks:
            self._networks[samples] = Network(self._hear, samples)
        return self._networks[samples]

    def windows(
        self, blocks: Iterable[FloatArray], duration_s: float, framing: Framing, *, batch: int
    ) -> Iterator[Heard]:
        """Give one row per window of `framing`."""
        native = framing.window_samples == self.facts.framing.window_samples
        network = self.network(framing.window_samples if native else None)
        hop = self.facts.hop_samples(framing.hop_s)
        for part in cutting.cut(blocks, framing, hop=hop, batch=batch):
            yield _timed(network(part.samples), part, framing, self.facts.rate_hz, duration_s)

    def clip(self, blocks: Iterable[FloatArray], duration_s: float) -> Iterator[Heard] | None:
        """Give the row of a whole clip: one pass, or the mean of long windows beyond its limit."""
        clip = self.facts.clip
        return None if clip is None else self._clip(clip, blocks, duration_s)

    def _clip(self, clip: Clip, blocks: Iterable[FloatArray], duration_s: float) -> Iterator[Heard]:
        stream = iter(blocks)
        longest = clip.longest_s * self.facts.rate_hz
        held: list[FloatArray] = []
        for block in stream:
            held.append(block)
            if sum(map(len, held)) > longest and clip.beyond is not None:
                yield from self._long_clip(clip.beyond, chain(held, stream), duration_s)
                return
        sound = np.concatenate(held) if held else np.zeros(0, np.float32)
        refuse_shorter(sound, self.facts)
        yield one_row(self.network(None)(sound[np.newaxis]), duration_s)

    def _long_clip(
        self, framing: Framing, blocks: Iterable[FloatArray], duration_s: float
    ) -> Iterator[Heard]:
        batch = batch_of(self.facts, framing, self.facts.batch)
        parts = self.windows(blocks, duration_s, framing, batch=batch)
        return pool(parts, seconds=np.inf, duration_s=duration_s, window_s=framing.window_s)


def batch_of(facts: Facts, framing: Framing, native: int) -> int:
    """Give the windows of `framing` that are about as long as `native` native windows."""
    return max(1, round(native * facts.window_s / framing.window_s))


def refuse_shorter(sound: FloatArray, facts: Facts) -> None:
    """Refuse a clip that the reference cannot take.

    Raises
    ------
    RecordingError
        If it is shorter than `facts.clip.shortest_samples`.
    """
    shortest = facts.clip.shortest_samples if facts.clip else 1
    if len(sound) < shortest:
        raise RecordingError(
            f"The sound lasts {len(sound) / facts.rate_hz:.3g} s, too short for {facts.title}, "
            f"which needs at least {shortest / facts.rate_hz:.3g} s to hear a recording as a whole."
        )


def one_row(heard: Heards, duration_s: float) -> Heard:
    """Give the row that stands for a whole recording."""
    return Heard(
        vectors=heard["vectors"],
        start_s=np.zeros(1),
        stop_s=np.array([duration_s]),
        padding_s=np.zeros(1),
        patches=heard["patches"],
        scores=heard.get("scores"),
    )


def _timed(
    heard: Heards, part: cutting.Windows, framing: Framing, rate_hz: int, duration_s: float
) -> Heard:
    """Give the rows of a batch with the times of their sound in the recording."""
    index = part.first + np.arange(len(part.samples), dtype=np.float64)
    begin_s = index * framing.hop_s - framing.lead_samples / rate_hz
    sound_s = (framing.window_samples - part.padding) / rate_hz
    stop_s = np.minimum(begin_s + np.minimum(framing.window_s, sound_s), duration_s)
    return Heard(
        vectors=heard["vectors"],
        start_s=np.maximum(0.0, begin_s),
        stop_s=stop_s,
        padding_s=np.maximum(0.0, np.round(begin_s + framing.window_s - stop_s, 6)),
        patches=heard["patches"],
        scores=heard.get("scores"),
    )
