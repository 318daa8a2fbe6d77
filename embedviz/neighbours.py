"""The nearest-neighbour graph: found once for a set of vectors, reused by every map of it.

A vector without direction (all zeros under `cosine`, as from digital silence; all values equal
under `correlation`) is at 0 from its like and 1 from all others, as in umap-learn.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedviz.atomic import written_whole
from embedviz.data import FloatArray
from embedviz.errors import ProjectionError
from embedviz.folders import cache_folder

IndexArray = npt.NDArray[np.int32]
Progress = Callable[[int, int], None]

# Where the exact search stops paying. On 2 cores 20,000 x 1,024 take 12 s; pynndescent takes 3 s
# after 30 s of compilation. Manhattan has no matrix product to lean on: 5,000 x 512 take 7 s.
EXACT_ROWS = {"cosine": 20_000, "euclidean": 20_000, "correlation": 20_000, "manhattan": 6_000}
METRICS = tuple(EXACT_ROWS)

# How many neighbours the cache keeps at least. The exact search has every distance in hand, so
# 100 cost no more than 15 and serve UMAP's whole slider and t-SNE's default of 92. The time of
# pynndescent grows with the number (20,000 rows: 3 s for 30, 15 s for 100), so it keeps fewer.
STORED_EXACT = 100
STORED_APPROXIMATE = 30

# Two threads inside numba's workqueue layer abort the process, so all numba work takes turns.
NUMBA_LOCK = threading.Lock()

_FORMAT = 1
_BLOCK = 2048
_SEED = 0
_SEARCHED_AS = {"manhattan": "manhattan"}

# Below a millionth of a vector's length a Euclidean distance is rounding of float32 input.
# Duplicates must be at exactly 0: UMAP takes the nearest distance above 0 as a row's own scale.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Neighbours:
    """The k nearest rows of each of N rows, nearest first; a row's first neighbour is itself."""

    indices: IndexArray
    """(N, k) row numbers."""
    distances: FloatArray
    """(N, k), never below 0; the first column is 0."""
    metric: str


def neighbours(
    vectors: FloatArray, *, k: int = 15, metric: str = "cosine", progress: Progress | None = None
) -> Neighbours:
    """Find the k nearest rows of every row, itself first.

    Exact up to `EXACT_ROWS[metric]` rows, then by pynndescent (seeded), which finds about 99 %.

    Parameters
    ----------
    vectors
        (N, D) finite numbers.
    k
        Neighbours per row, the row itself included; at most N are given.
    metric
        One of `METRICS`.
    progress
        Called with (rows done, N); raising from it stops an exact search.

    Raises
    ------
    ProjectionError
        No rows, vectors that are not finite, an unknown metric or k below 1.
    """
    vectors = checked(vectors, metric)
    if k < 1:
        raise ProjectionError(f"k is {k}; a graph needs at least 1 neighbour per row.")
    rows = np.arange(len(vectors), dtype=np.int32)
    placed = prepared(vectors, metric)
    k = min(k, len(rows))
    if len(rows) <= EXACT_ROWS[metric]:
        return Neighbours(*_exact(placed, rows, k, metric, progress), metric)
    return Neighbours(*_approximate(placed, k, metric), metric)


def cached_neighbours(
    vectors: FloatArray, *, k: int = 15, metric: str = "cosine", progress: Progress | None = None
) -> Neighbours:
    """Give `neighbours`, from the cache folder where the same vectors were searched before.

    More neighbours than asked are searched and kept (`STORED_EXACT`, `STORED_APPROXIMATE` or
    the next doubling that holds k), so that another k within reach costs nothing. What is given
    depends on the vectors, k and metric alone, never on what the cache happened to hold.
    """
    vectors = checked(vectors, metric)
    wanted = STORED_EXACT if len(vectors) <= EXACT_ROWS[metric] else STORED_APPROXIMATE
    while wanted < k:
        wanted *= 2
    path = _cache_path(vectors, wanted, metric)
    graph = _read(path, len(vectors), min(wanted, len(vectors)), metric)
    if graph is None:
        graph = neighbours(vectors, k=wanted, metric=metric, progress=progress)
        _write(path, graph)
    return Neighbours(graph.indices[:, :k].copy(), graph.distances[:, :k].copy(), metric)


def nearest(
    vectors: FloatArray, row: int, *, k: int = 10, metric: str = "cosine"
) -> tuple[IndexArray, FloatArray]:
    """Give the k rows most similar to one row and their distances, without the row itself.

    Exact and without a graph: `vectors` (N, D) give two arrays (min(k, N - 1),), nearest first.
    Raises ProjectionError as `neighbours` does, and for a row that does not exist.
    """
    vectors = checked(vectors, metric)
    if not 0 <= row < len(vectors):
        raise ProjectionError(f"Row {row} was asked for; the set has rows 0 to {len(vectors) - 1}.")
    rows, count = np.array([row], np.int32), min(k + 1, len(vectors))
    indices, distances = _exact(prepared(vectors, metric), rows, count, metric)
    return indices[0, 1:], distances[0, 1:]


