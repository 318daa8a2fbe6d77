"""Recordings in, embedding sets out: any number of models and files, nothing done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path

from embedviz.assembled import assembled
from embedviz.data import EmbeddingSet, Recording
from embedviz.errors import Unheard
from embedviz.feed import Feed
from embedviz.model import Model, Per
from embedviz.progress import Meter, Progress, Report
from embedviz.runs import Run, label_columns
from embedviz.setwriter import SetWriter, Written

__all__ = ["Progress", "Report", "Written", "embed", "embed_to_files", "embed_with_all"]


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
    Unheard
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
    if isinstance(found, Unheard):
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
) -> dict[str, EmbeddingSet | Unheard]:
    """Hear every recording with every model; each is decoded once, and resampled once per rate.

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
    runs = _runs(
        recordings,
        models,
        per=per,
        hop_s=hop_s,
        channel=channel,
        failures=failures,
        progress=progress,
    )
    _hear(recordings, list(runs.values()), channel)
    return {
        name: run.nothing() or assembled(run.heard, run.provenance()) for name, run in runs.items()
    }


def embed_to_files(
    recordings: Sequence[Recording],
    models: Mapping[str, Model],
    targets: Mapping[str, Path],
    *,
    per: Per = "window",
    hop_s: float | None = None,
    channel: int | None = None,
    failures: Mapping[str, str] | None = None,
    progress: Callable[[str, Progress], None] | None = None,
) -> dict[str, Written | Unheard]:
    """Hear every recording with every model and write the sets while they are made.

    Memory does not grow with the recordings. A file appears when its set is complete.

    Parameters
    ----------
    recordings, models, per, hop_s, channel, failures, progress
        See `embed_with_all`.
    targets
        The Parquet file of each of `models`, by the same names.

    Returns
    -------
        By the names of `models`: what was written, or why that model heard not one recording; then
        there is no file.

    Raises
    ------
    ModelError
        If `per` or `hop_s` cannot be had from one of the models.
    SetError
        If a file cannot be written.
    """
    runs = _runs(
        recordings,
        models,
        per=per,
        hop_s=hop_s,
        channel=channel,
        failures=failures,
        progress=progress,
    )
    labels = label_columns(recordings)
    with ExitStack() as stack:
        writers = {name: stack.enter_context(SetWriter(targets[name], labels)) for name in models}
        for name, run in runs.items():
            run.take = writers[name].add
        _hear(recordings, list(runs.values()), channel)
        return {
            name: run.nothing() or writers[name].finish(run.provenance())
            for name, run in runs.items()
        }


def _runs(
    recordings: Sequence[Recording],
    models: Mapping[str, Model],
    *,
    per: Per,
    hop_s: float | None,
    channel: int | None,
    failures: Mapping[str, str] | None,
    progress: Callable[[str, Progress], None] | None,
) -> dict[str, Run]:
    return {
        name: Run(
            model,
            per=per,
            hop_s=hop_s,
            channel=channel,
            meter=Meter(recordings, _told(progress, name)),
            recordings=recordings,
            failed=dict(failures or {}),
        )
        for name, model in models.items()
    }


def _told(progress: Callable[[str, Progress], None] | None, name: str) -> Report | None:
    return None if progress is None else lambda now: progress(name, now)


def _hear(recordings: Sequence[Recording], runs: Sequence[Run], channel: int | None) -> None:
    """Take all recordings through all models, each at its own pace but not far from the others."""
    from threadpoolctl import threadpool_limits

    wishes = [run.wish for run in runs]
    # The threads of NumPy's products and those of the network would wait for each other.
    with threadpool_limits(1, user_api="blas"), Feed(recordings, wishes, channel) as feed:
        if len(runs) == 1:
            runs[0].work(feed.arrivals(0))
            return
        with _threads(feed, len(runs)) as pool:
            work = [pool.submit(run.work, feed.arrivals(number)) for number, run in enumerate(runs)]
            finished, _ = wait(work, return_when=FIRST_EXCEPTION)
            # The first that failed is why the others were stopped.
            for one in finished:
                one.result()


@contextmanager
def _threads(feed: Feed, number: int) -> Iterator[ThreadPoolExecutor]:
    """Give a thread for each model; whatever ends the block ends them too."""
    pool = ThreadPoolExecutor(number, thread_name_prefix="embedviz-model")
    try:
        yield pool
    finally:
        feed.stop()
        pool.shutdown()
