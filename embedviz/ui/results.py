"""Results that jobs compute for the pages: kept for the next look, computed once meanwhile."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import TypeVar, cast

from embedviz.ui.job import Job, Report
from embedviz.ui.jobs import queue

T = TypeVar("T")

KEPT = 32

_found: OrderedDict[str, object] = OrderedDict()
_jobs: dict[str, Job] = {}
_lock = Lock()


def result(key: str, work: Callable[[Report], T], *, owner: str, title: str) -> T | Job:
    """Give what `work` found under this key, or the job that is about it.

    Parameters
    ----------
    key
        Names everything that decides the result, files with their state.
    work, owner, title
        See `embedviz.ui.jobs.Queue.submit`.
    """
    with _lock:
        if key in _found:
            _found.move_to_end(key)
            return cast(T, _found[key])
        job = _jobs.get(key)
        if job is None or job.state == "done":
            job = queue().submit(lambda report: _keep(key, work(report)), owner=owner, title=title)
            _jobs[key] = job
        return job


def at_once(key: str, work: Callable[[], T]) -> T:
    """Give what `work` found under this key; it takes no longer than a page may."""
    with _lock:
        if key in _found:
            _found.move_to_end(key)
            return cast(T, _found[key])
    found = work()
    _keep(key, found)
    return found


def again(job: Job) -> None:
    """Forget a job that failed or was stopped, so that the next look starts a new one."""
    with _lock:
        for key in [key for key, known in _jobs.items() if known is job]:
            del _jobs[key]
    queue().forget(job)


def _keep(key: str, found: object) -> None:
    with _lock:
        _found[key] = found
        _jobs.pop(key, None)
        while len(_found) > KEPT:
            _found.popitem(last=False)
