"""Clusters and the map's trust as columns of a set: to colour its map by, to take along."""

from __future__ import annotations

from dataclasses import dataclass

from embedviz.errors import SetError
from embedviz.evaluation.results import Progress
from embedviz.ui.job import Job, Report
from embedviz.ui.jobs import queue
from embedviz.ui.pace import Update
from embedviz.ui.workspace import DEMO, Workspace


@dataclass(frozen=True)
class Added:
    """The result of adding columns."""

    asked_for: str
    """The set that they were asked for."""
    name: str
    """The set that has them now: another one only where the first belongs to everybody."""
    columns: tuple[str, ...]


def submit_columns(workspace: Workspace, name: str, *, seed: int = 0) -> Job:
    """Start adding the columns to the set `name`; the job's result is an `Added`."""

    def work(report: Report) -> Added:
        return _added(workspace, name, seed, report)

    return queue().submit(work, owner=workspace.token, title=columns_title(name))


def columns_title(name: str) -> str:
    """Say what the job does; two of the same title do the same."""
    return f"Adding clusters and the map's trust to {name}"


def added(workspace: Workspace) -> dict[str, Added]:
    """Give what was added, while the server remembers it, by the set that it was asked for."""
    results = [job.result for job in queue().of(workspace.token)]
    return {one.asked_for: one for one in results if isinstance(one, Added)}


def _added(workspace: Workspace, name: str, seed: int, report: Report) -> Added:
    # HDBSCAN's library takes seconds to load: here, in the worker, and never with the page.
    from embedviz.evaluation.columns import with_columns
    from embedviz.store import read_set, write_set

    before = workspace.state(name)
    # Without labels that were set on the map: those stay apart, so that they can be undone.
    base = read_set(workspace.set_path(name))

    def tell(now: Progress) -> None:
        report(Update(100 * now.done / max(now.total, 1), 100, "%", now.doing))

    found, columns = with_columns(base, seed=seed, title=name, progress=tell)
    if workspace.state(name) != before:
        raise SetError(f"{name} has changed meanwhile; add the columns again.")
    # The demo belongs to everybody.
    target = workspace.unused_set_name(f"{name} with clusters") if name == DEMO else name
    write_set(found, workspace.set_path(target))
    return Added(name, target, columns)
