"""Short recordings that share a batch of the network.

A window of the network's batch is heard by itself, so it does not matter whose it is; but a
hundred windows at once take far less than a hundred times one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from embedviz import windows
from embedviz.data import FloatArray, Recording
from embedviz.errors import RecordingError
from embedviz.facts import Framing
from embedviz.heard import Heard
from embedviz.listeners import Heards, WindowListener, timed
from embedviz.model import Model, Per


@dataclass(frozen=True)
class Waiting:
    """A recording whose windows are cut and not yet heard."""

    recording: Recording
    sha256: str
    parts: list[windows.Windows]
    copies: list[Recording] = field(default_factory=list)
    """Recordings of the same contents, which get its rows."""

    def __len__(self) -> int:
        """Give the number of its windows."""
        return sum(len(part) for part in self.parts)


@dataclass
class Pack:
    """The recordings that wait for the next batch of a model."""

    model: Model
    per: Per
    framing: Framing
    listener: WindowListener
    most: int
    """Windows in a batch."""
    waiting: list[Waiting] = field(default_factory=list)

    @classmethod
    def of(cls, model: Model, per: Per, hop_s: float | None) -> Pack | None:
        """Give an empty pack; None where a model hears recordings and not windows."""
        framing, listener = model.framing(per, hop_s), model.listener.by_window()
        if framing is None or listener is None:
            return None
        return cls(model, per, framing, listener, listener.batch(framing, model.batch))

    def takes(self, duration_s: float) -> bool:
        """Tell whether a recording is so short that it should not be heard alone."""
        facts = self.model.facts
        hop = facts.hop_samples(self.framing.hop_s)
        expected = windows.count(round(duration_s * facts.rate_hz), self.framing, hop=hop)
        return expected <= self.most // 2

    def cut(self, recording: Recording, sha256: str, blocks: Iterable[FloatArray]) -> Waiting:
        """Cut a recording's sound.

        Raises
        ------
        RecordingError
            If its sound gives no window, or cannot be read to its end.
        """
        parts = list(self.listener.cut(blocks, self.framing, at_once=self.most))
        if not parts:
            raise too_short(recording)
        return Waiting(recording, sha256, parts)

    def has_room(self, another: Waiting) -> bool:
        """Tell whether a recording fits the batch."""
        return not self.waiting or sum(map(len, self.waiting)) + len(another) <= self.most

    def hear(self) -> list[tuple[Waiting, list[Heard]]]:
        """Hear all that waits, and give each recording its rows."""
        taken, self.waiting = self.waiting, []
        return [(one, list(self._rows(one, heards))) for one, heards in self._heard(taken)]

    def _heard(self, taken: list[Waiting]) -> Iterator[tuple[Waiting, list[Heards]]]:
        if sum(map(len, taken)) > self.most:  # one recording, longer than its header says
            for one in taken:
                yield one, [self.listener.heard([part], self.framing) for part in one.parts]
        elif taken:
            parts = [part for one in taken for part in one.parts]
            whole = self.listener.heard(parts, self.framing)
            ends = np.cumsum([len(part) for part in parts])
            cut = {name: np.split(values, ends[:-1]) for name, values in whole.items()}
            each = iter(range(len(parts)))
            for one in taken:
                numbers = [next(each) for _ in one.parts]
                yield one, [{name: cut[name][number] for name in cut} for number in numbers]

    def _rows(self, one: Waiting, heards: list[Heards]) -> Iterator[Heard]:
        rate_hz, duration_s = self.model.facts.rate_hz, one.recording.duration_s
        rows = [
            timed(heard, part, self.framing, rate_hz, duration_s)
            for heard, part in zip(heards, one.parts, strict=True)
        ]
        return self.model.rows(rows, self.framing, duration_s=duration_s, per=self.per)


def too_short(recording: Recording) -> RecordingError:
    """Say that a recording has not one sample at a model's rate."""
    return RecordingError(
        f"{recording.name} lasts {recording.duration_s:.2g} s, too short to give a sample at the "
        "model's rate; nothing to embed."
    )
