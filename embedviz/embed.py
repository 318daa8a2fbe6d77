"""Recordings in, an embedding set out: one model, any number of files, nothing done twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

import embedviz
from embedviz import audio, cache
from embedviz.cache import Entry
from embedviz.data import EmbeddingSet, Provenance, Recording, Source
from embedviz.errors import RecordingError
from embedviz.heard import Heard, joined
from embedviz.model import Model, Per
from embedviz.progress import Meter, Progress, Report
from embedviz.thumbnails import to_thumbnails

__all__ = ["Progress", "Report", "embed"]


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
    hop = model.checked_hop(per, hop_s)
    failed = dict(failures or {})
    entries: list[tuple[Recording, Entry]] = []
    sources: dict[str, Source] = {}
    meter = Meter(recordings, progress)
    for recording in recordings:
        meter.begin(recording, len(failed))
        try:
            sha256 = audio.sha256(recording.path)
            entry = _entry(
                recording, sha256, model, per=per, hop_s=hop, channel=channel, meter=meter
            )
        except RecordingError as error:
            failed[recording.name] = str(error)
            continue
        finally:
            meter.end()
        entries.append((recording, entry))
        sources[recording.name] = Source(
            path=str(recording.path.resolve()),
            sha256=sha256,
            duration_s=recording.duration_s,
            rate_hz=recording.rate_hz,
            channels=recording.channels,
        )
    if not entries:
        first = next(iter(failed.values()), "No recordings were given.")
        raise RecordingError(f"Not one of {len(failed)} recordings could be heard. {first}")
    provenance = _provenance(model, per, hop, channel, sources, failed, recordings)
    return _assemble(entries, provenance)


def _entry(
    recording: Recording,
    sha256: str,
    model: Model,
    *,
    per: Per,
    hop_s: float,
    channel: int | None,
    meter: Meter,
) -> Entry:
    """Give a recording's rows from the cache, or hear it and keep them."""
    name = cache.key(
        {
            "recording": sha256,
            "model": model.facts.name,
            "variant": model.variant,
            "weights": {file: found.sha256 for file, found in sorted(model.weights.items())},
            "precision": model.precision,
            "hop_s": hop_s,
            "per": per,
            "channel": channel,
        }
    )
    entry = cache.load(name)
    if entry is None:
        blocks = audio.blocks(recording, model.facts.rate_hz, channel=channel)
        heard = model.hear(
            meter.counted(blocks, model.facts.rate_hz),
            duration_s=recording.duration_s,
            per=per,
            hop_s=hop_s,
        )
        entry = _shrunk(heard, model.facts.patch_range)
        cache.save(name, entry)
    return entry


def _shrunk(parts: Iterator[Heard], patch_range: tuple[float, float]) -> Entry:
    """Join the parts of a recording, holding pictures and not patches."""
    heard = joined(
        replace(part, patches=to_thumbnails(part.patches, patch_range)) for part in parts
    )
    return Entry(
        vectors=heard.vectors,
        start_s=heard.start_s,
        stop_s=heard.stop_s,
        padding_s=heard.padding_s,
        thumbnails=np.asarray(heard.patches, np.uint8),
        columns=heard.columns,
    )


def _provenance(
    model: Model,
    per: Per,
    hop_s: float,
    channel: int | None,
    sources: Mapping[str, Source],
    failures: Mapping[str, str],
    recordings: Sequence[Recording],
) -> Provenance:
    facts = model.facts
    return Provenance(
        model=facts.name,
        variant=model.variant,
        weights={file: found.sha256 for file, found in model.weights.items()},
        verified=model.verified,
        rate_hz=facts.rate_hz,
        window_s=facts.window_s,
        hop_s=hop_s,
        per=per,
        precision=model.precision,
        version=embedviz.__version__,
        channel=channel,
        bands_hz=facts.bands_hz,
        patch_range=facts.patch_range,
        patch_unit=facts.patch_unit,
        recordings=sources,
        label_columns=tuple(dict.fromkeys(name for rec in recordings for name in rec.labels)),
        failures=failures,
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
