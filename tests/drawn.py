"""Sets of drawn vectors for tests of evaluations: every recording has bytes of its own."""

from dataclasses import replace

import numpy as np
import pandas as pd

from embedviz.data import EmbeddingSet, Provenance, Source


def drawn_set(recordings=12, windows=3, dims=4, classes=2, seed=0, model="drawn", **columns):
    """Windows of recordings whose classes take turns; columns hold a value a recording."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(recordings), windows)
    names = [f"clip{one:03d}.wav" for one in number]
    start_s = np.tile(np.arange(windows) * 1.0, recordings)
    table = pd.DataFrame({"recording": names, "start_s": start_s, "stop_s": start_s + 1})
    columns = {"call": [f"call {one % classes}" for one in range(recordings)]} | columns
    for name, values in columns.items():
        table[name] = [values[one] for one in number]
    made = Provenance(
        model=model,
        variant="default",
        weights={},
        verified=True,
        rate_hz=16000,
        window_s=1.0,
        hop_s=1.0,
        per="window",
        precision="float32",
        version="0.1.0",
        recordings={name: Source("", f"{name:0>64}", windows, 16000, 1) for name in set(names)},
        label_columns=tuple(columns),
    )
    vectors = rng.normal(size=(len(table), dims)).astype(np.float32)
    return EmbeddingSet(table=table, vectors=vectors, provenance=made)


def copied(found, **same):
    """The set with recordings of the same bytes: a copy's name -> the name of what it copies."""
    sources = dict(found.provenance.recordings)
    for name, original in same.items():
        sources[f"{name}.wav"] = replace(
            sources[f"{name}.wav"], sha256=sources[f"{original}.wav"].sha256
        )
    return replace(found, provenance=replace(found.provenance, recordings=sources))
