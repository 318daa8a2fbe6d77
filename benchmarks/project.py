"""Time a UMAP of raw vectors against ours: `python benchmarks/project.py [rows] [dims]`.

Of more than 200,000 rows ours lays out a sample. umap.UMAP is run on them only where
`python benchmarks/project.py 250000 128 whole` asks for it: that takes many minutes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from embedviz import large
from embedviz.data import EmbeddingSet, FloatArray, Provenance
from embedviz.project import project, warm
from embedviz.searches import Search


def random_set(rows: int, width: int) -> EmbeddingSet:
    """Give vectors (rows, width) in 50 clusters that vary along 20 directions."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(50, width))
    directions = rng.normal(size=(20, width))
    clusters = rng.integers(0, 50, rows)
    vectors = centres[clusters] + 0.3 * rng.normal(size=(rows, 20)) @ directions
    vectors += 0.3 * rng.normal(size=(rows, width))
    table = pd.DataFrame({"recording": "noise.wav", "start_s": np.arange(rows), "stop_s": 0.0})
    table = table.assign(cluster=clusters)
    provenance = Provenance(
        model="random",
        variant="",
        weights={},
        verified=True,
        rate_hz=1,
        window_s=1.0,
        hop_s=1.0,
        per="window",
        precision="float32",
        version="0",
    )
    return EmbeddingSet(table, vectors.astype(np.float32), provenance)


def seconds(work: Callable[[], object]) -> float:
    """Run once and give the seconds that it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(rows: int = 5000, width: int = 512) -> None:
    """Print seconds and ratios, all from one process with everything compiled."""
    import umap

    embedding_set = random_set(rows, width)
    compile_all()
    raw = umap.UMAP(metric="cosine", random_state=0, n_jobs=1)
    raw_s = seconds(lambda: raw.fit(embedding_set.vectors))
    results = {
        "umap.UMAP on the vectors": raw_s,
        "project, first time": seconds(lambda: project(embedding_set)),
        "project, min_dist changed": seconds(lambda: project(embedding_set, min_dist=0.5)),
        "project, 3-D": seconds(lambda: project(embedding_set, dims=3)),
        "project, PCA": seconds(lambda: project(embedding_set, "pca")),
    }
    print(f"{rows:,} x {width:,}, seconds and how many times as fast as umap.UMAP:")
    for name, took_s in results.items():
        print(f"  {name:28}{took_s:8.2f}{raw_s / took_s:8.2f}x")


def compile_all() -> None:
    """Compile what is timed, so that no first call pays for it."""
    import umap

    warm()
    small = random_set(300, 8).vectors
    # Above 4,096 rows umap-learn searches with pynndescent.
    options = {"metric": "cosine", "random_state": 0, "n_jobs": 1}
    umap.UMAP(**options, force_approximation_algorithm=True).fit(small)


def main_large(rows: int, width: int, whole: str = "") -> None:
    """Print seconds, and how many of 2,000 rows have their nearest on the map in their cluster."""
    embedding_set = random_set(rows, width)
    compile_all()
    print(f"{rows:,} x {width:,}, seconds, and the share of rows beside one of their cluster:")
    for method in ("pca", "umap"):
        start = time.perf_counter()
        found = project(embedding_set, method)
        took_s = time.perf_counter() - start
        how = large.fitted_words(found) or "PCA is exact."
        beside = kept(embedding_set, found.coordinates)
        print(f"  project, {method:20}{took_s:8.1f}{beside:8.3f}  {how}")
    if whole == "whole":
        import umap

        raw = umap.UMAP(metric="cosine", random_state=0, n_jobs=1)
        raw_s = seconds(lambda: raw.fit(embedding_set.vectors))
        print(
            f"  {'umap.UMAP on all rows':29}{raw_s:8.1f}{kept(embedding_set, raw.embedding_):8.3f}"
        )


def kept(embedding_set: EmbeddingSet, coordinates: FloatArray) -> float:
    """Give the share of 2,000 rows whose nearest other point is of their own cluster."""
    labels = embedding_set.table["cluster"].to_numpy()
    asked = np.linspace(0, len(labels) - 1, 2000).astype(int)
    near = Search.among(coordinates.astype(np.float32), 2, "euclidean").nearest(coordinates[asked])
    other = np.where(near.indices[:, 0] == asked, near.indices[:, 1], near.indices[:, 0])
    return float(np.mean(labels[other] == labels[asked]))


if __name__ == "__main__":
    counts = [int(value) for value in sys.argv[1:3]]
    with tempfile.TemporaryDirectory() as cache:
        os.environ["EMBEDVIZ_CACHE"] = cache
        if counts and large.is_large(counts[0]):
            main_large(*counts, *sys.argv[3:4])
        else:
            main(*counts)
