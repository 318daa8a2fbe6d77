"""Clusters of vectors against a label: whether the groups that are there are those of the label."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from embedviz.clusters import clusters
from embedviz.data import FloatArray
from embedviz.errors import EvaluationError
from embedviz.evaluation.results import Clustered, IntArray
from embedviz.neighbours import checked, prepared

Progress = Callable[[int, int], None]

METHODS = ("HDBSCAN", "k-means")
COUNTS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)
"""Numbers of clusters among which the best silhouette chooses."""
MOST_TAUGHT = 5000
"""Rows from which k-means takes its centres; of more so many are drawn."""
MOST_COMPARED = 3000
"""Rows whose silhouette is taken, each with all others of them; of more so many are drawn."""


def assigned(
    vectors: FloatArray,
    *,
    method: str = "HDBSCAN",
    count: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> IntArray:
    """Give the cluster of each row (N,), the largest first; -1 where it is in none.

    Vectors are compared by cosine: k-means sees them at length 1.

    Parameters
    ----------
    vectors
        (N, D) finite numbers.
    method
        `HDBSCAN`, which finds how many there are and leaves stray rows out, or `k-means`.
    count
        Of k-means: how many clusters; None takes that of `COUNTS` with the best silhouette.
    seed
        Of the starts of k-means and of what is drawn. HDBSCAN draws nothing.
    progress
        Called with (done, 100); raising from it stops the work.

    Raises
    ------
    EvaluationError
        If the method is unknown or `count` is below 1.
    ProjectionError
        If vectors are not finite.
    """
    if method not in METHODS:
        raise EvaluationError(f"The method {method!r} is not one of {', '.join(METHODS)}.")
    if method == "HDBSCAN":
        return clusters(vectors, progress=progress).astype(np.int64)
    units = prepared(checked(vectors), "cosine")
    if count is None:
        return _best_means(units, seed, progress)
    if count < 1:
        raise EvaluationError(f"Found {count} clusters as wanted; ask for 1 or more.")
    return _means(units, count, seed)


def clustered(
    title: str,
    vectors: FloatArray,
    labels: Sequence[str],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Clustered, ...]:
    """Compare clusters with labels.

    Those of HDBSCAN, of k-means with as many clusters as classes, and of k-means with as many as
    the best silhouette asks for.

    Parameters
    ----------
    title
        Of the set.
    labels
        (N,) rows whose label is empty are in clusters but not compared. Rows in no cluster are
        compared as if they were one more.
    progress
        Called with (done, 100); raising from it stops the work.
    """
    named = np.asarray(labels, dtype=str)
    classes = len(np.unique(named[named != ""]))
    tell = progress or (lambda done, total: None)
    ways: list[tuple[str, Callable[[], IntArray]]] = [
        ("HDBSCAN", lambda: assigned(vectors, progress=lambda done, total: tell(done // 3, 100))),
        (
            "k-means",
            lambda: assigned(vectors, method="k-means", count=max(1, classes), seed=seed),
        ),
        (
            "k-means, best silhouette",
            lambda: assigned(
                vectors,
                method="k-means",
                seed=seed,
                progress=lambda done, total: tell(67 + done // 3, 100),
            ),
        ),
    ]
    units = prepared(checked(vectors), "cosine")
    found = [_compared(title, method, find(), named, units, seed) for method, find in ways]
    tell(100, 100)
    return tuple(found)


def silhouette(vectors: FloatArray, numbers: IntArray, *, seed: int = 0) -> float:
    """Give how much nearer rows lie to their own cluster than to the next one, -1 to 1, by cosine.

    Rows numbered -1 are left out (Rousseeuw 1987). Beyond `MOST_COMPARED` rows so many are drawn;
    NaN where fewer than two clusters, or one a row, are there.
    """
    return _silhouette(prepared(checked(vectors), "cosine"), numbers, seed)


def _compared(
    title: str,
    method: str,
    numbers: IntArray,
    named: npt.NDArray[np.str_],
    units: FloatArray,
    seed: int,
) -> Clustered:
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    known = named != ""
    pair = named[known], numbers[known]
    return Clustered(
        model=title,
        method=method,
        clusters=int(numbers.max(initial=-1)) + 1,
        unclustered=float((numbers < 0).mean()),
        adjusted_rand=float(adjusted_rand_score(*pair)),
        adjusted_mutual_information=float(adjusted_mutual_info_score(*pair)),
        silhouette=_silhouette(units, numbers, seed),
    )


def _silhouette(units: FloatArray, numbers: IntArray, seed: int) -> float:
    from sklearn.metrics import silhouette_score

    rows = np.flatnonzero(numbers >= 0)
    if len(rows) > MOST_COMPARED:
        rows = np.random.default_rng(seed).choice(rows, MOST_COMPARED, replace=False)
    if not 2 <= len(np.unique(numbers[rows])) < len(rows):
        return float("nan")
    # Half the square of the distance of unit vectors is their cosine distance.
    table = np.maximum(1 - units[rows] @ units[rows].T, 0)
    np.fill_diagonal(table, 0)
    return float(silhouette_score(table, numbers[rows], metric="precomputed"))


def _best_means(units: FloatArray, seed: int, progress: Progress | None) -> IntArray:
    """Give the clusters of the number with the best silhouette."""
    rng = np.random.default_rng(seed)
    few = units[rng.permutation(len(units))[:MOST_COMPARED]]
    scores: dict[int, float] = {}
    for done, count in enumerate(COUNTS):
        if progress:
            progress(100 * done // len(COUNTS), 100)
        if count < len(np.unique(few, axis=0)):
            scores[count] = _silhouette(few, _means(few, count, seed), seed)
    return _means(units, max(scores, key=lambda one: scores[one]) if scores else 1, seed)


def _means(units: FloatArray, count: int, seed: int) -> IntArray:
    """Give clusters of k-means, numbered by size."""
    from sklearn.cluster import KMeans

    rows = np.random.default_rng(seed).permutation(len(units))[:MOST_TAUGHT]
    different = len(np.unique(units[rows], axis=0))
    search = KMeans(min(count, different), n_init=3, max_iter=100, random_state=seed)
    found = search.fit(units[rows]).predict(units)
    order = np.argsort(-np.bincount(found, minlength=search.n_clusters), kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return np.asarray(rank[found], np.int64)
