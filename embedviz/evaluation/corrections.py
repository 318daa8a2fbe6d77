"""What is left of the label when something is taken out of the vectors.

The first principal components are often what all rows share or what the recorder adds (Mu and
Viswanath, All-but-the-Top, ICLR 2018). The mean of a recording holds its background. Neither needs
labels: components come from training rows alone, a mean from the recording's own rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedviz.data import FloatArray
from embedviz.errors import EvaluationError
from embedviz.evaluation.folds import in_order
from embedviz.evaluation.intervals import score_with_interval
from embedviz.evaluation.loudness import Progress
from embedviz.evaluation.probes import predict_out_of_fold
from embedviz.evaluation.results import Corrected, IntArray, Task, Units
from embedviz.projector.sampling import stratified

COUNTS = (1, 2, 3)
"""First principal components that are taken out."""
MOST_UNITS = 10_000
"""Units that are probed; of more so many are drawn, each class of each fold with its share, because
each correction is a probe of its own."""


class WithoutComponents:
    """A transformer for scikit-learn's pipelines that takes the first components out.

    Parameters
    ----------
    count
        How many; at least one is left.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def __sklearn_clone__(self) -> WithoutComponents:
        """Give an unfitted copy."""
        return WithoutComponents(self.count)

    def fit(self, vectors: FloatArray, truth: object = None) -> WithoutComponents:
        """Find the components of vectors (N, D); the truth is not looked at."""
        from sklearn.decomposition import PCA

        count = min(self.count, vectors.shape[1] - 1, len(vectors) - 1)
        if count < 1:
            raise EvaluationError(
                f"Vectors of shape {vectors.shape} have no component to spare; give longer ones."
            )
        # Vectors that are all alike have no variance, and PCA divides by it to tell shares of it.
        with np.errstate(invalid="ignore"):
            found = PCA(count, random_state=0).fit(vectors)
        self.mean, self.directions = found.mean_, found.components_
        return self

    def transform(self, vectors: FloatArray) -> FloatArray:
        """Give vectors (M, D) without them; their mean stays."""
        along = (vectors - self.mean) @ self.directions.T
        return np.asarray(vectors - along @ self.directions, np.float32)


def without_components(
    vectors: FloatArray, count: int, *, fitted_on: FloatArray | None = None
) -> FloatArray:
    """Give vectors (N, D) without their first principal components.

    Parameters
    ----------
    count
        How many; at least one is left.
    fitted_on
        (M, D) where the components are taken from; None for the vectors themselves.

    Raises
    ------
    EvaluationError
        If `count` is below 1, or the vectors have no component to spare.
    """
    if count < 1:
        raise EvaluationError(f"Found {count} components to take out; wanted 1 or more.")
    found = WithoutComponents(count).fit(vectors if fitted_on is None else fitted_on)
    return found.transform(vectors)


def centred(vectors: FloatArray, keys: Sequence[str]) -> FloatArray:
    """Give vectors (N, D) from which the mean of all rows with the same key (N,) is taken."""
    place = in_order(np.asarray(keys, dtype=str))
    means = np.zeros((int(place.max(initial=-1)) + 1, vectors.shape[1]))
    np.add.at(means, place, vectors)
    means /= np.bincount(place)[:, np.newaxis]
    return np.asarray(vectors - means[place], np.float32)


def corrected(
    title: str,
    vectors: FloatArray,
    units: Units,
    task: Task,
    *,
    groups: IntArray | None = None,
    group_values: Sequence[str] | None = None,
    components: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Corrected, ...]:
    """Give the accuracy of the logistic probe before and after each correction.

    Centring is tried where most units share their recording or group with others.

    Parameters
    ----------
    title
        Of the set.
    vectors
        (U, D) of the units.
    groups
        (U,) what is drawn together for the intervals; None for recordings.
    group_values
        (U,) the site, individual or day of each unit; None where there is no such column.
    components
        Of the probe's PCA; None for its default.
    progress
        Called with (probes done, all); raising from it stops the work.
    """
    fold, said = _drawn(units, seed)
    if groups is None:
        groups = in_order(np.array(units.recording))
    options: dict[str, tuple[FloatArray, Any]] = {"": (vectors, None)}
    for count in COUNTS[: max(0, min(vectors.shape) - 1)]:
        which = "principal component" if count == 1 else f"{count} principal components"
        options[f"without the first {which}{said}"] = vectors, WithoutComponents(count)
    for what, keys in (("recording", units.recording), (task.group, group_values)):
        if keys is not None and f"centred per {what}" not in options and _shared(keys):
            remark = _remark(keys, units.truth)
            options[f"centred per {what}{remark}{said}"] = centred(vectors, keys), None
    scores = {}
    for done, (correction, (given, first)) in enumerate(options.items()):
        if progress:
            progress(done, len(options))
        used = np.flatnonzero(fold >= 0)
        truth = units.truth[used]
        found = predict_out_of_fold(
            given[used], truth, fold[used], setting=components, seed=seed, first=first
        )
        scores[correction] = score_with_interval(
            "accuracy", truth, found.predicted, None, groups[used], seed=seed
        )
    if progress:
        progress(len(options), len(options))
    before = scores.pop("")
    return tuple(Corrected(title, name, before, after) for name, after in scores.items())


def _drawn(units: Units, seed: int) -> tuple[IntArray, str]:
    """Give the folds (U,) of at most `MOST_UNITS`, -1 for the others, and how many those are."""
    used = np.flatnonzero(units.fold >= 0)
    if len(used) <= MOST_UNITS:
        return units.fold, ""
    classes = int(units.truth.max()) + 1
    chosen = used[
        stratified(in_order(units.fold[used] * classes + units.truth[used]), MOST_UNITS, seed=seed)
    ]
    fold = np.full_like(units.fold, -1)
    fold[chosen] = units.fold[chosen]
    return fold, f" ({len(chosen):,} of {len(used):,} units)"


def _shared(keys: Sequence[str]) -> bool:
    """Tell whether most units share their key with two others: enough for a mean."""
    place = in_order(np.asarray(keys, dtype=str))
    held = np.bincount(place)
    return bool(len(held) > 1 and (held[place] > 2).mean() > 0.5)


def _remark(keys: Sequence[str], truth: IntArray) -> str:
    """Warn where centring takes the label out too, because it never changes under a key."""
    known = truth >= 0
    place = in_order(np.asarray(keys, dtype=str)[known])
    pairs = np.unique(np.stack([place, truth[known]]), axis=1)
    alone = len(pairs.T) == int(place.max(initial=-1)) + 1
    return ", each of which has one label, so that it goes too" if alone else ""
