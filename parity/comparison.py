"""How far our vectors and features are from the reference's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parity.reference import Answer

Array = npt.NDArray[np.generic]

LEAST_SPREAD = 0.05
"""Least relative distance between the vectors of different sounds; below it the random network
hears everything alike, and agreement would prove nothing."""


@dataclass(frozen=True)
class Agreement:
    """One row of the table."""

    model: str
    variant: str
    per: str
    reference: str
    versions: str
    sounds: int
    rows: int
    feature_error: float | None
    feature_limit: float
    feature_unit: str
    vector_error: float
    vector_limit: float
    cosine: float
    spread: float
    fault: str = ""
    """Why nothing could be compared, or what is wrong beyond the numbers."""

    @property
    def passed(self) -> bool:
        """Whether every number is within its limit."""
        features = self.feature_error is None or self.feature_error <= self.feature_limit
        return not self.fault and features and self.vector_error <= self.vector_limit


@dataclass(frozen=True)
class Errors:
    """The largest errors over some answers."""

    feature: float | None
    vector: float
    cosine: float
    spread: float
    rows: int
    fault: str = ""


def compare(pairs: Iterable[tuple[Answer, Answer]]) -> Errors:
    """Compare (reference, ours) pairs of answers to the same sounds."""
    features: list[float] = []
    vectors: list[float] = []
    cosines: list[float] = []
    first: list[Array] = []
    rows = 0
    for theirs, ours in pairs:
        problem = _problem(theirs, ours)
        if problem:
            return Errors(None, np.inf, -1.0, 0.0, rows, f"{theirs.name}: {problem}")
        if theirs.features is not None and ours.features is not None:
            features.append(_largest(ours.features, theirs.features))
        vectors.append(float(relative(ours.vectors, theirs.vectors).max()))
        cosines.append(float(cosine(ours.vectors, theirs.vectors).min()))
        first.append(theirs.vectors[len(theirs.vectors) // 2])
        rows += len(theirs.vectors)
    spread = _spread(np.stack(first))
    fault = (
        ""
        if len(first) < 2 or spread >= LEAST_SPREAD
        else f"the random network hears all sounds alike (spread {spread:.1e})"
    )
    feature = max(features, default=None)
    return Errors(feature, max(vectors), min(cosines), spread, rows, fault)


def relative(found: Array, wanted: Array) -> npt.NDArray[np.float64]:
    """Give |found - wanted| / |wanted| of every row."""
    a, b = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    errors: npt.NDArray[np.float64] = np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)
    return errors


def cosine(found: Array, wanted: Array) -> npt.NDArray[np.float64]:
    """Give the cosine of every row."""
    a, b = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    values: npt.NDArray[np.float64] = (a * b).sum(axis=1) / norms
    return values


def _problem(theirs: Answer, ours: Answer) -> str:
    if ours.vectors.shape != theirs.vectors.shape:
        return f"vectors of shape {ours.vectors.shape}, the reference's {theirs.vectors.shape}"
    if not np.isfinite(theirs.vectors).all() or not np.isfinite(ours.vectors).all():
        return "vectors that are not finite"
    both = theirs.features is not None and ours.features is not None
    if both and ours.features.shape != theirs.features.shape:
        return f"features of shape {ours.features.shape}, the reference's {theirs.features.shape}"
    return ""


def _largest(found: Array, wanted: Array) -> float:
    return float(np.abs(np.asarray(found, np.float64) - np.asarray(wanted, np.float64)).max())


def _spread(vectors: Array) -> float:
    """Give the smallest relative distance between two of the vectors (N, D)."""
    values = np.asarray(vectors, np.float64)
    distances = np.linalg.norm(values[:, None] - values[None], axis=2)
    distances /= np.linalg.norm(values, axis=1)[:, None]
    np.fill_diagonal(distances, np.inf)
    return float(distances.min())
