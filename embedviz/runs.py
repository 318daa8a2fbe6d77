"""One model on its way through the recordings of an embedding run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import embedviz
from embedviz import cache
from embedviz.cache import Entry, Kept
from embedviz.data import FloatArray, Provenance, Recording, Source
from embedviz.errors import RecordingError, Unheard
from embedviz.feed import Arrival, Wish
from embedviz.heard import Heard, joined
from embedviz.model import Model, Per
from embedviz.packs import Pack, too_short
from embedviz.progress import Meter
from embedviz.shards import shards
from embedviz.thumbnails import LONGEST_AXIS, to_thumbnails

Take = Callable[[Recording, Entry], None]
"""Takes rows of finished recordings, in the order of the set."""


@dataclass
class Run:
    """A model, how it hears, and what it has heard so far."""

    model: Model
    per: Per
    hop_s: float | None
    channel: int | None
    meter: Meter
    recordings: Sequence[Recording]
    failed: dict[str, str]
    take: Take | None = None
    """Is given the rows as they come; None leaves them in the cache."""
    heard: list[tuple[Recording, Kept]] = field(default_factory=list)
    """What is finished, in the order of the recordings."""
    sources: dict[str, Source] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse settings that the model does not offer, before anything is heard."""
        self.true_hop_s = self.model.checked_hop(self.per, self.hop_s)
        self._failed_before = len(self.failed)
        self._pack = Pack.of(self.model, self.per, self.hop_s)
        self._last_of_shards = {shard[-1].name for shard in shards(self.recordings)}
        self._arrived: deque[str] = deque()
        self._finished: dict[str, tuple[Recording, Kept] | None] = {}

    @property
    def wish(self) -> Wish:
        """What it wants of a recording: what was heard of it before, or its sound."""
        rate_hz = self.model.facts.rate_hz
        return Wish(rate_hz, kept=lambda *heard: cache.load(self.key(*heard)))

    def key(self, recording: Recording, sha256: str) -> str:
        """Give the name of a recording's entry in the cache."""
        model = self.model
        return cache.key(
            {
                "recording": sha256,
                # The rows end where it was said to end when it was gathered.
                "gathered": [recording.duration_s, recording.rate_hz, recording.channels],
                "model": model.facts.name,
                "variant": model.variant,
                "weights": {file: found.sha256 for file, found in sorted(model.weights.items())},
                "precision": model.precision,
                "hop_s": self.true_hop_s,
                "per": self.per,
                "channel": self.channel,
            }
        )

    def work(self, arrivals: Iterable[Arrival]) -> None:
        """Hear the recordings as they arrive; one that cannot be heard is noted."""
        for arrival in arrivals:
            recording = arrival.recording
            self._arrived.append(recording.name)
            self.meter.begin(recording)
            try:
                self._hear(arrival)
            except RecordingError as error:
                self._fail(recording, error)
            if recording.name in self._last_of_shards:
                self._hear_pack()

    def nothing(self) -> Unheard | None:
        """Say so where not one recording could be heard."""
        return None if self.heard else Unheard(self.failed)

    def _hear(self, arrival: Arrival) -> None:
        if self._is_heard(arrival):
            return
        duration_s = arrival.recording.duration_s
        blocks = self.meter.counted(arrival.sound, self.model.facts.rate_hz)
        if self._pack is None or not self._pack.takes(duration_s):
            self._hear_alone(arrival, blocks)
            return
        waiting = self._pack.cut(arrival.recording, arrival.sha256, blocks)
        if not self._pack.has_room(waiting):
            self._hear_pack()
        self._pack.waiting.append(waiting)

    def _is_heard(self, arrival: Arrival) -> bool:
        """Give a recording the rows of equal contents, where there are any or soon will be.

        A copy never joins a pack: once the first is finished it would not, so the batches of a
        run that goes on after a crash would be others.
        """
        recording, sha256 = arrival.recording, arrival.sha256
        key = self.key(recording, sha256)
        # The feed runs ahead; what it found missing may be finished by now.
        if arrival.kept is not None or cache.load(key) is not None:
            self._keep(recording, sha256)
            return True
        for one in self._pack.waiting if self._pack else []:
            if one.sha256 == sha256 and self.key(one.recording, sha256) == key:
                one.copies.append(recording)
                return True
        return False

    def _hear_alone(self, arrival: Arrival, blocks: Iterable[FloatArray]) -> None:
        """Hear a recording block by block, and keep its rows as they come."""
        recording, key = arrival.recording, self.key(arrival.recording, arrival.sha256)
        heard = self.model.hear(
            blocks, duration_s=recording.duration_s, per=self.per, hop_s=self.hop_s
        )
        with cache.keeping(key) as add:
            rows = 0
            for part in heard:
                add(self._entry(part))
                rows += len(part)
            # A recording may fail behind the last window.
            deque(blocks, maxlen=0)
            if not rows:
                raise too_short(recording)
        self._keep(recording, arrival.sha256)

    def _hear_pack(self) -> None:
        """Hear the short recordings that wait for each other."""
        heard = self._pack.hear() if self._pack else []
        cache.save(
            {
                self.key(one.recording, one.sha256): self._entry(joined(parts))
                for one, parts in heard
            }
        )
        for one, _ in heard:
            for recording in (one.recording, *one.copies):
                self._keep(recording, one.sha256)

    def _keep(self, recording: Recording, sha256: str) -> None:
        kept = Kept(cache.path_of(self.key(recording, sha256)))
        self.sources[recording.name] = Source(
            path=str(recording.path.resolve()),
            sha256=sha256,
            duration_s=recording.duration_s,
            rate_hz=recording.rate_hz,
            channels=recording.channels,
        )
        self._finish(recording.name, (recording, kept))

    def _fail(self, recording: Recording, error: RecordingError) -> None:
        sentence = str(error)
        if recording.name not in sentence:
            sentence = f"{recording.name}: {sentence}"
        self.failed[recording.name] = sentence
        self._finish(recording.name, None)

    def _finish(self, name: str, found: tuple[Recording, Kept] | None) -> None:
        """Note what became of a recording, and give on all that is finished before the next gap."""
        self._finished[name] = found
        while self._arrived and self._arrived[0] in self._finished:
            finished = self._finished.pop(self._arrived.popleft())
            if finished is not None:
                self.heard.append(finished)
                if self.take is not None:
                    for part in finished[1].parts():
                        self.take(finished[0], part)
        self.meter.finish(len(self.failed) - self._failed_before)

    def _entry(self, part: Heard) -> Entry:
        # A recording heard in one pass shows as many frames as it has.
        whole = self.per == "recording" and self.model.facts.clip is not None
        return Entry(
            vectors=part.vectors,
            start_s=part.start_s,
            stop_s=part.stop_s,
            padding_s=part.padding_s,
            thumbnails=to_thumbnails(
                part.patches,
                self.model.facts.patch_range,
                frames=LONGEST_AXIS if whole else None,
            ),
            columns=part.columns,
        )

    def provenance(self) -> Provenance:
        """Tell how the rows were made."""
        model, facts = self.model, self.model.facts
        stretched = facts.any_window and not isinstance(self.per, str)
        return Provenance(
            model=facts.name,
            variant=model.variant,
            weights={file: found.sha256 for file, found in model.weights.items()},
            verified=model.verified,
            rate_hz=facts.rate_hz,
            window_s=float(self.per) if stretched else facts.window_s,
            hop_s=self.true_hop_s,
            per=self.per,
            precision=model.precision,
            version=embedviz.__version__,
            channel=self.channel,
            bands_hz=facts.bands_hz,
            patch_range=facts.patch_range,
            patch_unit=facts.patch_unit,
            recordings={rec.name: self.sources[rec.name] for rec, _ in self.heard},
            label_columns=label_columns(self.recordings),
            failures=self.failed,
        )


def label_columns(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Give the names of the labels that any of the recordings carries, in order."""
    return tuple(dict.fromkeys(name for recording in recordings for name in recording.labels))
