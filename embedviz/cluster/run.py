"""The whole of an embedding run on a cluster: connect, share out, finish."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from embedviz.cluster.crew import Crew
from embedviz.cluster.orders import Order, Task
from embedviz.cluster.places import Places, connected, living_nodes, places
from embedviz.cluster.tally import Tally
from embedviz.data import Recording
from embedviz.errors import RecordingError, SetError
from embedviz.partitions import Outcome, Parts, begin, finish, finished, part_name
from embedviz.plans import Plan, planned
from embedviz.progress import Progress
from embedviz.shards import shards
from embedviz.storage import Folder, folder, is_url

CARRIED = (
    "EMBEDVIZ_WEIGHTS",
    "EMBEDVIZ_CACHE",
    "EMBEDVIZ_MEMORY_GB",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""Variables that hold for the workers too where they are set for the driver."""


@dataclass
class _Shelf:
    """The parts of one model: what is there, and what comes in."""

    where: Folder
    plan: Plan
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """Part name -> what became of its shard."""

    def result(self, failures: Mapping[str, str], heard: int) -> Parts | RecordingError:
        """Finish the folder, or say why there is nothing in it."""
        outcomes = [self.outcomes[name] for name in sorted(self.outcomes)]
        found = [outcome.part for outcome in outcomes if outcome.part is not None]
        failed = dict(failures)
        for outcome in outcomes:
            failed |= outcome.failures
        if not found:
            first = next(iter(failed.values()), "No recordings were given.")
            return RecordingError(f"Not one of {heard} recordings could be heard. {first}")
        return finish(self.where, self.plan, parts=found, failures=failed)


def embed_with_ray(
    recordings: Sequence[Recording],
    order: Order,
    *,
    address: str | None = None,
    failures: Mapping[str, str] | None = None,
    cpus: int | None = None,
    gpus: float | None = None,
    progress: Callable[[str, Progress], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, Parts | RecordingError]:
    """Embed recordings on a Ray cluster, each model into a set in parts.

    The vectors are those of `embed_to_files`: the same bytes with the same number of threads, the
    same but for the last bit of some values with another one. Parts that are there already are
    kept; a lost worker is replaced, and its shard is tried again, three times at most.

    Parameters
    ----------
    recordings
        On storage that every node sees under the same path.
    order
        Models, settings and the folders of the parts.
    address
        See `places.connected`.
    failures
        Recordings that failed before, by name, to be kept with the sets.
    cpus, gpus
        Of a worker; see `places.places`.
    progress
        Is told the name of a model and how far it is with what was left to do; raising from it
        stops the run, and finished parts are kept.
    say
        Is told sentences about lost workers and parts that are there already.

    Returns
    -------
        By model: what lies in its folder, or why not one recording could be heard.

    Raises
    ------
    EmbedvizError
        If Ray, a model, its weights or the recordings cannot be had, or another run's parts are
        in a folder.
    """
    say = say or (lambda sentence: None)
    # The workers' current folder is another one.
    recordings = [replace(one, path=one.path.absolute()) for one in recordings]
    order = replace(order, folders={name: _seen(to) for name, to in order.folders.items()})
    pieces = shards(recordings)
    if not pieces:
        return {model: RecordingError("No recordings were given.") for model in order.variants}
    with connected(address):
        crew = Crew(
            order,
            example=recordings[0].path,
            count=partial(_room, cpus, gpus),
            most=len(pieces),
            environment={name: os.environ[name] for name in CARRIED if name in os.environ},
            say=say,
        )
        try:
            asked = crew.first().asked
            shelves = {
                model: _shelf(order.folders[model], planned(recordings, asked[model]))
                for model in order.variants
            }
            tasks = _missing(pieces, shelves)
            if len(tasks) < len(pieces):
                say(f"{len(pieces) - len(tasks)} of {len(pieces)} shards are there already.")
            crew.work(tasks, tally=Tally(tasks, progress), done=partial(_keep, shelves))
        finally:
            crew.dismiss()
    given = len(recordings) + len(failures or {})
    return {model: shelf.result(failures or {}, given) for model, shelf in shelves.items()}


def _seen(place: str) -> str:
    """Give a place as workers see it."""
    if place.startswith("memory:"):
        raise SetError(
            f"{place} lies in the memory of one process, and workers are others; wanted a path or "
            "an address that every node sees."
        )
    return place if is_url(place) else str(Path(place).absolute())


def _room(cpus: int | None, gpus: float | None) -> Places:
    return places(living_nodes(), cpus=cpus, gpus=gpus)


def _shelf(where: str, plan: Plan) -> _Shelf:
    """Claim a folder and see what is there."""
    place = folder(where)
    begin(place, plan)
    return _Shelf(place, plan, finished(place))


def _missing(pieces: Sequence[tuple[Recording, ...]], shelves: Mapping[str, _Shelf]) -> list[Task]:
    """Give the shards of which a model's part is not there."""
    found: list[Task] = []
    for shard, piece in enumerate(pieces):
        name = part_name(shard)
        models = tuple(model for model, shelf in shelves.items() if name not in shelf.outcomes)
        if models:
            found.append(Task(shard, piece, models))
    return found


def _keep(shelves: Mapping[str, _Shelf], task: Task, outcomes: Mapping[str, Outcome]) -> None:
    for model, outcome in outcomes.items():
        shelves[model].outcomes[part_name(task.shard)] = outcome
