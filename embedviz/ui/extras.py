"""Columns that are computed from a set's vectors, its map or its recordings' names.

The quick ones are there at once; the others are jobs, and the map goes on without them meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from embedviz import clock, packing
from embedviz.data import EmbeddingSet, Projection
from embedviz.ui.job import Job, Report
from embedviz.ui.map import Column
from embedviz.ui.pace import Update
from embedviz.ui.packs import publish
from embedviz.ui.results import at_once, result
from embedviz.ui.workspace import Workspace

CLUSTER, DENSITY, TRUST = "computed cluster", "computed density", "computed trust"
POSITION, TIME_OF_DAY = "computed position", "computed time of day"
TITLES: Mapping[str, str] = {
    CLUSTER: "Cluster (HDBSCAN)",
    DENSITY: "Local density",
    TRUST: "The map's trust",
    POSITION: "Position in the recording",
    TIME_OF_DAY: "Time of day",
}
EXPLAINED = (
    "*Cluster*: groups that HDBSCAN finds among the vectors. *Local density*: the share of points "
    "whose 10 nearest neighbours are farther away on average. *The map's trust*: the share of a "
    "point's 10 nearest neighbours among the vectors that are its neighbours on the map as well."
)
NO_CLUSTER = "no cluster"
LOOKED_AT = 100
"""Recordings whose names are looked at for a time."""


@dataclass(frozen=True)
class Found:
    """A computed column, and of clusters the numbers that name them on the map."""

    column: Column
    values: np.ndarray
    packed: bytes
    """What is published for the column."""


def offered(embedding_set: EmbeddingSet) -> list[str]:
    """Name the columns that can be computed for a set."""
    names = islice(embedding_set.provenance.recordings, LOOKED_AT)
    timed = any(clock.recorded_at(name) is not None for name in names)
    return [name for name in TITLES if name != TIME_OF_DAY or timed]


def extra(
    workspace: Workspace, name: str, embedding_set: EmbeddingSet, projection: Projection, which: str
) -> Found | Job:
    """Give a computed column of a set, or the job that computes it.

    Parameters
    ----------
    name
        The set's name in the workspace.
    projection
        The map that `TRUST` is about.
    which
        One of `offered`.
    """
    found = _known(workspace, name, embedding_set, projection, which)
    if isinstance(found, Found):
        # Packs that nobody publishes again give way to others.
        publish(workspace, found.packed)
    return found


def _known(
    workspace: Workspace, name: str, embedding_set: EmbeddingSet, projection: Projection, which: str
) -> Found | Job:
    path = workspace.set_path(name)
    key = f"{workspace.token}|{path}|{path.stat().st_mtime_ns}|{which}"
    if which in (POSITION, TIME_OF_DAY):
        return at_once(key, lambda: _numbers(workspace, which, _quick(embedding_set, which)))
    if which == TRUST:
        key += f"|{hash(projection.coordinates.tobytes())}"
    compute = _COMPUTED[which]
    return result(
        key,
        lambda report: compute(workspace, embedding_set, projection, report),
        owner=workspace.token,
        title=f"{TITLES[which]} of {name}",
    )


def cluster_words(
    found: Found, embedding_set: EmbeddingSet, projection: Projection
) -> list[dict[str, Any]]:
    """Give the names of clusters and where they stand on the map."""
    from embedviz.clusters import cluster_names, cluster_places

    table = embedding_set.table
    columns = [*embedding_set.label_columns, "top_class"]
    texts = {name: table[name].fillna("").astype(str).tolist() for name in columns if name in table}
    places = cluster_places(found.values, projection.coordinates)
    return [
        {"text": text, "at": [float(value) for value in places[cluster]]}
        for cluster, text in cluster_names(found.values, texts).items()
    ]


def _quick(embedding_set: EmbeddingSet, which: str) -> np.ndarray:
    table = embedding_set.table
    if which == POSITION:
        recordings = embedding_set.provenance.recordings
        durations_s = {name: source.duration_s for name, source in recordings.items()}
        return clock.position(table, durations_s)
    hours = clock.time_of_day_h(table)
    return np.full(len(table), np.nan, np.float32) if hours is None else hours


def _clusters(
    workspace: Workspace, embedding_set: EmbeddingSet, _: Projection, report: Report
) -> Found:
    from embedviz.clusters import clusters

    found = clusters(embedding_set.vectors, progress=_told(report, "%"))
    width = len(str(found.max(initial=0) + 1))
    words = [NO_CLUSTER if one < 0 else f"cluster {one + 1:0{width}d}" for one in found.tolist()]
    return _published(workspace, CLUSTER, "names", found, packing.pack_names(pd.Series(words)))


def _density(
    workspace: Workspace, embedding_set: EmbeddingSet, _: Projection, report: Report
) -> Found:
    from embedviz.trust import local_density

    return _numbers(
        workspace, DENSITY, local_density(embedding_set.vectors, progress=_told(report))
    )


def _trust(
    workspace: Workspace, embedding_set: EmbeddingSet, projection: Projection, report: Report
) -> Found:
    from embedviz.trust import kept_neighbours

    kept = kept_neighbours(embedding_set.vectors, projection.coordinates, progress=_told(report))
    return _numbers(workspace, TRUST, kept)


_COMPUTED: Mapping[str, Callable[[Workspace, EmbeddingSet, Projection, Report], Found]] = {
    CLUSTER: _clusters,
    DENSITY: _density,
    TRUST: _trust,
}


def _numbers(workspace: Workspace, which: str, values: np.ndarray) -> Found:
    unit = "h" if which == TIME_OF_DAY else ""
    return _published(workspace, which, "numbers", values, packing.pack_numbers(values, unit))


def _published(
    workspace: Workspace, which: str, kind: str, values: np.ndarray, packed: bytes
) -> Found:
    column = Column(which, TITLES[which], kind, publish(workspace, packed))
    return Found(column, values, packed)


def _told(report: Report, unit: str = "rows") -> Callable[[int, int], None]:
    return lambda done, total: report(Update(done, total, unit))
