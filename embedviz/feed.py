"""One thread that decodes for all models of a run, a few blocks ahead of the slowest of them.

A recording is decoded once, and resampled once for every rate that a model wants. What a model
has heard before is not decoded for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Any

from embedviz import audio
from embedviz.cache import Kept
from embedviz.data import FloatArray, Recording
from embedviz.errors import Cancelled, RecordingError

AHEAD = 16
"""Blocks, at most ten seconds each, that lie ready for a model."""
_PATIENCE_S = 0.2
"""How often somebody who waits looks whether the run was stopped."""


@dataclass(frozen=True)
class Wish:
    """What one model wants of a recording."""

    rate_hz: int
    kept: Callable[[Recording, str], Kept | None]
    """A recording, the SHA-256 of its bytes -> what the model heard of it before."""


class Sound:
    """A recording's sound at one rate, on its way; it can be gone through once."""

    def __init__(self, take: Callable[[], Any]) -> None:
        self._take = take
        self._ended = False

    def __iter__(self) -> Iterator[FloatArray]:
        """Give the blocks (n,), or raise why there are no more."""
        while not self._ended:
            item = self._take()
            if isinstance(item, _End):
                self._ended = True
                if item.error is not None:
                    raise item.error
            else:
                yield item

    def leave(self) -> None:
        """Let the rest go by."""
        while not self._ended:
            self._ended = isinstance(self._take(), _End)


@dataclass(frozen=True)
class Arrival:
    """A recording as one model gets it: what was kept of it, else its sound."""

    recording: Recording
    sha256: str
    """Empty where the file could not be read."""
    kept: Kept | None
    sound: Sound


@dataclass(frozen=True)
class _Begin:
    recording: Recording
    sha256: str
    kept: Kept | None


@dataclass(frozen=True)
class _End:
    error: BaseException | None = None


class Feed:
    """Recordings on their way to several models; a context manager, which ends the thread.

    Parameters
    ----------
    recordings
        In order.
    wishes
        One for each model.
    channel
        The channel to hear, counted from 1; None mixes all by their mean.
    """

    def __init__(
        self, recordings: Sequence[Recording], wishes: Sequence[Wish], channel: int | None
    ) -> None:
        self._recordings, self._wishes, self._channel = recordings, wishes, channel
        self._queues: list[Queue[Any]] = [Queue(AHEAD) for _ in wishes]
        self._stop = Event()
        self._thread = Thread(target=self._produce, name="embedviz-decoding", daemon=True)

    def __enter__(self) -> Feed:
        """Start to decode."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop decoding, wherever it is."""
        self.stop()
        self._thread.join()

    def stop(self) -> None:
        """Let everybody who gives or takes give up."""
        self._stop.set()

    def arrivals(self, model: int) -> Iterator[Arrival]:
        """Give the recordings as the model with this number wants them."""
        queue = self._queues[model]
        while not isinstance(item := self._take(queue), _End):
            sound = Sound(lambda: self._take(queue))
            yield Arrival(item.recording, item.sha256, item.kept, sound)
            if item.kept is None:
                sound.leave()
        if item.error is not None:
            raise item.error

    def _take(self, queue: Queue[Any]) -> Any:  # noqa: ANN401 (blocks and marks)
        while True:
            try:
                return queue.get(timeout=_PATIENCE_S)
            except Empty:
                if self._stop.is_set():
                    raise Cancelled("Stopped; what was finished until then is kept.") from None

    def _give(self, queue: Queue[Any], item: object) -> None:
        while True:
            try:
                queue.put(item, timeout=_PATIENCE_S)
            except Full:
                if self._stop.is_set():
                    raise _Stopped from None
            else:
                return

    def _produce(self) -> None:
        error: BaseException | None = None
        try:
            for recording in self._recordings:
                self._send(recording)
        except _Stopped:
            return
        # Whatever it is, it belongs to those who wait; here nobody would see it.
        except BaseException as raised:
            error = raised
        try:
            for queue in self._queues:
                self._give(queue, _End(error))
        except _Stopped:
            return

    def _send(self, recording: Recording) -> None:
        error: RecordingError | None = None
        before = None
        try:
            before = audio.state(recording.path, recording.name)
            sha256 = audio.sha256(recording.path, recording.name)
        except RecordingError as raised:
            sha256, error = "", raised
        hearing: list[tuple[Queue[Any], int]] = []
        for queue, wish in zip(self._queues, self._wishes, strict=True):
            kept = wish.kept(recording, sha256) if error is None else None
            self._give(queue, _Begin(recording, sha256, kept))
            if kept is None:
                hearing.append((queue, wish.rate_hz))
        if hearing and error is None:
            error = self._decode(recording, hearing, before)
        for queue, _ in hearing:
            self._give(queue, _End(error))

    def _decode(
        self,
        recording: Recording,
        hearing: Sequence[tuple[Queue[Any], int]],
        before: tuple[int, int] | None,
    ) -> RecordingError | None:
        """Give the blocks of a recording to those who wait for them, or why they end early."""
        rates = sorted({rate_hz for _, rate_hz in hearing})
        try:
            for rate_hz, block in audio.blocks_at(recording, rates, channel=self._channel):
                for queue, wanted_hz in hearing:
                    if wanted_hz == rate_hz:
                        self._give(queue, block)
            # What was heard would be kept under the name of the bytes that were there before.
            if audio.state(recording.path, recording.name) != before:
                return audio.changed(recording.name)
        except RecordingError as error:
            return error
        return None


class _Stopped(Exception):  # noqa: N818 (no error)
    """The run was stopped while the thread had something to give."""
