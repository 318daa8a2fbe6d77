"""What an evaluation finds, as plain values: reports, pages and JSON are made of these alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

METRICS = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
}
"""Key of a score -> its name; the last two exist for two classes only."""
PROBES = {"logistic": "PCA and logistic regression", "nearest": "Nearest neighbours"}
"""Key of a probe -> its name."""


@dataclass(frozen=True)
class Score:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Point:
    """A place of a curve: the score at `x` components, neighbours or labelled recordings."""

    x: float
    score: Score


@dataclass(frozen=True)
class Task:
    """What was asked of every model: the same units, classes and folds."""

    label: str
    """The column of the label."""
    group: str
    """The column whose values are never on both sides of a split."""
    pooling: str
    """`window`: every row is a unit; else how the rows of a recording became one: `mean`, `max`
    or `mean+std`."""
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    """Units of each class."""
    recordings: int
    folds: tuple[str, ...]
    """Names of the folds, in order."""
    split: str
    """A sentence: how the folds were made."""
    majority: float
    """The share of the commonest class: the accuracy of who always says it."""
    left_out: tuple[str, ...] = ()
    """Sentences on units that could not be used: no label, a class with one recording, ..."""


@dataclass(frozen=True)
class Units:
    """The things that are classified, U of them, in the order of every `predicted`."""

    recording: tuple[str, ...]
    start_s: tuple[float, ...]
    stop_s: tuple[float, ...]
    truth: IntArray
    """(U,) numbers of the classes."""
    fold: IntArray
    """(U,) the fold in which a unit was tested; -1 for none."""


@dataclass(frozen=True)
class Probed:
    """How well one model's vectors predict the label with one probe."""

    model: str
    """The title of the set."""
    probe: str
    """One of `PROBES`."""
    setting: int
    """Components of the PCA, or neighbours asked."""
    scores: Mapping[str, Score]
    """Keys of `METRICS` -> over all tested units."""
    fold_accuracy: tuple[float, ...]
    """Of each fold of `Task.folds`; NaN for one that tests nothing."""
    confusion: IntArray
    """(C, C) units: truth in rows, prediction in columns."""
    predicted: IntArray
    """(U,) the class predicted when the unit was tested; -1 for none."""
    by_setting: tuple[Point, ...] = ()
    """Accuracy against components or neighbours."""
    by_labelled: tuple[Point, ...] = ()
    """Accuracy against the number of labelled recordings."""
    baseline: bool = False
    """True for log-mel, which every model is held against."""


@dataclass(frozen=True)
class Difference:
    """How much more accurate model `a` is than `b` with the same probe on the same folds."""

    a: str
    b: str
    probe: str
    accuracy: Score
    """Of the difference; an interval that holds 0 says that they cannot be told apart."""


@dataclass(frozen=True)
class Clustered:
    """Clusters of one model's vectors against the label."""

    model: str
    method: str
    """`HDBSCAN` or `k-means`."""
    clusters: int
    unclustered: float
    """The share of rows in no cluster."""
    adjusted_rand: float
    adjusted_mutual_information: float
    silhouette: float
    """Of the clusters, by cosine; NaN where there are fewer than two."""


@dataclass(frozen=True)
class Trusted:
    """What may be read from the map of one model."""

    model: str
    method: str
    """Of the projection."""
    k: int
    trustworthiness: float
    continuity: float
    kept_neighbours: float
    """The share of the k true neighbours that are neighbours on the map too."""
    chance: float
    """What a map without meaning would keep."""
    stability: float
    """The share of neighbours that maps of different seeds agree on; NaN where not measured."""
    seeds: int
    sentence: str
    """What may be read from this map and what not."""


@dataclass(frozen=True)
class Confound:
    """How well one model's vectors predict something that is not the label."""

    model: str
    what: str
    """`recording`, `folder`, a group column, `loudness`, `signal to noise`, `clipping` or
    `bandwidth`."""
    kind: str
    """`classes`: the score is balanced accuracy; `number`: the share of variance explained."""
    score: Score
    chance: float
    tied_to_label: float
    """How well it alone predicts the label: balanced accuracy."""
    warning: str = ""
    """A plain sentence where it may explain the result; empty where not."""


@dataclass(frozen=True)
class Corrected:
    """The probe before and after something was taken out of the vectors."""

    model: str
    correction: str
    """For example `without the first 2 principal components`, `centred per recording`."""
    before: Score
    after: Score
    """Accuracy of the logistic probe."""


@dataclass(frozen=True)
class Made:
    """With what the evaluation was made, so that its reader can repeat it."""

    command: str
    seed: int
    versions: Mapping[str, str]
    sets: Mapping[str, Mapping[str, Any]]
    """Title of a set -> `file`, `sha256`, `rows`, `dimensions`, `weights`, `verified`."""
    made_at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True)
class Evaluation:
    """All that was found."""

    task: Task
    units: Units
    probed: tuple[Probed, ...]
    differences: tuple[Difference, ...] = ()
    clustered: tuple[Clustered, ...] = ()
    trusted: tuple[Trusted, ...] = ()
    confounds: tuple[Confound, ...] = ()
    corrected: tuple[Corrected, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences for the reader: warnings first."""
    made: Made | None = None

    def to_json(self) -> dict[str, Any]:
        """Give plain values for JSON; NaN becomes null."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


@dataclass(frozen=True)
class Progress:
    """How far an evaluation is."""

    done: int
    total: int
    doing: str = ""
    """What is being done, in the user's words."""


def _plain(value: Any) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
