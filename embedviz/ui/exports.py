"""Embedding Projector bundles of a workspace: written by a job, checked, kept for download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from embedviz.projector.bundle import write_bundle
from embedviz.projector.names import set_names
from embedviz.projector.validate import Report, validate_bundle
from embedviz.ui import jobs
from embedviz.ui.workspace import Workspace

LONGEST_STEM = 100


@dataclass(frozen=True)
class Bundle:
    """A finished bundle and what the validator says of it."""

    path: Path
    report: Report
    names: tuple[str, ...]
    """Of the sets in it."""


def bundle_path(workspace: Workspace, names: Sequence[str]) -> Path:
    """Give where the bundle of these sets lies."""
    stem = "+".join(names)
    if len(stem) > LONGEST_STEM:
        # Cut names alone could be those of other sets.
        stem = f"{stem[:LONGEST_STEM]}-{sha256(stem.encode()).hexdigest()[:8]}"
    return workspace.folder / "bundles" / f"{stem}.zip"


def last_written(workspace: Workspace) -> Bundle | None:
    """Give the bundle that the workspace wrote last, while the server remembers it."""
    jobs_of = reversed(jobs.queue().of(workspace.token))
    written = (job.result for job in jobs_of if isinstance(job.result, Bundle))
    return next((bundle for bundle in written if bundle.path.is_file()), None)


def submit(workspace: Workspace, names: Sequence[str], *, cell_px: int | None) -> jobs.Job:
    """Start writing the bundle of these sets; the job's result is a `Bundle`."""

    def work(report: jobs.Report) -> Bundle:
        sets = [workspace.open_set(name) for name in names]
        path = write_bundle(
            set_names(sets),
            bundle_path(workspace, names),
            cell_px=cell_px,
            progress=lambda done, total: report(jobs.Update(done, total, "rows")),
        )
        return Bundle(path, validate_bundle(path), tuple(names))

    title = f"Writing the bundle of {', '.join(names)}"
    return jobs.queue().submit(work, owner=workspace.token, title=title)
