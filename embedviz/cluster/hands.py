"""One worker as the driver holds it: a Ray actor, and the answers that are awaited from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedviz.cluster.orders import Order, Task
from embedviz.cluster.places import Places
from embedviz.cluster.worker import Worker
from embedviz.errors import EmbedvizError
from embedviz.progress import Progress

_GRACE_S = 5.0
"""For workers to end by themselves when the run is stopped, and clean up behind them."""


@dataclass(eq=False)
class Hand:
    """A worker that loads its models, works on a task, or waits for one."""

    actor: Any
    call: Any
    """The answer to `load` or `work`; None while it waits."""
    task: Task | None = None
    unfit: EmbedvizError | None = None
    """Why it gets no work. It stays, so that nobody else is hired for its place on the node."""
    _look: Any = None

    def begin(self, task: Task) -> None:
        """Give it a task."""
        self.task, self.call, self._look = task, self.actor.work.remote(task), None

    def look(self) -> Mapping[str, Progress] | None:
        """Give how far it is with its task, if it said so since the last time; never waits."""
        import ray
        from ray.exceptions import RayError

        if self.task is None:
            return None
        if self._look is None:
            self._look = self.actor.look.remote()
        if not ray.wait([self._look], timeout=0)[0]:
            return None
        asked, self._look = self._look, None
        try:
            shard, seen = ray.get(asked)
        except RayError:  # its work tells why
            return None
        found: Mapping[str, Progress] = seen
        return found if shard == self.task.shard else None


def hire(order: Order, room: Places, *, example: Path, environment: Mapping[str, str]) -> Hand:
    """Ask the cluster for a worker, which loads its models as soon as there is room for it."""
    import ray

    actor: Any = (
        ray.remote(Worker)
        .options(
            num_cpus=room.cpus,
            num_gpus=room.gpus,
            max_concurrency=2,  # `look` and `stop` beside `work`
            scheduling_strategy="SPREAD",
        )
        .remote(order, room.cpus, environment)
    )
    return Hand(actor, actor.load.remote(example))


def let_go(hands: Sequence[Hand]) -> None:
    """End workers; those at work get a few seconds to clean up."""
    import ray

    at_work = [hand for hand in hands if hand.task is not None]
    for hand in at_work:
        hand.actor.stop.remote()
    if at_work:
        ray.wait([hand.call for hand in at_work], num_returns=len(at_work), timeout=_GRACE_S)
    for hand in hands:
        ray.kill(hand.actor)


def reason(error: Exception) -> str:
    """Give the line of Ray's message that says what happened: the end of a traceback, if any."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[-1 if any("Traceback" in line for line in lines) else 0].rstrip(".")
