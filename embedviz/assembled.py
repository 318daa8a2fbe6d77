"""A set in memory, of what the cache has kept of its recordings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from embedviz.cache import Kept
from embedviz.data import EmbeddingSet, Provenance, Recording


def assembled(heard: Sequence[tuple[Recording, Kept]], provenance: Provenance) -> EmbeddingSet:
    """Give the rows of all recordings, one after the other; there must be at least one."""
    parts = [(recording, part) for recording, kept in heard for part in kept.parts()]
    rows = [len(part) for _, part in parts]

    def spread(values: Sequence[str]) -> np.ndarray:
        return np.repeat(np.array(values, dtype=object), rows)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for _, part in parts])

    columns: dict[str, np.ndarray] = {
        "recording": spread([recording.name for recording, _ in parts]),
        "start_s": joined("start_s"),
        "stop_s": joined("stop_s"),
    }
    for name in provenance.label_columns:
        columns[name] = spread([recording.labels.get(name, "") for recording, _ in parts])
    columns["padding_s"] = joined("padding_s")
    for name in parts[0][1].columns:
        columns[name] = np.concatenate([part.columns[name] for _, part in parts])
    return EmbeddingSet(
        table=pd.DataFrame(columns),
        vectors=joined("vectors"),
        provenance=provenance,
        thumbnails=joined("thumbnails"),
    )
