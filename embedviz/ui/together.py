"""How far several models are that hear the same recordings, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from embedviz.progress import Progress
from embedviz.ui.job import Report
from embedviz.ui.pace import Update


class Together:
    """Tells a job how far its models are: the mean of them, in seconds of the recordings' sound."""

    def __init__(self, titles: Sequence[str], report: Report) -> None:
        self._several, self._report = len(titles) > 1, report
        self._now: dict[str, Progress | None] = dict.fromkeys(titles)
        self._lock = Lock()

    def __call__(self, title: str, now: Progress) -> None:
        """Note how far one model is; the one that is behind is described.

        Raises
        ------
        Cancelled
            The job was asked to stop.
        """
        with self._lock:
            self._now[title] = now
            known = {model: one for model, one in self._now.items() if one is not None}
            done_s = sum(one.done_s for one in known.values()) / len(self._now)
            behind = min(known, key=lambda model: known[model].done_s)
            self._report(self._update(behind, known[behind], done_s))

    def _update(self, title: str, now: Progress, done_s: float) -> Update:
        parts = [f"{now.number:,} of {now.recordings:,}", now.recording]
        parts.append(title if self._several else "")
        parts.append(f"{now.failures:,} could not be read" if now.failures else "")
        # In seconds of sound, so that it moves in long recordings too.
        share = now.recording_done_s / now.recording_s if now.recording_s else 0.0
        return Update(done_s, now.total_s, "s", " · ".join(filter(None, parts)), share)
