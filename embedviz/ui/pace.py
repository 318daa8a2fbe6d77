"""How far a job is, how fast it goes and how long it will take."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Update:
    """How far a job is; its work reports one of these now and then."""

    done: float
    total: float
    unit: str = ""
    """What `done` counts, for example `recordings`; `s` are seconds of sound."""
    detail: str = ""
    """One line on what is being worked on, for example the recording's name."""
    detail_fraction: float | None = None
    """How far that is, 0 to 1."""

    @property
    def fraction(self) -> float:
        """The share done, 0 to 1."""
        return min(max(self.done / self.total, 0.0), 1.0) if self.total > 0 else 0.0


class Pace:
    """How fast something grows: the mean of the last seconds, older ones counting ever less."""

    MEMORY_S = 8.0
    SETTLE_S = 1.0
    """Seconds to watch before saying anything."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._grown = 0.0
        self._seconds = 0.0

    def add(self, done: float, now_s: float) -> None:
        """Note that `done` units are there at `now_s`."""
        if self._last is not None and done >= self._last[0]:
            seconds = now_s - self._last[1]
            kept = math.exp(-seconds / self.MEMORY_S)
            self._grown = self._grown * kept + done - self._last[0]
            self._seconds = self._seconds * kept + seconds
        self._last = (done, now_s)

    @property
    def rate(self) -> float | None:
        """Units a second; None until it can be told."""
        if self._seconds < self.SETTLE_S or self._grown <= 0:
            return None
        return self._grown / self._seconds

    def left_s(self, total: float, now_s: float) -> float | None:
        """Seconds until `total`; None until it can be told."""
        if self._last is None or self.rate is None:
            return None
        left = (total - self._last[0]) / self.rate - (now_s - self._last[1])
        # An end that is overdue is still ahead.
        return max(left, 1.0)
