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
    """Of these recordings; not those that could not even be gathered."""
    number: int = 0
    """Of the recording at hand, counted from 1; short ones before it may wait for their batch."""


Report = Callable[[Progress], None]
"""Called often; raising from it stops the run, and what was finished is kept."""


class Meter:
    """Counts the seconds of sound that went through and reports them."""

    def __init__(self, recordings: Sequence[Recording], report: Report | None) -> None:
        self._report = report
        self._recordings = len(recordings)
        self._total_s = sum(recording.duration_s for recording in recordings)
        self._before_s = self._done_s = 0.0
        self._recording: Recording | None = None
        self._begun = self._finished = self._failures = 0

    def begin(self, recording: Recording) -> None:
        """Start a recording; all of the one before has been taken in."""
        self._leave()
        self._recording = recording
        self._begun += 1
        self._say()

    def counted(self, blocks: Iterable[FloatArray], rate_hz: int) -> Iterator[FloatArray]:
        """Pass blocks of the recording through, reporting after each."""
        samples = 0
        for block in blocks:
            yield block
            samples += len(block)
            assert self._recording is not None
            self._done_s = min(samples / rate_hz, self._recording.duration_s)
            self._say()

    def finish(self, failures: int) -> None:
        """Count a recording as done; so many have failed by now."""
        self._finished += 1
        self._failures = failures
        if self._finished == self._recordings:
            self._leave()
        self._say()

    def _leave(self) -> None:
        if self._recording is not None:
            self._before_s += self._recording.duration_s
        self._recording, self._done_s = None, 0.0

    def _say(self) -> None:
        if self._report is None:
            return
        self._report(
            Progress(
                recording=self._recording.name if self._recording else "",
                recording_done_s=self._done_s,
                recording_s=self._recording.duration_s if self._recording else 0.0,
                done_s=self._before_s + self._done_s,
                total_s=self._total_s,
                recordings_done=self._finished,
                recordings=self._recordings,
                failures=self._failures,
                number=self._begun,
            )
        )
