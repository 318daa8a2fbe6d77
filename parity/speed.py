"""Our graph against the official PyTorch code: same weights, same sounds, same threads.

python -m parity.speed [--only pann|passt] [--threads N] [--rounds N]

Each side has a process of its own. They take turns round by round, so that a busy machine slows
both; the best round of each counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from parity.reference import reference
from parity.signals import KINDS, sound

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).parents[1]
RATE_HZ = 32000
CLIP_S = 10
CASES = {"pann": ("windows", "clips"), "passt": ("clips",)}
WORDS = {"windows": "a batch of 40 windows of 1 s", "clips": f"clips of {CLIP_S} s, one by one"}
VARIANTS = {"pann": "cnn14", "passt": "full"}
Work = Callable[[], object]


def clips() -> list[np.ndarray]:
    """Give four clips of ten seconds."""
    return [sound(kind, CLIP_S * RATE_HZ, RATE_HZ) for kind in KINDS]


def batches(case: str) -> list[np.ndarray]:
    """Give what the official code hears at once: each clip, or all windows of a second."""
    if case == "clips":
        return [clip[np.newaxis] for clip in clips()]
    return [np.concatenate(clips()).reshape(-1, RATE_HZ)]


def official(name: str, case: str, folder: Path) -> Work:
    """Write the official file and give the official code's work."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    # The first answer comes after the weights are written.
    next(iter(reference(name).answers(folder, *_checkpoint(name))))
    hear = _pann(folder) if name == "pann" else _passt(folder)
    given = [torch.from_numpy(batch) for batch in batches(case)]

    def work() -> object:
        with torch.no_grad():
            return [hear(batch) for batch in given]

    return work


def _checkpoint(name: str) -> tuple[str, np.random.Generator]:
    checkpoint = "cnn14" if name == "pann" else "swa"
    return checkpoint, np.random.default_rng(0)


def _pann(folder: Path) -> Callable[[torch.Tensor], object]:
    import torch

    from parity.pann import FILES, network

    net = network("cnn14", np.random.default_rng(0))
    net.load_state_dict(torch.load(folder / FILES["cnn14"][0])["model"])
    return net


def _passt(folder: Path) -> Callable[[torch.Tensor], object]:
    import torch

    from parity.passt import FILE, network, wrapped

    net = network(np.random.default_rng(0))
    net.load_state_dict(torch.load(folder / FILE))
    return wrapped(net).get_scene_embeddings


def ours(name: str, case: str, folder: Path) -> Work:
    """Give our work on the same files."""
    from embedviz import load_model

    model = load_model(name, VARIANTS[name], weights=folder)
    if case == "clips":
        sounds = clips()
        return lambda: [model.embed(clip, RATE_HZ, per="recording") for clip in sounds]
    whole = np.concatenate(clips())
    return lambda: model.embed(whole, RATE_HZ, per=1.0)


def serve(side: str, name: str, case: str, folder: Path) -> None:
    """Do the work once for every line that comes in; answer with its seconds."""
    work = (official if side == "official" else ours)(name, case, folder)
    work()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        work()
        print(f"seconds {time.perf_counter() - start}", flush=True)


class Side:
    """One side's process."""

    def __init__(self, side: str, name: str, case: str, folder: Path, threads: int) -> None:
        paths = [str(ROOT), *([str(ROOT / "parity" / "stand_ins")] if side == "official" else [])]
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "parity.speed",
                "--serve",
                side,
                name,
                case,
                str(folder),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "OMP_NUM_THREADS": str(threads),
                "TF_NUM_INTRAOP_THREADS": str(threads),
                "TF_CPP_MIN_LOG_LEVEL": "2",
            },
        )
        self._answer("ready")

    def seconds(self) -> float:
        """Time one round."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._answer("seconds"))

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


def compare(name: str, case: str, threads: int, rounds: int) -> float:
    """Print one model's line; give how many times faster ours is."""
    with TemporaryDirectory(prefix="parity-") as work:
        sides = [Side(side, name, case, Path(work), threads) for side in ("official", "ours")]
        times = np.array([[side.seconds() for side in sides] for _ in range(rounds)])
        for side in sides:
            side.close()
    heard_s = CLIP_S * len(KINDS)
    best = times.min(axis=0)
    ratio = float(best[0] / best[1])
    pairs = np.round(times[:, 0] / times[:, 1], 2)
    print(
        f"{name:6} {WORDS[case]}, {threads} threads: official {heard_s / best[0]:.1f} x real "
        f"time, ours {heard_s / best[1]:.1f} x, ratio {ratio:.2f} "
        f"(rounds {pairs.min():g} to {pairs.max():g})",
        flush=True,
    )
    return ratio


def main() -> None:
    """Compare both models, or serve one side."""
    parser = argparse.ArgumentParser(prog="parity.speed", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=list(CASES))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", nargs=4, metavar=("SIDE", "MODEL", "CASE", "FOLDER"))
    options = parser.parse_args()
    if options.serve:
        side, name, case, folder = options.serve
        serve(side, name, case, Path(folder))
        return
    for name in options.only or CASES:
        for case in CASES[name]:
            compare(name, case, options.threads, options.rounds)


if __name__ == "__main__":
    main()
