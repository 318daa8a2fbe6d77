"""Evaluations made by hand, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from embedviz.evaluation.results import (
    Clustered,
    Confound,
    Corrected,
    Difference,
    Evaluation,
    Made,
    Point,
    Probed,
    Score,
    Task,
    Trusted,
    Units,
)

FOLDS = ("1", "2", "3")
MODELS = {"YAMNet": 0.9, "EfficientAT (mn04)": 0.94, "log-mel": 0.6}
"""Title of a model -> the share that it gets right."""


def around(value: float, width: float = 0.04) -> Score:
    """A score with an interval around it."""
    return Score(value, max(value - width, 0.0), min(value + width, 1.0))


def probed(
    model: str, probe: str, units: Units, classes: int, *, right: float, seed: int
) -> Probed:
    """A model that gets a share of the units right, and takes the others for any class."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(units.truth)) >= right
    guessed = (units.truth + rng.integers(1, classes, len(units.truth))) % classes
    said = np.where(wrong, guessed, units.truth)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (units.truth, said), 1)
    hits = said == units.truth
    value = float(hits.mean())
    keys = ["accuracy", "balanced_accuracy", "macro_f1"]
    keys += ["roc_auc", "average_precision"] if classes == 2 else []
    steps = [2, 5, 10, 20, 40, 80] if probe == "logistic" else [1, 3, 5, 10, 25]
    last = steps[-1]
    return Probed(
        model=model,
        probe=probe,
        setting=40 if probe == "logistic" else 5,
        scores={key: around(value - 0.013 * n) for n, key in enumerate(keys)},
        fold_accuracy=tuple(float(hits[units.fold == n].mean()) for n in range(len(FOLDS))),
        confusion=confusion,
        predicted=said,
        by_setting=tuple(Point(x, around(value * (0.6 + 0.4 * x / last))) for x in steps),
        by_labelled=tuple(Point(x, around(value * (0.5 + 0.5 * x / 160))) for x in (10, 40, 160)),
        baseline=model == "log-mel",
    )


def evaluation(
    classes: Sequence[str] = ("rain", "dog", "rooster", "clock tick"),
    *,
    models: dict[str, float] = MODELS,
    each: int = 12,
    windows: int = 1,
    label: str = "label",
) -> Evaluation:
    """Everything found, for `each` recordings a class with `windows` units each."""
    count = len(classes) * each * windows
    truth = np.arange(count) // (each * windows)
    recordings = np.arange(count) // windows
    units = Units(
        recording=tuple(f"clip{n:03d}.wav" for n in recordings),
        start_s=tuple(0.48 * (n % windows) for n in range(count)),
        stop_s=tuple(0.48 * (n % windows) + 0.96 for n in range(count)),
        truth=truth,
        fold=recordings % len(FOLDS),
    )
    task = Task(
        label=label,
        group="recording",
        pooling="window" if windows > 1 else "mean",
        classes=tuple(classes),
        counts=tuple(np.bincount(truth).tolist()),
        recordings=len(classes) * each,
        folds=FOLDS,
        split="The column fold was used as it is.",
        majority=1 / len(classes),
        left_out=("Two recordings have no label.",),
    )
    found = tuple(
        probed(model, probe, units, len(classes), right=right, seed=3 * n + (probe == "nearest"))
        for n, (model, right) in enumerate(models.items())
        for probe in ("logistic", "nearest")
    )
    return Evaluation(
        task=task,
        units=units,
        probed=found,
        differences=differences(found),
        clustered=tuple(clusters(model) for model in models),
        trusted=tuple(trust(model) for model in models),
        confounds=tuple(one for model in models for one in confounds(model)),
        corrected=tuple(corrected(model) for model in models),
        notes=("Clips of one recording share a fold.",),
        made=made(models),
    )


def differences(found: Sequence[Probed]) -> tuple[Difference, ...]:
    """Every pair with the same probe; within 0.1 they cannot be told apart."""
    pairs = [(a, b) for n, a in enumerate(found) for b in found[n + 1 :] if a.probe == b.probe]
    gap = [a.scores["accuracy"].value - b.scores["accuracy"].value for a, b in pairs]
    return tuple(
        Difference(a.model, b.model, a.probe, Score(over, over - 0.1, over + 0.1))
        for (a, b), over in zip(pairs, gap, strict=True)
    )


def clusters(model: str) -> Clustered:
    return Clustered(model, "HDBSCAN", 11, 0.125, 0.611, 0.702, float("nan"))


def trust(model: str) -> Trusted:
    sentence = "What lies close together belongs together; distances between islands say nothing."
    return Trusted(model, "umap", 10, 0.961, 0.953, 0.482, 0.042, 0.713, 5, sentence)


def confounds(model: str) -> tuple[Confound, ...]:
    warning = f"{model} predicts the folder better than the label." if model == "YAMNet" else ""
    return (
        Confound(model, "folder", "classes", around(0.97, 0.01), 0.25, 0.81, warning),
        Confound(model, "loudness", "number", around(0.34, 0.1), 0.0, 0.31),
    )


def corrected(model: str) -> Corrected:
    return Corrected(model, "without the first 2 principal components", around(0.9), around(0.87))


def made(models: dict[str, float]) -> Made:
    sets = {
        model: {
            "file": f"{model}.parquet",
            "sha256": "ab" * 32,
            "rows": 48,
            "dimensions": 1024,
            "weights": {"weights.h5": "cd" * 32},
            "verified": model != "YAMNet",
        }
        for model in models
    }
    command = "embedviz evaluate yamnet.parquet --label label --seed 0 --out report.html"
    versions = {"embedviz": "0.1.0", "scikit-learn": "1.9.1"}
    return Made(command, 0, versions, sets, "2026-11-21T18:00:00+00:00")


def only(found: Evaluation, *parts: str) -> Evaluation:
    """The evaluation with these parts of the optional ones."""
    optional = ("differences", "clustered", "trusted", "confounds", "corrected", "notes")
    bare = replace(found, **{part: () for part in optional if part not in parts})
    return bare if "made" in parts else replace(bare, made=None)
