"""Ctrl-C that nobody swallows.

TensorFlow builds and traces networks through bare `except:` clauses. Where one of them catches
the interrupt, the run goes on as if nothing had been pressed, or ends with another error.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


@contextmanager
def noticed() -> Iterator[Callable[[], None]]:
    """Give a function that raises `KeyboardInterrupt` if Ctrl-C was pressed since the beginning.

    Whatever error ends the block after Ctrl-C becomes `KeyboardInterrupt`.
    """
    pressed = False

    def handler(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    # Python gives signals to the main thread only; a command in the background hears none.
    before = signal.getsignal(signal.SIGINT)
    heard = current_thread() is main_thread() and before is not signal.SIG_IGN
    if heard:
        signal.signal(signal.SIGINT, handler)
    try:
        yield check
    except Exception as error:
        if pressed:
            raise KeyboardInterrupt from error
        raise
    finally:
        if heard:
            signal.signal(signal.SIGINT, before)
