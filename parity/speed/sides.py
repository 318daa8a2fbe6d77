"""One side of a comparison in a process of its own, which works once for every line it is sent.

python -m parity.speed.sides official|ours CASE FOLDER
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from parity.reference import reference
from parity.speed.cases import CASES, Case

ROOT = Path(__file__).parents[2]
WEIGHTS, SOUNDS = "weights", "sounds"


class Took(NamedTuple):
    """What one round took."""

    seconds: float
    processor_s: float
    """Of all threads; a busy machine changes it little."""


class Side:
    """A side's process, ready to work."""

    def __init__(self, side: str, number: int, folder: Path, threads: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "parity.speed.sides", side, str(number), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(side, CASES[number], threads),
        )
        self._answer("ready")

    def round(self) -> Took:
        """Let it work once."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Took(*map(float, self._answer("took").split()))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self, word: str) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:  # official code talks too
            if line.startswith(word):
                return line.removeprefix(word).strip()
        raise SystemExit("a side of the comparison ended early; its words stand above")


def _environment(side: str, case: Case, threads: int) -> dict[str, str]:
    paths = [str(ROOT)]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "NUMBA_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    if side == "official":
        environment |= case.environment
        paths.append(str(ROOT / "parity" / "stand_ins"))
    return environment | {"PYTHONPATH": os.pathsep.join(paths)}


def official(case: Case, folder: Path) -> Callable[[], object]:
    """Write the official file and give the official code's work."""
    weights = folder / WEIGHTS
    weights.mkdir()
    answers = reference(case.model).answers(weights, case.checkpoint, np.random.default_rng(0))
    next(iter(answers))  # the first answer comes after the file is written
    if not case.environment:
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    work = case.official(weights)
    paths = sorted((folder / SOUNDS).iterdir())
    return lambda: work(paths)


def ours(case: Case, folder: Path) -> Callable[[], object]:
    """Give our work on the same files: the set that `embedviz embed` makes."""
    from embedviz import audio, load_model
    from embedviz.bench.pipeline import end_to_end

    weights = folder / WEIGHTS
    model = load_model(case.model, case.variant, weights=weights, precision=case.precision)
    paths = sorted((folder / SOUNDS).iterdir())
    return lambda: end_to_end(model, [audio.inspect(path) for path in paths], folder, per=case.per)


def main() -> None:
    """Work once to warm up, then once for every line that comes in."""
    side, number, folder = sys.argv[1:]
    work = (official if side == "official" else ours)(CASES[int(number)], Path(folder))
    work()
    print("ready", flush=True)
    for _ in sys.stdin:
        start, busy = time.perf_counter(), time.process_time()
        work()
        took = Took(time.perf_counter() - start, time.process_time() - busy)
        print("took", took.seconds, took.processor_s, flush=True)


if __name__ == "__main__":
    main()
