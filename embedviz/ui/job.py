"""One piece of long work: how far it is, how to stop it, what became of it."""

from __future__ import annotations

import errno
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

from embedviz.errors import Cancelled, EmbedvizError
from embedviz.ui.pace import Pace, Update

State = Literal["queued", "running", "done", "failed", "stopped"]
Report = Callable[[Update], None]
"""What work tells its progress to; it raises `Cancelled` where the work was asked to stop."""
Work = Callable[[Report], Any]

logger = logging.getLogger("embedviz")


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
            self._end("stopped", message=str(error), result=error.made)
        except EmbedvizError as error:
            self._end("failed", message=str(error))
        # Even SystemExit: a worker that dies would leave every later job waiting.
        except BaseException as error:
            logger.exception("Job %r failed", self.title)
            self._end("failed", message=sentence_for(error))

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


def sentence_for(error: BaseException) -> str:
    """Say what went wrong where nobody foresaw it."""
    if isinstance(error, MemoryError):
        return "The memory of this machine was not enough; try fewer recordings at once."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full; free some space and start again."
    return (
        f"It ended with an error inside embedviz ({type(error).__name__}); "
        "the log of the server says more."
    )
