"""Count how often intervals hold the truth, and time probes of a large set.

`python benchmarks/evaluate.py coverage [sets]`: of so many simulated sets a task, 200 by default.
`python benchmarks/evaluate.py large [rows] [dims]`: 100,000 x 1,024 by default; run it under
`/usr/bin/time -v` for the most memory it held.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from embedviz.data import EmbeddingSet, Provenance
from embedviz.evaluation.evaluate import evaluate
from embedviz.evaluation.fitting import fit_and_predict
from embedviz.evaluation.folds import make_folds
from embedviz.evaluation.intervals import score_with_interval
from embedviz.evaluation.probes import predict_out_of_fold
from embedviz.evaluation.results import Progress

FRESH = 2000
"""Recordings on which the true accuracy is measured."""


@dataclass(frozen=True)
class Simulated:
    """A task whose recordings are drawn: a class has a centre, a recording a place around it."""

    recordings: int
    windows: int
    classes: int = 2
    apart: float = 1.0
    """Standard deviation of the centres of classes."""
    alike: float = 0.5
    """The share of variance that the windows of one recording have in common."""
    dims: int = 16
    weights: tuple[float, ...] = ()
    """Shares of the classes; equal where empty."""

    def draw(
        self, rng: np.random.Generator, centres: np.ndarray, recordings: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give vectors (U, dims), classes (U,) and recordings (U,)."""
        own = rng.choice(self.classes, recordings, p=self.weights or None)
        own[: 2 * self.classes] = np.tile(np.arange(self.classes), 2)
        group = np.repeat(np.arange(recordings), self.windows)
        places = rng.normal(size=(recordings, self.dims)) * np.sqrt(self.alike)
        noise = rng.normal(size=(len(group), self.dims)) * np.sqrt(1 - self.alike)
        return (centres[own[group]] + places[group] + noise).astype(np.float32), own[group], group


TASKS = {
    "easy, 20 recordings of 5 windows": Simulated(20, 5, apart=1.0),
    "easy, 100 recordings of 5 windows": Simulated(100, 5, apart=1.0),
    "easy, 300 recordings of 1 window": Simulated(300, 1, apart=1.0),
    "hard, 20 recordings of 5 windows": Simulated(20, 5, apart=0.2),
    "hard, 100 recordings of 5 windows": Simulated(100, 5, apart=0.2),
    "hard, 300 recordings of 1 window": Simulated(300, 1, apart=0.2),
    "10 classes, 60 recordings of 4 windows": Simulated(60, 4, classes=10, apart=0.6),
    "95 : 5, 100 recordings of 3 windows": Simulated(100, 3, apart=0.5, weights=(0.95, 0.05)),
    "nearly solved, 40 recordings of 5 windows": Simulated(40, 5, apart=1.5),
}


def held(task: Simulated, seed: int, *, metric: str = "accuracy") -> tuple[bool, float]:
    """Tell whether the interval of one drawn set holds the true score, and how wide it is.

    The true score is that of the probes of all folds on `FRESH` recordings none of them saw; a
    probe counts as much as its fold tests.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(task.classes, task.dims)) * task.apart
    vectors, truth, group = task.draw(rng, centres, task.recordings)
    fold = make_folds(truth, group, seed=seed)
    found = predict_out_of_fold(vectors, truth, fold, seed=seed)
    score = score_with_interval(metric, truth, found.predicted, found.scores, group, seed=seed)
    fresh, fresh_truth, _ = task.draw(rng, centres, FRESH)
    every = np.concatenate([vectors, fresh])
    asked = np.arange(len(vectors), len(every))
    right = 0.0
    for number in np.unique(fold[fold >= 0]):
        said, _ = fit_and_predict(
            every,
            np.concatenate([truth, fresh_truth]),
            np.flatnonzero((fold >= 0) & (fold != number)),
            asked,
            settings=[found.setting],
            probe="logistic",
            classes=task.classes,
            seed=seed,
        )
        share = (fold == number).sum() / (fold >= 0).sum()
        right += share * float((said[0].predicted == fresh_truth).mean())
    return score.low <= right <= score.high, score.high - score.low


def coverage(sets: int) -> None:
    """Print for every task how many intervals hold the true accuracy."""
    for name, task in TASKS.items():
        found = [held(task, seed) for seed in range(sets)]
        share, width = np.mean([one for one, _ in found]), np.mean([wide for _, wide in found])
        print(f"{name:45} {share:6.1%} of {sets}, mean width {width:.3f}", flush=True)


def large_set(rows: int, dims: int) -> EmbeddingSet:
    """Give windows of 1,000 recordings of 10 classes, 32 directions of which matter."""
    rng = np.random.default_rng(0)
    recordings = min(1000, rows)
    own = rng.integers(0, 10, recordings)
    centres = rng.normal(size=(10, 32)).astype(np.float32)
    places = rng.normal(size=(recordings, 32)).astype(np.float32)
    mix = rng.normal(size=(32, dims)).astype(np.float32) / 6
    group = np.sort(rng.integers(0, recordings, rows))
    vectors = rng.standard_normal((rows, dims), dtype=np.float32)
    vectors += (centres[own[group]] + places[group]) @ mix
    table = pd.DataFrame(
        {
            "recording": [f"{number:04d}.wav" for number in group],
            "start_s": np.arange(rows) * 1.0,
            "stop_s": np.arange(rows) + 1.0,
            "label": [f"class {own[number]}" for number in group],
        }
    )
    made = Provenance(
        model="drawn",
        variant="default",
        weights={},
        verified=True,
        rate_hz=16000,
        window_s=1.0,
        hop_s=1.0,
        per="window",
        precision="float32",
        version="0",
        label_columns=("label",),
    )
    return EmbeddingSet(table=table, vectors=vectors, provenance=made)


def large(rows: int, dims: int) -> None:
    """Probe a large set and print what was found and how long it took."""
    began, last = time.perf_counter(), ""

    def tell(now: Progress) -> None:
        nonlocal last
        said = f"{100 * now.done // now.total:3d} % {now.doing}"
        if said != last:
            print(f"{time.perf_counter() - began:6.1f} s {said}", flush=True)
            last = said

    found = evaluate({"drawn": large_set(rows, dims)}, "label", parts=("curves",), progress=tell)
    for one in found.probed:
        score = one.scores["accuracy"]
        print(f"{one.model}, {one.probe}: {score.value:.3f} ({score.low:.3f} to {score.high:.3f})")
    for note in found.notes:
        print(note)


if __name__ == "__main__":
    what, *numbers = sys.argv[1:] or ["coverage"]
    sizes = [int(number) for number in numbers]
    if what == "large":
        large(*(sizes or [100_000, 1024]))
    else:
        coverage(*(sizes or [200]))
