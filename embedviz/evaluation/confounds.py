"""What else a model's vectors know, and whether that may be why they know the label.

Recordings, folders and sites are asked of the logistic probe, numbers of a ridge regression, both
fitted inside folds. So that things with few and with many classes compare, a score counts as the
part of the way from chance to perfection that it covers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.evaluation.draws import draws
from embedviz.evaluation.intervals import score_with_interval
from embedviz.evaluation.loudness import Progress
from embedviz.evaluation.probes import predict_out_of_fold
from embedviz.evaluation.results import Confound, IntArray, Score, Task
from embedviz.evaluation.things import Thing, Things

COMPONENTS = 50
"""Of the PCA before the ridge regression and the probe: as many as are quick."""
KNOWN = 0.3
"""Of the way from chance to perfection: below it, vectors do not know a thing well enough, or a
thing does not tell the label well enough, to explain a result."""
SHARE = 0.5
"""A thing that covers half of the way that the vectors cover with the label may explain it."""
BETTER = {"classes": 0.1, "number": 0.25}
"""How far a thing must be ahead of the label, its interval's low end before the label's high one.
Loudness and bandwidth, which any vector of sound holds, must be farther ahead than places."""

_PENALTIES = np.logspace(-2, 5, 15)

Parts = dict[bytes, dict[int, tuple[FloatArray, ...]]]
"""Units and folds -> the components of each fold."""


def confounds(
    title: str,
    vectors: FloatArray,
    things: Things,
    task: Task,
    *,
    label_score: Score,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Confound, ...]:
    """Tell how well vectors know each thing, and warn where it may explain what they know.

    Parameters
    ----------
    title
        Of the set.
    vectors
        (U, D) of the units.
    things
        As `embedviz.evaluation.things.things` found them for these units.
    label_score
        Balanced accuracy of the logistic probe on the label, out of fold.
    progress
        Called with (things done, all); raising from it stops the work.
    """
    found = []
    parts: Parts = {}
    for done, thing in enumerate(things.found):
        if progress:
            progress(done, len(things.found))
        if thing.kind == "classes":
            score = _asked_classes(vectors, thing, seed)
        else:
            score = _asked_number(vectors, thing, seed, parts)
        chance = 1 / thing.classes if thing.kind == "classes" else 0.0
        warning = _warning(title, thing, score, chance, label_score, task)
        found.append(
            Confound(title, thing.what, thing.kind, score, chance, thing.tied_to_label, warning)
        )
    if progress:
        progress(len(things.found), len(things.found))
    return tuple(found)


def _asked_classes(vectors: FloatArray, thing: Thing, seed: int) -> Score:
    """Give the balanced accuracy of the logistic probe."""
    used = np.flatnonzero(thing.fold >= 0)
    truth = np.unique(thing.values[used], return_inverse=True)[1].astype(np.int64)
    said = predict_out_of_fold(
        vectors[used], truth, thing.fold[used], setting=COMPONENTS, seed=seed
    ).predicted
    groups = thing.groups[used]
    return score_with_interval("balanced_accuracy", truth, said, None, groups, seed=seed)


def _asked_number(vectors: FloatArray, thing: Thing, seed: int, parts: Parts) -> Score:
    """Give the share of variance that a ridge regression explains in recordings it never saw."""
    from sklearn.linear_model import RidgeCV

    used = np.flatnonzero(thing.fold >= 0)
    truth, fold = thing.values[used], thing.fold[used]
    asked = fold.tobytes() + used.tobytes()
    if asked not in parts:
        parts[asked] = _parts(vectors[used], fold, seed)
    said = np.empty(len(used))
    for number, (seen, tested) in parts[asked].items():
        regression = RidgeCV(_PENALTIES).fit(seen, truth[fold != number])
        said[fold == number] = regression.predict(tested)
    return _explained(truth, said, thing.groups[used], seed)


def _parts(vectors: FloatArray, fold: IntArray, seed: int) -> dict[int, tuple[FloatArray, ...]]:
    """Give the components of each fold's training and tested vectors.

    Numbers known of the same units share them: they are most of the work.
    """
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found: dict[int, tuple[FloatArray, ...]] = {}
    for number in np.unique(fold).tolist():
        seen, tested = vectors[fold != number], vectors[fold == number]
        most = min(COMPONENTS, seen.shape[1], len(seen) - 1)
        reduce = make_pipeline(StandardScaler(), PCA(most, random_state=seed)).fit(seen)
        found[number] = (reduce.transform(seen), reduce.transform(tested))
    return found


def _explained(
    truth: npt.NDArray[np.float64],
    said: npt.NDArray[np.float64],
    groups: IntArray,
    seed: int,
) -> Score:
    """Give R² with the 2.5 and 97.5 percentiles of draws of groups; below 0 counts as 0."""
    place = np.unique(groups, return_inverse=True)[1]
    centred = truth - truth.mean()
    sums = np.stack(
        [np.bincount(place, values) for values in
         (np.ones_like(truth), centred, np.square(centred), np.square(truth - said))]
    )  # fmt: skip

    def share(count_to_error: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        count, first, second, error = count_to_error.T
        return np.asarray(np.maximum(0, 1 - error / np.maximum(second - first**2 / count, 1e-12)))

    drawn = np.concatenate([share(weights @ sums.T) for weights in draws(sums.shape[1], seed=seed)])
    low, high = np.percentile(drawn, [2.5, 97.5])
    value = float(share(sums.sum(axis=1)[np.newaxis])[0])
    return Score(value, min(value, float(low)), max(value, float(high)))


def _way(value: float, chance: float) -> float:
    """Give the part of the way from chance to perfection."""
    return max(0.0, (value - chance) / (1 - chance))


def _warning(
    title: str, thing: Thing, score: Score, chance: float, label_score: Score, task: Task
) -> str:
    """Give one sentence where the thing may explain the result, else nothing."""
    label_chance = 1 / len(task.classes)
    label, label_high = (_way(one, label_chance) for one in (label_score.value, label_score.high))
    known = _way(score.low, chance)
    tied = 0.0 if np.isnan(thing.tied_to_label) else _way(thing.tied_to_label, label_chance)
    heard = f"{title} predicts {thing.said} {_worded(thing, score.value, chance)}"
    # Recordings, and values of the group column, are never on both sides of a split here, so a
    # label that never changes within one is no way to learn it.
    apart = thing.what in ("recording", task.group)
    if not apart and known >= KNOWN and tied >= max(KNOWN, SHARE * label):
        alone = _percent(thing.tied_to_label, label_chance)
        return (
            f"{thing.said[0].upper()}{thing.said[1:]} may explain the result: it alone tells "
            f"{task.label!r} with a balanced accuracy of {alone}, and {heard}."
        )
    if known >= KNOWN and known - label_high >= BETTER[thing.kind]:
        return (
            f"{heard}, better than {task.label!r} "
            f"({_percent(label_score.value, label_chance)}): neighbours may be alike by "
            f"{thing.said} and not by what is heard."
        )
    return ""


def _worded(thing: Thing, value: float, chance: float) -> str:
    if thing.kind == "classes":
        return f"with a balanced accuracy of {_percent(value, chance)}"
    return f"with {value:.0%} of its variance explained"


def _percent(value: float, chance: float) -> str:
    return f"{value:.0%}, chance {chance:.0%}"
