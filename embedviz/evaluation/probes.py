"""Probes: simple classifiers that show what vectors hold, fitted inside each fold.

`logistic`: `StandardScaler`, `PCA` without whitening, `LogisticRegression(C=1)`. With all
components the PCA only turns the vectors, which an L2 penalty does not notice, so k components
differ from none by what is left out and by nothing else. `nearest`: a vote of the k nearest
training vectors by cosine, ties going to the class of the nearest of them.

For many settings the scaler and the PCA are fitted, and the neighbours searched, once a fold: the
first k components are the same for any k.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from embedviz.data import FloatArray
from embedviz.errors import EvaluationError
from embedviz.evaluation.fitting import Fitted, calm, fit_and_predict
from embedviz.evaluation.results import PROBES, IntArray

COMPONENTS = 128
NEIGHBOURS = 5
DEFAULTS = {"logistic": COMPONENTS, "nearest": NEIGHBOURS}

_PARTS = 100
"""Steps of progress in a fold."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Predicted:
    """What a probe said of every unit when it was tested, U units of C classes."""

    predicted: IntArray
    """(U,) class numbers; -1 where not tested."""
    scores: FloatArray | None
    """(U, 2) probabilities or shares of votes, NaN where not tested; None of more classes."""
    setting: int
    """Components or neighbours: as asked, or as many as every fold can have."""
    note: str = ""
    """A sentence where less was done than asked."""


def predict_out_of_fold(
    vectors: FloatArray,
    truth: IntArray,
    fold: IntArray,
    *,
    probe: str = "logistic",
    setting: int | None = None,
    seed: int = 0,
    first: Fitted = None,
    progress: Progress | None = None,
) -> Predicted:
    """Predict every unit by a probe that saw only the other folds.

    Parameters
    ----------
    vectors
        (U, D)
    truth
        (U,) class numbers, 0 to C - 1.
    fold
        (U,) the fold in which a unit is tested; -1: neither trained on nor tested.
    probe
        A key of `PROBES`.
    setting
        Components of the PCA or neighbours asked; None takes `DEFAULTS`.
    seed
        Of whatever is drawn.
    first
        A scikit-learn transformer that each fold fits, on its training units, before all else.
    progress
        Called with (done, total); raising from it stops the work.

    Raises
    ------
    EvaluationError
        If the probe or the setting cannot be had.
    """
    settings = [DEFAULTS.get(probe, 1) if setting is None else setting]
    return predict_for_settings(
        vectors,
        truth,
        fold,
        settings=settings,
        probe=probe,
        seed=seed,
        first=first,
        progress=progress,
    )[0]


def predict_for_settings(
    vectors: FloatArray,
    truth: IntArray,
    fold: IntArray,
    *,
    settings: Sequence[int],
    probe: str = "logistic",
    seed: int = 0,
    first: Fitted = None,
    progress: Progress | None = None,
) -> list[Predicted]:
    """Give what `predict_out_of_fold` gives for each of several settings, sharing their work."""
    if probe not in PROBES:
        raise EvaluationError(f"The probe {probe!r} is not one of {', '.join(PROBES)}.")
    if min(settings) < 1:
        raise EvaluationError(f"Found {min(settings)} as a setting of the probe; wanted 1 or more.")
    used = np.flatnonzero(fold >= 0)
    numbers = np.unique(fold[used])
    if len(numbers) < 2:
        raise EvaluationError("A probe is tested on other folds than it is trained on; found one.")
    most = largest_setting(vectors.shape[1], fold, probe)
    asked = [min(setting, most) for setting in settings]
    classes = int(truth[used].max()) + 1
    found = [
        Predicted(
            np.full(len(truth), -1, np.int64),
            np.full((len(truth), 2), np.nan, np.float32) if classes == 2 else None,
            setting,
        )
        for setting in asked
    ]
    tell = progress or (lambda done, total: None)
    notes: list[str] = []
    for done, number in enumerate(numbers):

        def told(share: float, before: int = done) -> None:
            tell(round((before + share) * _PARTS), len(numbers) * _PARTS)

        trained, tested = used[fold[used] != number], used[fold[used] == number]
        with calm(vectors.size):
            parts, note = fit_and_predict(
                vectors,
                truth,
                trained,
                tested,
                settings=asked,
                probe=probe,
                classes=classes,
                seed=seed,
                first=first,
                tell=told,
            )
        notes.append(note)
        for one, part in zip(found, parts, strict=True):
            one.predicted[tested] = part.predicted
            if one.scores is not None and part.scores is not None:
                one.scores[tested] = part.scores
    tell(len(numbers) * _PARTS, len(numbers) * _PARTS)
    return [replace(one, note=max(notes, key=len)) for one in found]


def largest_setting(width: int, fold: IntArray, probe: str) -> int:
    """Give the most components or neighbours that the training units of every fold have."""
    held = np.bincount(fold[fold >= 0])
    fewest = int(held.sum() - held.max())
    return max(1, min(width, fewest - 1)) if probe == "logistic" else max(1, fewest)
