"""Long work, one piece at a time, apart from any page.

One worker thread serves the whole process because neither TensorFlow nor UMAP may be used from
two threads. A job outlives the page and the session that asked for it: `queue().of(owner)`
finds it again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import Literal

from embedviz.ui.job import Job, Work

Turn = Literal["next", "idle"]
"""`next` waits for the jobs before it, `idle` until nobody has wanted anything for a while."""

KEEP_FINISHED = 100
IDLE_S = 5.0
"""Seconds without work before an `idle` job may start."""


class Queue:
    """The jobs of all owners and the one thread that works them off."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._jobs: dict[str, Job] = {}
        self._waiting: dict[Turn, deque[tuple[Job, Work]]] = {"next": deque(), "idle": deque()}
        self._running: Job | None = None
        self._quiet_since = time.monotonic()
        self._changed = Condition()
        self._worker: Thread | None = None
        self._closed = False

    def submit(
        self,
        work: Work,
        *,
        owner: str,
        title: str,
        turn: Turn = "next",
        asked: object = None,
        then: Callable[[], object] | None = None,
    ) -> Job:
        """Put work into the queue.

        Parameters
        ----------
        work
            Called in the worker thread with a function that takes an `Update`; that function
            raises `Cancelled` when the user stops the job. What it returns is the job's result.
        owner
            The token of the workspace that may see the job.
        title
            What it does, in the user's words: `Embedding 240 recordings with YAMNet`.
        turn
            When it may start.
        asked
            What the work is given, kept as `Job.asked` while the job is active.
        then
            Called once when no work is left to do, however it ended and also where the job was
            stopped before it began.
        """
        job = Job(owner, title, asked=asked, then=then)
        with self._changed:
            self._forget_old()
            self._jobs[job.id] = job
            self._waiting[turn].append((job, work))
            if self._worker is None:
                self._closed = False
                self._worker = Thread(target=self._work, name="embedviz-jobs", daemon=True)
                self._worker.start()
            self._changed.notify()
        return job

    def of(self, owner: str) -> list[Job]:
        """Give the jobs of one owner, oldest first, with the last that ended."""
        with self._changed:
            return [job for job in self._jobs.values() if job.owner == owner]

    def ahead(self, job: Job) -> int:
        """Count the jobs that come before a waiting one."""
        with self._changed:
            line = [other for other, _ in self._waiting["next"] if other.state == "queued"]
            if job.state != "queued":
                return 0
            place = line.index(job) if job in line else len(line)
            return place + (self._running not in (None, job))

    def forget(self, job: Job) -> None:
        """Leave a finished job out from now on."""
        with self._changed:
            if not job.active:
                self._jobs.pop(job.id, None)

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop every job and the worker; wait for it no longer than `timeout_s`."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                job.cancel()
            self._changed.notify()
        if self._worker is not None:
            self._worker.join(timeout_s)
            self._worker = None

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            job, work = taken
            job.run(work)
            # The last references to what the work held, which may be whole sets.
            del taken, work
            with self._changed:
                self._running = None
                self._quiet_since = time.monotonic()

    def _take(self) -> tuple[Job, Work] | None:
        with self._changed:
            while not self._closed:
                idle_in_s = self._quiet_since + self._idle_s - time.monotonic()
                for turn in ("next", "idle") if idle_in_s <= 0 else ("next",):
                    if self._waiting[turn]:
                        taken = self._waiting[turn].popleft()
                        self._running = taken[0]
                        return taken
                self._changed.wait(max(idle_in_s, 0.01) if self._waiting["idle"] else None)
            return None

    def _forget_old(self) -> None:
        ended = [job for job in self._jobs.values() if not job.active]
        for job in ended[:-KEEP_FINISHED]:
            del self._jobs[job.id]


def queue() -> Queue:
    """Give the queue of this process."""
    return _QUEUE


# Made with the module: two first visitors at once cannot make two.
_QUEUE = Queue()
