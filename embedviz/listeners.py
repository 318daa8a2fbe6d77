"""How a network listens: in windows, to a whole clip, or sweeping along it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from embedviz import windows as cutting
from embedviz.batches import fitting_batch
from embedviz.data import FloatArray
from embedviz.errors import RecordingError
from embedviz.facts import Clip, Facts, Framing
from embedviz.heard import Heard
from embedviz.pooling import pool

if TYPE_CHECKING:
    from embedviz.engine import Hear, Network, StretchNetwork
    from embedviz.frontends.framed import Framed

Heards = Mapping[str, npt.NDArray[np.float32]]
"""`vectors`, `patches` and perhaps `scores`, each (B, …)."""


class Listener(Protocol):
    """What a model needs of its network."""

    def windows(
        self, blocks: Iterable[FloatArray], duration_s: float, framing: Framing, *, batch: int
    ) -> Iterator[Heard]:
        """Give one row per window of `framing`, in parts, in order.

        `batch` is the number of native windows that are quick to hear at once.
        """

    def clip(self, blocks: Iterable[FloatArray], duration_s: float) -> Iterator[Heard] | None:
        """Give the one row of a whole recording; None if it is the mean of its windows."""

    def by_window(self) -> WindowListener | None:
        """Give the listener that hears each window by itself, whatever is heard beside it.

        With it windows of several recordings share a batch; None where there is none.
        """


class WindowListener:
    """Hears windows in batches, and short clips in one pass where the model's facts say so.

    Parameters
    ----------
    facts
        Of the model's variant.
    hear
        Graph code from waveforms (B, n) to `vectors`, `patches` and perhaps `scores`.
    """

    def __init__(self, facts: Facts, hear: Hear | Framed) -> None:
        from embedviz.frontends.framed import Framed

        self.facts = facts
        self._hear = hear
        self._framed = hear if isinstance(hear, Framed) else None
        self._stretches: StretchNetwork | None = None
        self._networks: dict[int | None, Network] = {}
        self.network(facts.framing.window_samples)

    def network(self, samples: int | None) -> Network:
        """Give the graph traced for windows of so many samples, or for any length (None)."""
        from embedviz.engine import Network

        if samples not in self._networks:
            self._networks[samples] = Network(self._hear, (None, samples))
        return self._networks[samples]

    def by_window(self) -> WindowListener:
        """Give itself."""
        return self

    def batch(self, framing: Framing, native: int) -> int:
        """Give how many windows of `framing` are heard at once."""
        network = self.network(self.facts.framing.window_samples)
        return fitting_batch(network, self.facts, framing, native)

    def windows(
        self, blocks: Iterable[FloatArray], duration_s: float, framing: Framing, *, batch: int
    ) -> Iterator[Heard]:
        """Give one row per window of `framing`."""
        for part in self.cut(blocks, framing, at_once=self.batch(framing, batch)):
            heard = self.heard([part], framing)
            yield timed(heard, part, framing, self.facts.rate_hz, duration_s)

    def cut(
        self, blocks: Iterable[FloatArray], framing: Framing, *, at_once: int
    ) -> Iterator[cutting.Windows]:
        """Cut a recording's sound into batches of windows."""
        hop = self.facts.hop_samples(framing.hop_s)
        return cutting.cut(blocks, framing, hop=hop, batch=at_once)

    def heard(self, parts: Sequence[cutting.Windows], framing: Framing) -> Heards:
        """Hear the windows of all parts in one batch; frames that they have in common once."""
        if self._framed is not None and self._shares_frames(self._framed, framing):
            return self._heard_in_stretches(self._framed, parts)
        native = framing.window_samples == self.facts.framing.window_samples
        network = self.network(framing.window_samples if native else None)
        return network(np.concatenate([part.samples for part in parts]))

    def _shares_frames(self, framed: Framed, framing: Framing) -> bool:
        hop = self.facts.hop_samples(framing.hop_s)
        native = framing.window_samples == self.facts.framing.window_samples
        return native and hop < framing.window_samples and hop % framed.step_samples == 0

    def _heard_in_stretches(self, framed: Framed, parts: Sequence[cutting.Windows]) -> Heards:
        from embedviz.engine import StretchNetwork

        if self._stretches is None:
            self._stretches = StretchNetwork(framed)
        # Every stretch begins at a frame; the frames that lie across two of them belong to none.
        step, sounds, starts, begin = framed.step_samples, [], [], 0
        for part in parts:
            fill = -len(part.stretch) % step
            sounds += [part.stretch, np.zeros(fill, np.float32)]
            starts.append((begin + part.starts) // step)
            begin += len(part.stretch) + fill
        return self._stretches(np.concatenate(sounds), np.concatenate(starts))

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
        parts = self.windows(blocks, duration_s, framing, batch=self.facts.batch)
        return pool(parts, seconds=np.inf, duration_s=duration_s, window_s=framing.window_s)


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


def timed(
    heard: Heards, part: cutting.Windows, framing: Framing, rate_hz: int, duration_s: float
) -> Heard:
    """Give the rows of a batch with the times of their sound in the recording."""
    index = part.first + np.arange(len(part), dtype=np.float64)
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
