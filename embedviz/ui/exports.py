"""Embedding Projector bundles of a workspace: written by a job, checked, kept for download."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from embedviz.errors import EmbedvizError
from embedviz.projector.bundle import write_bundle
from embedviz.projector.metadata import columns_of
from embedviz.projector.names import set_names
from embedviz.projector.options import Options
from embedviz.projector.validate import Report, validate_bundle
from embedviz.ui.job import Job
from embedviz.ui.jobs import queue
from embedviz.ui.pace import Update
from embedviz.ui.workspace import Workspace

LONGEST_STEM = 100
SETS_REMEMBERED = 256

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")


@dataclass(frozen=True)
class Bundle:
    """A finished bundle and what the validator says of it."""

    path: Path
    report: Report
    names: tuple[str, ...]
    """Of the sets in it."""

    @property
    def name(self) -> str:
        """What `bundle_of` and the addresses of the app call it."""
        return self.path.stem


def bundle_path(workspace: Workspace, names: Sequence[str]) -> Path:
    """Give where the bundle of these sets lies."""
    stem = "+".join(names)
    if len(stem) > LONGEST_STEM:
        # Cut names alone could be those of other sets.
        stem = f"{stem[:LONGEST_STEM]}-{sha256(stem.encode()).hexdigest()[:8]}"
    return _folder(workspace) / f"{stem}.zip"


def bundle_of(workspace: Workspace, name: str) -> Path:
    """Find a bundle that the workspace wrote by its name, which may come from an address.

    Raises
    ------
    EmbedvizError
        There is none of this name.
    """
    path = _folder(workspace) / f"{name}.zip"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise EmbedvizError("This workspace has no such bundle; write it on the page Export.")
    return path


def last_written(workspace: Workspace) -> Bundle | None:
    """Give the bundle that the workspace wrote last, while the server remembers it."""
    jobs_of = reversed(queue().of(workspace.token))
    written = (job.result for job in jobs_of if isinstance(job.result, Bundle))
    return next((bundle for bundle in written if bundle.path.is_file()), None)


def common_columns(workspace: Workspace, names: Sequence[str]) -> list[str]:
    """Name the columns that all of these sets can show in the projector, in the first's order."""
    first, *others = (_columns(workspace, name, workspace.state(name)) for name in names)
    return [column for column in first if all(column in other for other in others)]


def submit(workspace: Workspace, names: Sequence[str], options: Options) -> Job:
    """Start writing the bundle of these sets; the job's result is a `Bundle`."""

    def work(report: Callable[[Update], None]) -> Bundle:
        sets = [workspace.open_set(name) for name in names]
        path = write_bundle(
            set_names(sets),
            bundle_path(workspace, names),
            progress=lambda done, total: report(Update(done, total, "rows")),
            **vars(options),
        )
        return Bundle(path, validate_bundle(path), tuple(names))

    title = f"Writing the bundle of {', '.join(names)}"
    return queue().submit(work, owner=workspace.token, title=title)


def _folder(workspace: Workspace) -> Path:
    return workspace.folder / "bundles"


@lru_cache(maxsize=SETS_REMEMBERED)
def _columns(workspace: Workspace, name: str, _state: str) -> tuple[str, ...]:
    """Remember the columns of a set in one state: a page asks at every run."""
    return tuple(columns_of(workspace.open_set(name)))