def checked(vectors: FloatArray, metric: str = "cosine") -> FloatArray:
    """Give `vectors` (N, D) as contiguous float32, or say why they have no neighbours."""
    if metric not in METRICS:
        raise ProjectionError(f"The metric {metric!r} is not one of {', '.join(METRICS)}.")
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise ProjectionError(f"Vectors of shape {vectors.shape}: there is nothing to compare.")
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    # Block by block: the vectors may lie on the disk and be more than the memory holds.
    broken = sum(
        int(np.count_nonzero(~np.isfinite(vectors[start : start + _BLOCK]).all(axis=1)))
        for start in range(0, len(vectors), _BLOCK)
    )
    if broken:
        raise ProjectionError(
            f"{broken} of {len(vectors)} vectors hold NaN or infinity; leave those rows out."
        )
    return vectors


def prepared(vectors: FloatArray, metric: str) -> FloatArray:
    """Give vectors whose Euclidean distance d stands for the metric: cosine is d * d / 2."""
    if metric in ("euclidean", "manhattan"):
        return vectors
    if metric == "correlation":
        vectors = vectors - vectors.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    # Scaled by the largest value first, because the squares of extreme values leave float32.
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    silent = largest == 0
    largest[silent] = 1
    units: FloatArray = np.divide(vectors, largest, dtype=np.float32)
    units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), silent)
    # A direction of their own puts silent vectors at 1 from all others and 0 from each other.
    return np.hstack([units, silent]).astype(np.float32) if silent.any() else units


def _exact(
    ready: FloatArray, rows: IndexArray, k: int, metric: str, progress: Progress | None = None
) -> tuple[IndexArray, FloatArray]:
    """Find the k nearest of the given rows block by block; products are summed in float64."""
    from sklearn.neighbors import NearestNeighbors

    plain = _SEARCHED_AS.get(metric, "euclidean")
    search = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=plain).fit(ready)
    parts = []
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        apart, found = search.kneighbors(ready[block])
        parts.append(_ordered(found, apart, block, ready[block], metric))
        if progress:
            progress(start + len(block), len(rows))
    return np.concatenate([i for i, _ in parts]), np.concatenate([d for _, d in parts])


def _approximate(ready: FloatArray, k: int, metric: str) -> tuple[IndexArray, FloatArray]:
    """Find about the k nearest of all rows with pynndescent; rows that it gives up on exactly."""
    rows = np.arange(len(ready), dtype=np.int32)
    plain = _SEARCHED_AS.get(metric, "euclidean")
    with NUMBA_LOCK, warnings.catch_warnings():
        from pynndescent import NNDescent

        warnings.filterwarnings("ignore", message="Failed to correctly find n_neighbors")
        search = NNDescent(ready, metric=plain, n_neighbors=k, random_state=_SEED)
        found, apart = search.neighbor_graph
    indices, distances = _ordered(found, apart, rows, ready, metric)
    failed = rows[(indices < 0).any(axis=1)]
    if len(failed):
        indices[failed], distances[failed] = _exact(ready, failed, k, metric)
    return indices, distances


def _ordered(
    found: IndexArray, apart: FloatArray, rows: IndexArray, queries: FloatArray, metric: str
) -> tuple[IndexArray, FloatArray]:
    """Order each row's neighbours: itself, also where duplicates crowd it out, then the nearest."""
    indices, distances = found.astype(np.int32), apart.astype(np.float64)
    if metric != "manhattan":
        lengths = np.sqrt(np.einsum("ij,ij->i", queries, queries, dtype=np.float64))
        distances[distances < _ROUNDING * lengths[:, None]] = 0
    if metric in ("cosine", "correlation"):
        distances = np.square(distances) / 2
    crowded = ~(indices == rows[:, None]).any(axis=1)
    indices[crowded, -1] = rows[crowded]
    distances[indices == rows[:, None]] = -1
    order = np.lexsort((indices, distances), axis=-1)
    distances = np.maximum(np.take_along_axis(distances, order, axis=1), 0)
    return np.take_along_axis(indices, order, axis=1), distances.astype(np.float32)


def _cache_path(vectors: FloatArray, k: int, metric: str) -> Path:
    """Name the file by everything that decides the graph."""
    digest = hashlib.sha256(f"{_FORMAT} {metric} {vectors.shape} {k}\n".encode())
    digest.update(vectors.data)
    return cache_folder() / "neighbours" / f"{digest.hexdigest()}.npz"


def _read(path: Path, rows: int, k: int, metric: str) -> Neighbours | None:
    """Read a stored graph; None where there is none or where it is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            indices, distances = stored["indices"], stored["distances"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    # UMAP follows row numbers without looking: a wrong one would end the process.
    fits = indices.shape == distances.shape == (rows, k) and indices.dtype == np.int32
    sane = fits and np.all((indices >= 0) & (indices < rows) & (distances >= 0))
    return Neighbours(indices, distances, metric) if sane else None


def _write(path: Path, graph: Neighbours) -> None:
    """Store a graph whole or not at all; a full or read-only disk costs time, not the result."""
    with suppress(OSError), written_whole(path) as file:
        np.savez(file, indices=graph.indices, distances=graph.distances)
