"""One model on its way through the recordings of an embedding run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

import embedviz
from embedviz import cache
from embedviz.cache import Entry
from embedviz.data import EmbeddingSet, FloatArray, Provenance, Recording, Source
from embedviz.errors import RecordingError
from embedviz.heard import Heard, joined
from embedviz.model import Model, Per
from embedviz.progress import Meter
from embedviz.thumbnails import LONGEST_AXIS, to_thumbnails


@dataclass
class Run:
    """A model, how it hears, and what it has heard so far."""

    model: Model
    per: Per
    hop_s: float | None
    channel: int | None
    meter: Meter
    failed: dict[str, str]
    entries: list[tuple[Recording, Entry]] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse settings that the model does not offer, before anything is heard."""
        self.true_hop_s = self.model.checked_hop(self.per, self.hop_s)

    def key(self, sha256: str) -> str:
        """Give the name of a recording's entry in the cache."""
        model = self.model
        return cache.key(
            {
                "recording": sha256,
                "model": model.facts.name,
                "variant": model.variant,
                "weights": {file: found.sha256 for file, found in sorted(model.weights.items())},
                "precision": model.precision,
                "hop_s": self.true_hop_s,
                "per": self.per,
                "channel": self.channel,
            }
        )

    def hear(self, recording: Recording, blocks: Iterable[FloatArray]) -> Entry:
        """Hear a recording's sound at the model's rate."""
        heard = self.model.hear(
            self.meter.counted(blocks, self.model.facts.rate_hz),
            duration_s=recording.duration_s,
            per=self.per,
            hop_s=self.hop_s,
        )
        # A recording heard in one pass shows as many frames as it has.
        frames = LONGEST_AXIS if self.per == "recording" and self.model.facts.clip else None
        return _shrunk(heard, self.model.facts.patch_range, frames)

    def keep(self, recording: Recording, sha256: str, entry: Entry) -> None:
        """Take a finished recording into the set."""
        self.entries.append((recording, entry))
        self.sources[recording.name] = Source(
            path=str(recording.path.resolve()),
            sha256=sha256,
            duration_s=recording.duration_s,
            rate_hz=recording.rate_hz,
            channels=recording.channels,
        )

    def fail(self, recording: Recording, error: RecordingError) -> None:
        """Note why a recording has no rows."""
        sentence = str(error)
        if recording.name not in sentence:
            sentence = f"{recording.name}: {sentence}"
        self.failed[recording.name] = sentence

    def result(self, recordings: Sequence[Recording]) -> EmbeddingSet | RecordingError:
        """Give the set of all that was heard."""
        if not self.entries:
            first = next(iter(self.failed.values()), "No recordings were given.")
            return RecordingError(
                f"Not one of {len(self.failed)} recordings could be heard. {first}"
            )
        return _assemble(self.entries, self._provenance(recordings))

    def _provenance(self, recordings: Sequence[Recording]) -> Provenance:
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
            recordings=self.sources,
            label_columns=tuple(dict.fromkeys(name for rec in recordings for name in rec.labels)),
            failures=self.failed,
        )


def _shrunk(parts: Iterator[Heard], patch_range: tuple[float, float], frames: int | None) -> Entry:
    """Join the parts of a recording, holding pictures and not patches."""
    heard = joined(
        replace(part, patches=to_thumbnails(part.patches, patch_range, frames=frames))
        for part in parts
    )
    return Entry(
        vectors=heard.vectors,
        start_s=heard.start_s,
        stop_s=heard.stop_s,
        padding_s=heard.padding_s,
        thumbnails=np.asarray(heard.patches, np.uint8),
        columns=heard.columns,
    )


def _assemble(entries: Sequence[tuple[Recording, Entry]], provenance: Provenance) -> EmbeddingSet:
    rows = [len(entry.vectors) for _, entry in entries]

    def spread(values: Sequence[str]) -> np.ndarray:
        return np.repeat(np.array(values, dtype=object), rows)

    columns: dict[str, np.ndarray] = {
        "recording": spread([recording.name for recording, _ in entries]),
        "start_s": np.concatenate([entry.start_s for _, entry in entries]),
        "stop_s": np.concatenate([entry.stop_s for _, entry in entries]),
    }
    for name in provenance.label_columns:
        columns[name] = spread([recording.labels.get(name, "") for recording, _ in entries])
    columns["padding_s"] = np.concatenate([entry.padding_s for _, entry in entries])
    for name in entries[0][1].columns:
        columns[name] = np.concatenate([entry.columns[name] for _, entry in entries])
    return EmbeddingSet(
        table=pd.DataFrame(columns),
        vectors=np.concatenate([entry.vectors for _, entry in entries]),
        provenance=provenance,
        thumbnails=np.concatenate([entry.thumbnails for _, entry in entries]),
    )
