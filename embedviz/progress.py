"""How far an embedding run is, counted in seconds of sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from embedviz.data import FloatArray, Recording


@dataclass(frozen=True)
class Progress:
    """How far an embedding run is, in seconds of sound."""

    recording: str
    recording_done_s: float
    recording_s: float
    done_s: float
    total_s: float
    recordings_done: int
    recordings: int
    failures: int


Report = Callable[[Progress], None]
"""Called often; raising from it stops the run, and what was finished is kept."""


class Meter:
    """Counts the seconds of sound that went through and reports them."""

    def __init__(self, recordings: Sequence[Recording], report: Report | None) -> None:
        self._report = report
        self._recordings = len(recordings)
        self._total_s = sum(recording.duration_s for recording in recordings)
        self._before_s = 0.0
        self._begun = 0
        self._failures = 0

    def begin(self, recording: Recording, failures: int) -> None:
        """Start a recording; so many have failed before it."""
        self._recording = recording
        self._failures = failures
        self._say(0.0, self._begun)

    def counted(self, blocks: Iterable[FloatArray], rate_hz: int) -> Iterator[FloatArray]:
        """Pass blocks through, reporting after each."""
        samples = 0
        for block in blocks:
            yield block
            samples += len(block)
            self._say(min(samples / rate_hz, self._recording.duration_s), self._begun)

    def end(self) -> None:
        """Count a recording as done, also one that failed."""
        self._before_s += self._recording.duration_s
        self._begun += 1
        if self._begun == self._recordings:
            self._say(0.0, self._begun)

    def _say(self, done_s: float, recordings_done: int) -> None:
        if self._report is None:
            return
        self._report(
            Progress(
                recording=self._recording.name,
                recording_done_s=done_s,
                recording_s=self._recording.duration_s,
                done_s=self._before_s + done_s,
                total_s=self._total_s,
                recordings_done=recordings_done,
                recordings=self._recordings,
                failures=self._failures,
            )
        )
