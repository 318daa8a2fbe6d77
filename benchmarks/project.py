"""Time a UMAP of raw vectors against ours: `python benchmarks/project.py [rows] [dims]`."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from embedviz.data import EmbeddingSet, Provenance
from embedviz.project import project, warm


def random_set(rows: int, width: int) -> EmbeddingSet:
    """Give vectors (rows, width) in 50 clusters that vary along 20 directions."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(50, width))
    directions = rng.normal(size=(20, width))
    vectors = centres[rng.integers(0, 50, rows)] + 0.3 * rng.normal(size=(rows, 20)) @ directions
    vectors += 0.3 * rng.normal(size=(rows, width))
    table = pd.DataFrame({"recording": "noise.wav", "start_s": np.arange(rows), "stop_s": 0.0})
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
    small = random_set(300, 8).vectors
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EMBEDVIZ_CACHE"] = folder
        warm()
        # Above 4,096 rows umap-learn searches with pynndescent: compiled here, not timed.
        options = {"metric": "cosine", "random_state": 0, "n_jobs": 1}
        umap.UMAP(**options, force_approximation_algorithm=True).fit(small)
        raw = umap.UMAP(**options)
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


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:3]))
