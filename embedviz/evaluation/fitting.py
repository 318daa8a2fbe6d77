"""One fit of a probe: taught on some rows, asked about others, for several settings at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from embedviz.data import FloatArray
from embedviz.evaluation.results import IntArray
from embedviz.neighbours import prepared

Fitted = Any
"""A scikit-learn estimator, which has no types."""
RowNumbers = npt.NDArray[np.intp]

_EXACT_WIDTH = 2048
_EXACT_ROWS = 2048
_MOST_STEPS = 2000
_SMALL = 1 << 22
"""Numbers up to which threads of the linear algebra cost more than they save."""
_MOST_PRODUCTS = 1 << 39
"""Products of one fold's search for neighbours; beyond it a part of the training rows is asked."""
_BLOCK_ROWS = 2048


@dataclass(frozen=True)
class Said:
    """What a probe says of M units."""

    predicted: IntArray
    """(M,) class numbers."""
    scores: FloatArray | None
    """(M, 2) probabilities or shares of votes. None of more classes: of a thousand they would fill
    the memory, and nothing is asked of them."""

    @classmethod
    def by(cls, scores: FloatArray) -> Said:
        """Give the class of the highest score (M, C)."""
        return cls(scores.argmax(axis=1), scores if scores.shape[1] == 2 else None)


def fit_and_predict(
    vectors: FloatArray,
    truth: IntArray,
    trained: RowNumbers,
    tested: RowNumbers,
    *,
    settings: Sequence[int],
    probe: str,
    classes: int,
    seed: int,
    first: Fitted = None,
    tell: Callable[[float], None] = lambda share: None,
) -> tuple[list[Said], str]:
    """Train on some rows and give, for each setting, what it says of others; and a note.

    `tell` hears the share that is done before each thing that takes long.
    """
    tell(0.0)
    if len(np.unique(truth[trained])) == 1:
        alone = np.zeros((len(tested), classes), np.float32)
        alone[:, truth[trained[0]]] = 1
        return [Said.by(alone) for _ in settings], ""
    note = ""
    if probe == "nearest":
        trained, note = _affordable(trained, len(tested) * vectors.shape[1], seed)
    seen = np.array(vectors[trained], np.float32)
    asked = np.array(vectors[tested], np.float32)
    if first is not None:
        from sklearn.base import clone

        begun = clone(first).fit(seen)
        seen, asked = (np.asarray(begun.transform(part), np.float32) for part in (seen, asked))
    if probe == "nearest":
        return _nearest(seen, truth[trained], asked, settings, classes, tell), note
    return _logistic(seen, truth[trained], asked, settings, classes, tell, seed=seed)


def calm(numbers: int) -> AbstractContextManager[object]:
    """Keep fits of so few numbers in one thread, because many would wait for each other."""
    if numbers >= _SMALL:
        return nullcontext()
    limits: AbstractContextManager[object] = _controller().limit(limits=1)
    return limits


@cache
def _controller() -> Fitted:
    """Look once for the libraries that have threads, which takes longer than a small fit."""
    import sklearn.linear_model  # noqa: F401 (loads them)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _logistic(
    seen: FloatArray,
    truth: IntArray,
    asked: FloatArray,
    settings: Sequence[int],
    classes: int,
    tell: Callable[[float], None],
    *,
    seed: int,
) -> tuple[list[Said], str]:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, width = seen.shape
    most = max(1, min(max(settings), width, rows - 1))
    solver = _solver(rows, width)
    turned = make_pipeline(
        StandardScaler(copy=False), PCA(most, svd_solver=solver, random_state=seed)
    )
    # Vectors that are all alike have no variance, and PCA divides by it to tell shares of it.
    with np.errstate(invalid="ignore"):
        seen = turned.fit_transform(seen)
    asked = turned.transform(asked)
    found, note = [], ""
    for done, setting in enumerate(settings):
        tell((done + 1) / (len(settings) + 1))
        regression = LogisticRegression(C=1.0, max_iter=_MOST_STEPS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            regression.fit(np.ascontiguousarray(seen[:, :setting]), truth)
        if regression.n_iter_.max() >= _MOST_STEPS:
            note = f"A logistic regression was stopped after {_MOST_STEPS:,} steps."
        scores = np.zeros((len(asked), classes), np.float32)
        scores[:, regression.classes_] = regression.predict_proba(asked[:, :setting])
        found.append(Said.by(scores))
    return found, note


def _solver(rows: int, width: int) -> str:
    """Choose the exact PCA that suits the shape, or the randomised one, which is seeded."""
    if rows <= _EXACT_ROWS:
        return "full"
    return "covariance_eigh" if width <= _EXACT_WIDTH else "randomized"


def _affordable(trained: RowNumbers, products: int, seed: int) -> tuple[RowNumbers, str]:
    """Draw training rows where comparing all with what is tested would take too long."""
    most = max(1, _MOST_PRODUCTS // max(1, products))
    if len(trained) <= most:
        return trained, ""
    drawn = np.sort(np.random.default_rng(seed).choice(trained, most, replace=False))
    return drawn, (
        f"Neighbours were looked for among {most:,} training rows, drawn from {len(trained):,} "
        "in each fold."
    )


def _nearest(
    seen: FloatArray,
    truth: IntArray,
    asked: FloatArray,
    settings: Sequence[int],
    classes: int,
    tell: Callable[[float], None],
) -> list[Said]:
    """Search once for the largest k; the neighbours of a smaller k are the first of these."""
    from sklearn.neighbors import NearestNeighbors

    both = prepared(np.concatenate([seen, asked]), "cosine")
    units, queries = both[: len(seen)], both[len(seen) :]
    most = min(max(settings), len(seen))
    search = NearestNeighbors(n_neighbors=most, algorithm="brute").fit(units)
    found: list[list[Said]] = [[] for _ in settings]
    for start in range(0, len(asked), _BLOCK_ROWS):
        tell(start / len(asked))
        part = slice(start, start + _BLOCK_ROWS)
        near = truth[search.kneighbors(queries[part], return_distance=False)]
        for setting, parts in zip(settings, found, strict=True):
            parts.append(Said.by(_votes(near[:, :setting], classes)))
    return [_together(parts) for parts in found]


def _together(parts: Sequence[Said]) -> Said:
    scores = [one.scores for one in parts if one.scores is not None]
    return Said(
        np.concatenate([one.predicted for one in parts]),
        np.concatenate(scores) if scores else None,
    )


def _votes(near: IntArray, classes: int) -> FloatArray:
    """Give the share of votes (M, C) of the classes of neighbours (M, k), nearest first."""
    rows, k = near.shape
    # Less than half a vote all together: they decide between equals only.
    ranks = np.linspace(1, 0, k, endpoint=False) / (2 * k * k)
    votes = np.zeros((rows, classes), np.float64)
    np.add.at(votes, (np.arange(rows)[:, np.newaxis], near), 1 + ranks)
    return np.asarray(votes / votes.sum(axis=1, keepdims=True), np.float32)
