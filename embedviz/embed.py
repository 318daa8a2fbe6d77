"""Recordings in, embedding sets out: any number of models and files, nothing done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack

from embedviz import audio, cache
from embedviz.cache import Entry
from embedviz.data import EmbeddingSet, FloatArray, Recording
from embedviz.errors import RecordingError
from embedviz.model import Model, Per
from embedviz.progress import Meter, Progress, Report
from embedviz.runs import Run
from embedviz.spool import Spool

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
        name: Run(
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


def _hear(recording: Recording, runs: Sequence[Run], channel: int | None) -> None:
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
    run: Run, recording: Recording, sha256: str, entry: Entry | None, decoded: _Decoded
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
