"""Recordings and a choice of models become a job of the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedviz.data import Recording
from embedviz.ui.choice import Choice, run_title
from embedviz.ui.job import Job
from embedviz.ui.jobs import queue
from embedviz.ui.making import make_sets
from embedviz.ui.recordings import Collection
from embedviz.ui.workspace import Workspace


@dataclass(frozen=True)
class Asked:
    """What a run was given, kept by its job while it is active."""

    recordings: tuple[Recording, ...]
    choices: tuple[Choice, ...]


def start(
    workspace: Workspace,
    collection: Collection,
    recordings: Sequence[Recording],
    choices: Sequence[Choice],
) -> Job:
    """Put the embedding of `recordings` into the queue; its result is a `Finished`.

    Parameters
    ----------
    workspace
        Where the sets will lie.
    collection
        What the recordings are from; it gives the sets their names and their earlier failures.
    recordings
        The collection's, with their labels.
    choices
        How to hear them, one or more that differ in nothing but the model.
    """
    return queue().submit(
        lambda report: make_sets(workspace, collection, recordings, choices, report),
        owner=workspace.token,
        title=run_title(recordings, choices),
        asked=Asked(tuple(recordings), tuple(choices)),
    )


def waiting(
    workspace: Workspace, recordings: Sequence[Recording], choices: Sequence[Choice]
) -> list[Choice]:
    """Give the choices that no active job hears these recordings with already."""
    active = [job.asked for job in queue().of(workspace.token) if job.active]
    running = {
        choice
        for one in active
        if isinstance(one, Asked) and one.recordings == tuple(recordings)
        for choice in one.choices
    }
    return [choice for choice in choices if choice not in running]
