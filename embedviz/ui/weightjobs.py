"""Weights of models as jobs: to have them, and to check them."""

from __future__ import annotations

from dataclasses import dataclass

from embedviz import catalogue, weights
from embedviz.facts import Facts
from embedviz.ui.job import Job, Report
from embedviz.ui.jobs import queue
from embedviz.ui.pace import Update
from embedviz.ui.workspace import Workspace


@dataclass(frozen=True)
class Verified:
    """The result of a check of weights."""

    model: str
    lines: tuple[tuple[str, str], ...]
    """`ok`, `FAILED` or `unverified`, and a sentence."""


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


def _fetch(facts: Facts, variant: str, report: Report) -> None:
    detail = f"Fetching the weights of {facts.title}"
    report(Update(0, 0, "bytes", detail))
    weights.fetch(
        facts, variant, progress=lambda done, total: report(Update(done, total, "bytes", detail))
    )
