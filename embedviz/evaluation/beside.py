"""Models beside each other: as one, by their differences, and beside the commonest class."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from embedviz.data import EmbeddingSet, FloatArray
from embedviz.evaluation.fitting import Fitted
from embedviz.evaluation.intervals import (
    difference_with_interval,
    low_of_best,
    score_with_interval,
)
from embedviz.evaluation.probes import predict_out_of_fold
from embedviz.evaluation.results import Difference, Probed, Score
from embedviz.evaluation.units import Gathered

MOST_IN_PAIRS = 3
"""Of more models than these only all together are joined: their pairs would hide the models."""


def ensembles(members: Sequence[str]) -> list[tuple[str, ...]]:
    """Give which models are joined: every pair of a few, and all together."""
    if len(members) < 2:
        return []
    pairs = combinations(members, 2) if len(members) <= MOST_IN_PAIRS else ()
    return list(dict.fromkeys([*pairs, tuple(members)]))


def differences(found: Sequence[Probed], asked: Gathered, seed: int) -> tuple[Difference, ...]:
    """Compare every pair of models with the same probe, on the same draws of groups."""
    right = [one.predicted == asked.units.truth for one in found]
    return tuple(
        Difference(
            found[a].model,
            found[b].model,
            found[a].probe,
            difference_with_interval(right[a], right[b], asked.groups, seed=seed),
        )
        for a, b in combinations(range(len(found)), 2)
        if found[a].probe == found[b].probe
    )


def beside_majority(found: Sequence[Probed], asked: Gathered) -> str:
    """Warn where no model, as the best of all found, is surely better than the commonest class."""
    task = asked.task
    if any(low_of_best(one.scores["accuracy"], len(found)) > task.majority for one in found):
        return ""
    commonest = task.classes[int(np.argmax(task.counts))]
    return (
        f"No model is more accurate for certain than always saying {commonest!r}, which is "
        f"right in {task.majority:.1%}; look at balanced accuracy and macro F1."
    )


def label_score(
    found: Sequence[Probed], title: str, vectors: FloatArray, asked: Gathered, seed: int
) -> Score:
    """Give the balanced accuracy of a set's logistic probe, also where that was not asked for."""
    metric = "balanced_accuracy"
    for one in found:
        if (one.model, one.probe) == (title, "logistic"):
            return one.scores[metric]
    truth = asked.units.truth
    said = predict_out_of_fold(vectors, truth, asked.units.fold, seed=seed).predicted
    return score_with_interval(metric, truth, said, None, asked.groups, seed=seed)


def unverified(title: str, embedding_set: EmbeddingSet) -> str:
    """Say where the weights of a set may be others than the published ones."""
    if embedding_set.provenance.verified:
        return ""
    return f"{title} was made with weights that are not known to be the published ones."


def side_by_side(widths: Sequence[int]) -> Fitted:
    """Give a transformer that standardises parts of vectors and lets each weigh the same."""
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import StandardScaler

    ends = np.cumsum(widths)
    parts = {
        str(place): slice(int(end - width), int(end))
        for place, (width, end) in enumerate(zip(widths, ends, strict=True))
    }
    return ColumnTransformer(
        [(name, StandardScaler(), columns) for name, columns in parts.items()],
        transformer_weights={
            name: 1 / np.sqrt(width) for name, width in zip(parts, widths, strict=True)
        },
    )
