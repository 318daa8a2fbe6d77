"""Recordings in, embedding sets out: any number of models and files, nothing done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

import embedviz
from embedviz import audio, cache
from embedviz.cache import Entry
from embedviz.data import EmbeddingSet, FloatArray, Provenance, Recording, Source
from embedviz.errors import RecordingError
from embedviz.heard import Heard, joined
from embedviz.model import Model, Per
from embedviz.progress import Meter, Progress, Report
from embedviz.spool import Spool
from embedviz.thumbnails import LONGEST_AXIS, to_thumbnails

__all__ = ["Progress", "Report", "embed", "embed_with_all"]


def embed(
    recordings: Sequence[Recording],
    model: Model,
    *,
    per: Per = "window",
    hop_s: float | None = None,
    channel: int | None = None,
    failures: Mapping[str, str] | None = None,
    progress: Report | None = None,
) -> EmbeddingSet:
    """Hear every recording and give one row per window, per recording or per N seconds.

    A recording that cannot be read is named in `provenance.failures`; the others go on. Finished
    recordings are kept in the cache, so a second run computes only what is new.

    Parameters
    ----------
    recordings
        What to hear, in the order of the rows.
    model
        A model from `embedviz.load_model`.
    per, hop_s
        See `Model.embed`.
    channel
        The channel to hear, counted from 1; None mixes all by their mean.
    failures
        Recordings that failed before, by name, to be kept with the set.
    progress
        See `Report`.

    Raises
    ------
    RecordingError
        If not one recording could be heard.
    ModelError
        If `per` or `hop_s` cannot be had from this model.
    """
    found = embed_with_all(
        recordings,
        {"": model},
        per=per,
        hop_s=hop_s,
        channel=channel,
        failures=failures,
        progress=None if progress is None else lambda _, now: progress(now),
    )[""]
    if isinstance(found, RecordingError):
        raise found
    return found


def embed_with_all(
    recordings: Sequence[Recording],
    models: Mapping[str, Model],
    *,
    per: Per = "window",
    hop_s: float | None = None,
    channel: int | None = None,
    failures: Mapping[str, str] | None = None,
    progress: Callable[[str, Progress], None] | None = None,
) -> dict[str, EmbeddingSet | RecordingError]:
    """Hear every recording with every model; each is decoded and resampled once per rate.

    Parameters
    ----------
    recordings, per, hop_s, channel, failures
        See `embed`.
    models
        The models by any names.
    progress
        Is told the name of a model and how far it is.

    Returns
    -------
        By the names of `models`: the set, or why that model heard not one recording.

    Raises
    ------
    ModelError
        If `per` or `hop_s` cannot be had from one of the models.
    """
    runs = {
        name: _Run(
            model,
            per=per,
            hop_s=hop_s,
            channel=channel,
            meter=Meter(recordings, _told(progress, name)),
            failed=dict(failures or {}),
        )
        for name, model in models.items()
    }
    for recording in recordings:
        _hear(recording, list(runs.values()), channel)
    return {name: run.result(recordings) for name, run in runs.items()}


def _told(progress: Callable[[str, Progress], None] | None, name: str) -> Report | None:
    return None if progress is None else lambda now: progress(name, now)


@dataclass
class _Run:
    """One model on its way through the recordings."""

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


def _hear(recording: Recording, runs: Sequence[_Run], channel: int | None) -> None:
    """Take one recording through every model, decoding it once per rate."""
    for run in runs:
        run.meter.begin(recording, len(run.failed))
    try:
        sha256 = audio.sha256(recording.path)
        kept = [(run, cache.load(run.key(sha256))) for run in runs]
        wanted = Counter(run.model.facts.rate_hz for run, entry in kept if entry is None)
        with _Decoded(recording, channel, wanted) as decoded:
            for run, entry in kept:
                _take(run, recording, sha256, entry, decoded)
    except RecordingError as error:
        for run in runs:
            run.fail(recording, error)
    finally:
        for run in runs:
            run.meter.end()


def _take(
    run: _Run, recording: Recording, sha256: str, entry: Entry | None, decoded: _Decoded
) -> None:
    """Give a run its entry from the cache, or hear the recording and keep it there."""
    if entry is None:
        try:
            entry = run.hear(recording, decoded.blocks(run.model.facts.rate_hz))
        except RecordingError as error:
            run.fail(recording, error)
            return
        cache.save(run.key(sha256), entry)
    run.keep(recording, sha256, entry)


class _Decoded:
    """A recording's sound at several rates; what more than one model wants is kept meanwhile."""

    def __init__(self, recording: Recording, channel: int | None, wanted: Counter[int]) -> None:
        self._recording, self._channel, self._wanted = recording, channel, wanted
        self._spools: dict[int, Spool] = {}
        self._open = ExitStack()

    def __enter__(self) -> _Decoded:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def blocks(self, rate_hz: int) -> Iterable[FloatArray]:
        """Give the sound at a rate."""
        if rate_hz not in self._spools:
            decoded = audio.blocks(self._recording, rate_hz, channel=self._channel)
            if self._wanted[rate_hz] == 1:
                return decoded
            self._spools[rate_hz] = self._open.enter_context(Spool(decoded))
        return self._spools[rate_hz]


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
