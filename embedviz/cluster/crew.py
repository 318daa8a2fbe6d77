"""The workers as the driver sees them: hired, given shards, watched, replaced when lost."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import cast

import embedviz
from embedviz.cluster.hands import Hand, hire, let_go, reason
from embedviz.cluster.orders import Loaded, Order, Task
from embedviz.cluster.places import Places
from embedviz.cluster.tally import Tally
from embedviz.errors import EmbedvizError
from embedviz.partitions import Outcome

TRIES = 3
"""A shard with which so many workers were lost, or failed, is given up."""
_LOOK_S = 0.5
_COUNT_S = 10.0
_PATIENCE_S = 60.0


class Crew:
    """As many workers as a cluster has room for, and no more than there is work for.

    Parameters
    ----------
    order
        What each of them does with a shard.
    example
        A recording that each of them must be able to read.
    count
        Gives the room that the cluster has now; asked again and again, because nodes come and go.
    most
        More workers than that are never needed.
    environment
        Variables that hold for the workers too.
    say
        Is told, in a sentence, what a user may want to know: lost workers, waiting for nodes.
    """

    def __init__(
        self,
        order: Order,
        *,
        example: Path,
        count: Callable[[], Places],
        most: int,
        environment: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        self._order, self._example, self._count = order, example, count
        self._most, self._environment, self._say = most, environment, say
        self._hands: list[Hand] = []
        self._todo: deque[Task] = deque()
        self._loaded: Loaded | None = None
        self._lost_loading = 0
        self._unsaid: list[str] = []
        self._tries: Counter[int] = Counter()
        self._places, self._counted = count(), time.monotonic()
        self._tally = Tally((), None)
        self._done: Callable[[Task, dict[str, Outcome]], None] = lambda task, outcomes: None

    def first(self) -> Loaded:
        """Wait for the first worker whose models are loaded, and give what it says."""
        patience = time.monotonic() + _PATIENCE_S
        while self._loaded is None:
            self._step()
            if time.monotonic() > patience:
                patience = math.inf
                self._say(
                    f"No worker of {self._places.cpus} CPUs and {self._places.gpus:g} GPUs is "
                    f"ready after {_PATIENCE_S:g} s; the cluster may be busy with other work."
                )
        return self._loaded

    def welcome(self, loaded: Loaded) -> None:
        """Refuse a worker whose vectors would be others than the first one's.

        Raises
        ------
        EmbedvizError
            If it has another version of embedviz, or other weights.
        """
        if loaded.version != embedviz.__version__:
            raise EmbedvizError(
                f"{loaded.node} has embedviz {loaded.version}, this machine "
                f"{embedviz.__version__}; install the same on every node."
            )
        self._loaded = self._loaded or loaded
        if loaded.asked != self._loaded.asked:
            raise EmbedvizError(
                f"{loaded.node} and {self._loaded.node} have other weights of the same model; "
                "copy them from one to the other, or share the folder of weights."
            )

    def work(
        self,
        tasks: Iterable[Task],
        *,
        tally: Tally,
        done: Callable[[Task, dict[str, Outcome]], None],
    ) -> None:
        """Have every task done; `done` is told of each, also of those that were given up.

        Raises
        ------
        EmbedvizError
            If no worker has the models and the recordings, or a folder cannot be written.
        """
        self._todo.extend(tasks)
        self._most = len(self._todo)
        self._tally, self._done = tally, done
        while self._todo or any(hand.task for hand in self._hands):
            self._step()
        tally.report()

    def dismiss(self) -> None:
        """End all workers; one at work gets a few seconds to clean up."""
        let_go(self._hands)
        self._hands = []

    def _step(self) -> None:
        """Give out work, wait a moment for what comes back, and look how far the others are."""
        import ray

        self._hire()
        faults = [hand.unfit for hand in self._hands if hand.unfit]
        if faults and len(faults) == len(self._hands):
            raise faults[0]
        for hand in self._hands:
            if hand.call is None and hand.unfit is None and self._todo:
                hand.begin(self._todo.popleft())
        awaited = {hand.call: hand for hand in self._hands if hand.call is not None}
        for call in ray.wait(list(awaited), timeout=_LOOK_S)[0]:
            self._settle(awaited[call])
        # Said where others go on; where none does, it is why the run ends.
        while self._loaded and self._unsaid:
            self._say(self._unsaid.pop(0))
        self._look()

    def _hire(self) -> None:
        if time.monotonic() - self._counted > _COUNT_S:
            self._places, self._counted = self._count(), time.monotonic()
        unfit = sum(hand.unfit is not None for hand in self._hands)
        while len(self._hands) < min(self._places.workers, self._most + unfit):
            self._hands.append(
                hire(
                    self._order,
                    self._places,
                    example=self._example,
                    environment=self._environment,
                )
            )

    def _settle(self, hand: Hand) -> None:
        """Take what a worker gave back, or find out why it gave nothing."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        call, task = hand.call, hand.task
        hand.call = hand.task = None
        try:
            answer = ray.get(call)
        except RayTaskError as error:
            cause = cast(Exception, error.cause)
            if task is None:
                self._do_without(hand, cause)
            else:
                self._failed(task, cause)
        except RayError as error:
            self._lost(hand, task, error)
        else:
            if task is None:
                self._loaded_by(hand, answer)
            else:
                self._finished(task, answer)

    def _loaded_by(self, hand: Hand, loaded: Loaded) -> None:
        try:
            self.welcome(loaded)
        except EmbedvizError as error:
            self._do_without(hand, error)

    def _do_without(self, hand: Hand, error: Exception) -> None:
        """Give no work to a worker that cannot do it; the run ends where no other is left."""
        if not isinstance(error, EmbedvizError):
            error = EmbedvizError(f"A worker could not load the models ({_named(error)}).")
        hand.unfit = error
        self._unsaid.append(f"One worker gets no work. {error}")

    def _finished(self, task: Task, outcomes: dict[str, Outcome]) -> None:
        self._tally.add(task, outcomes)
        self._done(task, outcomes)
        self._tally.report()

    def _failed(self, task: Task, error: Exception) -> None:
        """Try a shard again whose worker is well; a full disk is not tried for ever."""
        if self._tries[task.shard] + 1 == TRIES and isinstance(error, EmbedvizError):
            raise error
        self._again(task, _named(error))

    def _lost(self, hand: Hand, task: Task | None, error: Exception) -> None:
        """Let go of a worker whose process or node is gone; `_hire` finds another."""
        import ray

        self._hands.remove(hand)
        ray.kill(hand.actor)
        why = reason(error)
        if task is not None:
            self._again(task, why)
            return
        self._lost_loading += 1
        if self._lost_loading >= TRIES and self._loaded is None:
            raise EmbedvizError(
                f"{TRIES} workers were lost while they loaded the models ({why}); look whether "
                "every node has embedviz installed and memory enough for these models."
            ) from error

    def _again(self, task: Task, why: str) -> None:
        """Put a shard first in line, unless it was tried often enough."""
        self._tally.forget(task.shard)
        self._tries[task.shard] += 1
        tries = self._tries[task.shard]
        if tries < TRIES:
            self._say(f"Shard {task.shard} is tried again, {tries + 1} of {TRIES} ({why}).")
            self._todo.appendleft(task)
            return
        given_up = (
            f"its shard was given up after {TRIES} tries ({why}); run again to try once more."
        )
        failures = {one.name: f"{one.name}: {given_up}" for one in task.recordings}
        self._finished(task, {model: Outcome(None, failures) for model in task.models})

    def _look(self) -> None:
        """Take what those at work say of how far they are."""
        for hand in self._hands:
            seen = hand.look()
            if hand.task is not None and seen is not None:
                self._tally.see(hand.task.shard, seen)
        self._tally.report()


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip(": ")
