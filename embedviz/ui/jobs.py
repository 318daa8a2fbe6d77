"""Long work, one piece at a time, apart from any page.

One worker thread serves the whole process because neither TensorFlow nor UMAP may be used from
two threads. A job outlives the page and the session that asked for it: `queue().of(owner)`
finds it again.
"""

from __future__ import annotations

import errno
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition, Lock, Thread
from typing import Any, Literal

from embedviz.errors import Cancelled, EmbedvizError
from embedviz.ui.pace import Pace
from embedviz.ui.pace import Update as Update

State = Literal["queued", "running", "done", "failed", "stopped"]
Turn = Literal["next", "idle"]
"""`next` waits for the jobs before it, `idle` until nobody has wanted anything for a while."""

KEEP_FINISHED = 100
IDLE_S = 5.0
"""Seconds without work before an `idle` job may start."""

logger = logging.getLogger("embedviz")


Report = Callable[[Update], None]
Work = Callable[[Report], Any]


@dataclass(eq=False)
class Job:
    """One piece of work and what has become of it."""

    owner: str
    title: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: State = "queued"
    update: Update = Update(0, 0)
    message: str = ""
    """One sentence for the user where the job failed or was stopped."""
    result: Any = None
    started_s: float | None = None
    """When it started and ended, by `time.monotonic`."""
    finished_s: float | None = None
    stopping: bool = False
    """Whether it was asked to stop."""
    asked: object = field(default=None, repr=False)
    """What the work was given, to tell while it is active whether the same is wanted again."""
    then: Callable[[], object] | None = field(default=None, repr=False)
    """Called once when no work is left to do, also where it never began."""
    _pace: Pace = field(default_factory=Pace, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("queued", "running")

    @property
    def elapsed_s(self) -> float:
        """Seconds that it has been running, or ran."""
        if self.started_s is None:
            return 0.0
        return (self.finished_s or time.monotonic()) - self.started_s

    @property
    def rate(self) -> float | None:
        """Units a second; None until it can be told."""
        return self._pace.rate if self.state == "running" else None

    @property
    def eta_s(self) -> float | None:
        """Seconds left; None until it can be told."""
        if self.state != "running":
            return None
        return self._pace.left_s(self.update.total, time.monotonic())

    def cancel(self) -> None:
        """Stop it: at once while it waits, at its next report while it runs."""
        with self._lock:
            self.stopping = True
            if self.state != "queued":
                return
            self._end("stopped", message="Stopped before it began.")
        # Not under the lock: it may delete many files.
        self._tidy()

    def report(self, update: Update) -> None:
        """Note how far the work is.

        Raises
        ------
        Cancelled
            The job was asked to stop.
        """
        if self.stopping:
            raise Cancelled("Stopped; what was finished until then is kept.")
        if update.unit != self.update.unit:
            self._pace = Pace()
        self._pace.add(update.done, time.monotonic())
        self.update = update

    def run(self, work: Work) -> None:
        """Do the work and note how it ended; nothing is raised."""
        with self._lock:
            if self.state != "queued":
                return
            self.state, self.started_s = "running", time.monotonic()
        try:
            self._end("done", result=self._worked(work))
        except Cancelled as error:
            self._end("stopped", message=str(error))
        except EmbedvizError as error:
            self._end("failed", message=str(error))
        # Even SystemExit: a worker that dies would leave every later job waiting.
        except BaseException as error:
            logger.exception("Job %r failed", self.title)
            self._end("failed", message=_sentence(error))

    def _worked(self, work: Work) -> object:
        try:
            return work(self.report)
        finally:
            self._tidy()

    def _tidy(self) -> None:
        then, self.then = self.then, None
        try:
            if then is not None:
                then()
        # What the work has made is there all the same.
        except Exception:
            logger.exception("What job %r no longer needs is still there", self.title)

    def _end(self, state: State, *, message: str = "", result: object = None) -> None:
        self.message, self.result, self.finished_s = message, result, time.monotonic()
        # Thousands of recordings may hang on it.
        self.asked = None
        self.state = state


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


def _sentence(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "The memory of this machine was not enough; try fewer recordings at once."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full; free some space and start again."
    return (
        f"It ended with an error inside embedviz ({type(error).__name__}); "
        "the log of the server says more."
    )


# Made with the module: two first visitors at once cannot make two.
_QUEUE = Queue()
