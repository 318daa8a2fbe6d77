"""Sets that were made elsewhere, brought into a workspace by a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedviz.data import EmbeddingSet
from embedviz.errors import EmbedvizError
from embedviz.store import write_set
from embedviz.ui.job import Job, Report
from embedviz.ui.jobs import queue
from embedviz.ui.pace import Update
from embedviz.ui.workspace import Workspace
from embedviz.wording import counted


@dataclass(frozen=True)
class Imported:
    """The result of an import."""

    names: tuple[str, ...]
    """Of the sets in the workspace, in the order of the source."""
    points: int
    whole: int
    """Points that the source holds; more where samples of it were taken."""
    failures: Mapping[str, str]
    """Name of every set or source that could not be read, and why."""


def import_into(
    workspace: Workspace,
    paths: Sequence[Path | str],
    title: str,
    *,
    sample: int | None = None,
    then: Callable[[], object] | None = None,
) -> Job:
    """Put an import into the queue; its result is an `Imported`.

    Parameters
    ----------
    workspace
        Where the sets will lie, each under its own name, with a map if the source brings none.
    paths
        What `embedviz.imports.opening.open_sources` opens: files and folders that this workspace
        may read as `Path`, web addresses as text.
    title
        What the user calls the source: the name of the file or the address.
    sample
        Keep at most so many rows of each set, every label with its share.
    then
        Called once when the work is over, however it ended and also where it never began; for
        what is not needed any longer.

    Raises
    ------
    EmbedvizError
        If a text is no web address: what a visitor types must not name files of the server.
    """
    for typed in (path for path in paths if not isinstance(path, Path)):
        if not typed.startswith(("https://", "http://")):
            raise EmbedvizError(f"{typed!r} is no web address; give one that starts with https://.")

    def work(report: Report) -> Imported:
        return _imported(workspace, paths, title, sample, report)

    return queue().submit(work, owner=workspace.token, title=f"Importing {title}", then=then)


def _imported(
    workspace: Workspace,
    paths: Sequence[Path | str],
    title: str,
    sample: int | None,
    report: Report,
) -> Imported:
    from embedviz.imports.opening import open_sources

    def told(done: int, total: int, unit: str) -> None:
        report(Update(done, max(done, total), unit, f"Reading {title}"))

    failures: dict[str, str] = {}
    told(0, 0, "")
    found = open_sources(paths, sample=sample, failures=failures, progress=told)
    names = []
    for called, one in found.items():
        placed = _with_map(one, called, report)
        name = workspace.unused_set_name(called)
        # Only here: the name of a set is taken as soon as its file is there.
        write_set(placed, workspace.set_path(name))
        names.append(name)
    whole = sum(one.provenance.sampled_from or len(one) for one in found.values())
    return Imported(tuple(names), sum(map(len, found.values())), whole, failures)


def _with_map(found: EmbeddingSet, called: str, report: Report) -> EmbeddingSet:
    if found.projection is not None:
        return found
    from embedviz.project import project

    detail = f"Laying out {counted(len(found), 'point')} of {called} with UMAP"
    report(Update(0, 100, "%", detail))
    return found.with_projection(
        project(
            found, "umap", progress=lambda done, total: report(Update(done, total, "%", detail))
        )
    )
