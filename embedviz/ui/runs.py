"""A choice of model and points becomes a job: weights, vectors, a map, a set in the workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from embedviz import catalogue, models, pooling, weights, windows
from embedviz.data import EmbeddingSet, Projection, Recording
from embedviz.embed import Progress, embed_to_files
from embedviz.errors import Unheard
from embedviz.facts import Facts
from embedviz.model import Per
from embedviz.project import project
from embedviz.setwriter import Written
from embedviz.ui.job import Job, Report
from embedviz.ui.jobs import queue
from embedviz.ui.mapping import without_pictures, write_mapped
from embedviz.ui.pace import Update
from embedviz.ui.recordings import Collection, counted
from embedviz.ui.workspace import Workspace


@dataclass(frozen=True)
class Choice:
    """One model and what a point is."""

    model: str
    variant: str
    per: Per = "window"
    hop_s: float | None = None
    """None: the model's own."""
    channel: int | None = None
    """Counted from 1; None mixes all by their mean."""

    @property
    def title(self) -> str:
        """The model as people call it, with its variant where it has several."""
        facts = models.facts(self.model)
        return facts.title if self.is_plain else f"{facts.title} {self.variant}"

    @property
    def is_plain(self) -> bool:
        """Whether the name of the model alone says which variant it is."""
        return self.variant == "default" or len(models.facts(self.model).variants) == 1


@dataclass(frozen=True)
class Made:
    """The result of a run."""

    name: str
    """Of the set in the workspace."""
    points: int
    recordings: int
    failures: Mapping[str, str]
    """Name of every recording without points, and why."""


@dataclass(frozen=True)
class Verified:
    """The result of a check of weights."""

    model: str
    lines: tuple[tuple[str, str], ...]
    """`ok`, `FAILED` or `unverified`, and a sentence."""


def run_title(recordings: Sequence[Recording], choice: Choice) -> str:
    """Say what a run does; runs with other recordings may have the same title."""
    with_model = f"Embedding {counted(len(recordings), 'recording')} with {choice.title}"
    if choice.per == "window":
        settings = []
    elif choice.per == "recording":
        settings = ["a point per recording"]
    else:
        settings = [f"a point per {choice.per:g} s"]
    settings += [] if choice.hop_s is None else [f"hop {choice.hop_s:g} s"]
    settings += [] if choice.channel is None else [f"channel {choice.channel}"]
    return ", ".join([with_model, *settings])


def asked(recordings: Sequence[Recording], choice: Choice) -> object:
    """Give what tells two runs apart, as their jobs carry it."""
    return choice, tuple(recordings)


def start(
    workspace: Workspace, collection: Collection, recordings: Sequence[Recording], choice: Choice
) -> Job:
    """Put the embedding of `recordings` into the queue; its result is a `Made`.

    Parameters
    ----------
    workspace
        Where the set will lie.
    collection
        What the recordings are from; it gives the set its name and its earlier failures.
    recordings
        The collection's, with their labels.
    choice
        How to hear them.
    """

    def work(report: Report) -> Made:
        fetch_missing(models.facts(choice.model), choice.variant, report)
        made = workspace.folder / "making" / f"{token_hex(8)}.parquet"
        try:
            written = _written(recordings, choice, dict(collection.failures), made, report)
            places = _map(without_pictures(made), report)
            model = choice.model if choice.is_plain else f"{choice.model} {choice.variant}"
            name = workspace.unused_set_name(f"{collection.title} {model}")
            # Only here: the name of a set is taken as soon as its file is there.
            write_mapped(made, places, workspace.set_path(name))
        finally:
            made.unlink(missing_ok=True)
        provenance = written.provenance
        return Made(name, written.rows, len(provenance.recordings), provenance.failures)

    return queue().submit(
        work,
        owner=workspace.token,
        title=run_title(recordings, choice),
        asked=asked(recordings, choice),
    )


