"""How far all workers of a cluster are, told like the progress of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from embedviz.cluster.orders import Task
from embedviz.partitions import Outcome
from embedviz.progress import Progress


class Tally:
    """Counts, per model, what workers have finished and how far they are with their shards.

    Parameters
    ----------
    tasks
        All that is left to do; what was there before does not count.
    progress
        Is told the name of a model and how far it is.
    """

    def __init__(
        self, tasks: Sequence[Task], progress: Callable[[str, Progress], None] | None
    ) -> None:
        self._progress = progress
        self._done: dict[str, Progress] = {}
        self._at_hand: dict[int, Mapping[str, Progress]] = {}
        for task in tasks:
            for model in task.models:
                before = self._done.get(model, Progress("", 0.0, 0.0, 0.0, 0.0, 0, 0, 0))
                self._done[model] = replace(
                    before,
                    total_s=before.total_s + task.seconds,
                    recordings=before.recordings + len(task.recordings),
                )

    def see(self, shard: int, seen: Mapping[str, Progress]) -> None:
        """Note how far a worker is with a shard."""
        self._at_hand[shard] = seen

    def forget(self, shard: int) -> None:
        """Count nothing for a shard any more, because its worker was lost."""
        self._at_hand.pop(shard, None)

    def add(self, task: Task, outcomes: Mapping[str, Outcome]) -> None:
        """Count a shard as done."""
        self.forget(task.shard)
        for model, outcome in outcomes.items():
            before = self._done[model]
            self._done[model] = replace(
                before,
                recording=task.recordings[-1].name,
                done_s=before.done_s + task.seconds,
                recordings_done=before.recordings_done + len(task.recordings),
                failures=before.failures + len(outcome.failures),
            )

    def report(self) -> None:
        """Tell how far each model is."""
        if self._progress is None:
            return
        for model, done in self._done.items():
            now = [seen[model] for seen in self._at_hand.values() if model in seen]
            last = now[-1] if now else done
            self._progress(
                model,
                replace(
                    done,
                    recording=last.recording,
                    recording_done_s=last.recording_done_s,
                    recording_s=last.recording_s,
                    done_s=done.done_s + sum(one.done_s for one in now),
                    recordings_done=done.recordings_done + sum(one.recordings_done for one in now),
                    failures=done.failures + sum(one.failures for one in now),
                ),
            )
