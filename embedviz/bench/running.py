"""Measuring models one after the other, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from tempfile import TemporaryDirectory

from embedviz.bench.measured import Ask, Measured, Setting, from_plain
from embedviz.errors import EmbedvizError, ModelError

CHILD = "embedviz.bench.child"


def run(ask: Ask, step: Callable[[str], None]) -> tuple[Setting, Measured]:
    """Measure one model in a new process; raising from `step` ends that too.

    Raises
    ------
    ModelError
        If the model or this machine cannot do what is asked.
    EmbedvizError
        For all else that `measure` refuses, or if the process ended early.
    """
    with TemporaryDirectory(prefix="embedviz-bench-") as folder, _child() as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps({"ask": asdict(ask), "folder": folder}) + "\n")
        child.stdin.flush()
        for line in child.stdout:
            told = json.loads(line)
            if "error" in told:
                raise (ModelError if told["refused"] else EmbedvizError)(told["error"])
            if "measured" in told:
                known = told["setting"]
                setting = Setting(**known | {"cards": tuple(known["cards"])})
                return setting, from_plain(told["measured"])
            step(told["step"])
    raise EmbedvizError(
        f"Measuring {ask.model} ended early with exit status {child.wait()}; its last words, if "
        "there are any, stand above."
    )


@contextmanager
def _child() -> Iterator[subprocess.Popen[str]]:
    """Start the process, and end it whatever happens."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        # Ctrl-C reaches the parent alone, which ends this one.
        start_new_session=True,
    ) as child:
        try:
            yield child
        except BaseException:
            child.terminate()
            raise