def start_download(workspace: Workspace, facts: Facts, variant: str) -> Job:
    """Put the download of the weights of a model's variant into the queue."""

    def work(report: Report) -> None:
        _fetch(facts, variant, report)

    return queue().submit(work, owner=workspace.token, title=f"Downloading {facts.title}")


def start_verifying(workspace: Workspace, facts: Facts) -> Job:
    """Put the check of a model's weights into the queue; its result is a `Verified`."""

    def work(report: Report) -> Verified:
        lines: list[tuple[str, str]] = []
        report(Update(0, 0, detail="Checksums, then what is published of its output"))
        for line in catalogue.verified([facts.name]):
            lines.append(line)
            report(Update(0, 0, detail=line[1]))
        return Verified(facts.name, tuple(lines))

    return queue().submit(work, owner=workspace.token, title=f"Verifying {facts.title}")


def fetch_missing(facts: Facts, variant: str, report: Report) -> None:
    """Download what a variant needs and this machine lacks.

    Raises
    ------
    WeightsError
        It cannot be had.
    """
    if not catalogue.ready(facts, variant):
        _fetch(facts, variant, report)


def download_bytes(choice: Choice) -> int:
    """Give what a run would have to download first."""
    facts = models.facts(choice.model)
    if catalogue.ready(facts, choice.variant):
        return 0
    return catalogue.download_bytes(facts, choice.variant)


def points(recordings: Sequence[Recording], choice: Choice) -> int:
    """Count the points that a run would give, from the lengths of the recordings alone."""
    if choice.per == "recording":
        return len(recordings)
    if choice.per != "window":
        return sum(pooling.stretches(rec.duration_s, float(choice.per)) for rec in recordings)
    facts = models.facts(choice.model).of(choice.variant)
    hop = facts.hop_samples(choice.hop_s)
    return sum(
        windows.count(round(rec.duration_s * facts.rate_hz), facts.framing, hop=hop)
        for rec in recordings
    )


def _fetch(facts: Facts, variant: str, report: Report) -> None:
    detail = f"Fetching the weights of {facts.title}"
    report(Update(0, 0, "bytes", detail))
    weights.fetch(
        facts, variant, progress=lambda done, total: report(Update(done, total, "bytes", detail))
    )


def _written(
    recordings: Sequence[Recording],
    choice: Choice,
    failures: Mapping[str, str],
    target: Path,
    report: Report,
) -> Written:
    """Embed into a file: hours of sound make more rows than should be in memory."""
    # TensorFlow takes seconds to load: here, in the worker, and never with the page.
    report(Update(0, 0, detail=f"Loading {choice.title}"))
    model = models.load_model(choice.model, choice.variant)
    found = embed_to_files(
        recordings,
        {choice.model: model},
        {choice.model: target},
        per=choice.per,
        hop_s=choice.hop_s,
        channel=choice.channel,
        failures=failures,
        progress=lambda _, now: report(progress_of(now)),
    )[choice.model]
    if isinstance(found, Unheard):
        raise found
    return found


def progress_of(now: Progress) -> Update:
    """Say how far an embedding is: in seconds of sound, so that it moves in long recordings too."""
    place = min(now.recordings_done + 1, now.recordings)
    parts = [f"{place:,} of {now.recordings:,}", now.recording]
    parts.append(f"{now.failures:,} could not be read" if now.failures else "")
    share = now.recording_done_s / now.recording_s if now.recording_s else 0.0
    return Update(now.done_s, now.total_s, "s", " · ".join(filter(None, parts)), share)


def _map(found: EmbeddingSet, report: Report) -> Projection:
    detail = f"Laying out {counted(len(found), 'point')} with UMAP"
    report(Update(0, 100, "%", detail))
    # The first layout of a process compiles for some seconds before it can say how far it is.
    return project(
        found, "umap", progress=lambda done, total: report(Update(done, total, "%", detail))
    )
