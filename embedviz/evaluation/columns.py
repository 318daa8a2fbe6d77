"""What an evaluation finds row by row, as columns of the set: to colour a map by, to sort by."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import count

from embedviz.data import EmbeddingSet
from embedviz.evaluation.clustering import assigned
from embedviz.evaluation.ranks import continuity_by_row, trustworthiness_by_row
from embedviz.evaluation.results import IntArray, Progress
from embedviz.trust import NEIGHBOURS, kept_neighbours

CLUSTER, KEPT = "cluster", "map_kept_neighbours"
TRUSTWORTHY, CONTINUOUS = "map_trustworthiness", "map_continuity"
NO_CLUSTER = "no cluster"


def with_columns(
    embedding_set: EmbeddingSet,
    *,
    seed: int = 0,
    title: str = "",
    progress: Callable[[Progress], None] | None = None,
) -> tuple[EmbeddingSet, tuple[str, ...]]:
    """Give the set with a column of clusters and, where it has a map, three of the map's trust.

    Parameters
    ----------
    seed
        Of the clusters.
    title
        Names the set in what `progress` is told.
    progress
        Raising from it stops the work.

    Returns
    -------
    EmbeddingSet
        With columns of these names replaced.
    tuple of str
        The names: `cluster` (HDBSCAN), `map_kept_neighbours`, `map_trustworthiness` and
        `map_continuity` (each 0 to 1); `cluster_2` where `cluster` is a label column.

    Raises
    ------
    EmbedvizError
        If the vectors hold NaN or infinity.
    """
    vectors, projection = embedding_set.vectors, embedding_set.projection
    tell = progress or (lambda one: None)

    def told(what: str) -> Callable[[int, int], None]:
        return lambda done, total: tell(Progress(done, total, f"{title}: {what}".lstrip(": ")))

    found = assigned(vectors, seed=seed, progress=told("clusters"))
    columns: dict[str, object] = {CLUSTER: cluster_words(found)}
    if projection is not None:
        places = projection.coordinates
        columns[KEPT] = kept_neighbours(
            vectors, places, k=NEIGHBOURS, progress=told("neighbours kept by the map")
        )
        columns[TRUSTWORTHY] = trustworthiness_by_row(
            vectors, places, progress=told("trustworthiness of the map")
        )
        columns[CONTINUOUS] = continuity_by_row(
            vectors, places, progress=told("continuity of the map")
        )
    named = {_free(name, embedding_set.label_columns): one for name, one in columns.items()}
    table = embedding_set.table.assign(**named)  # type: ignore[arg-type]
    return replace(embedding_set, table=table), tuple(named)


def _free(name: str, labels: Collection[str]) -> str:
    """Give the name, numbered where it is that of a label column, which is never replaced."""
    numbered = (f"{name}_{number}" for number in count(2))
    return name if name not in labels else next(one for one in numbered if one not in labels)


def cluster_words(found: IntArray) -> list[str]:
    """Write cluster numbers (N,) as words that sort as they count; -1 is in none."""
    width = len(str(int(found.max(initial=0)) + 1))
    return [NO_CLUSTER if one < 0 else f"cluster {one + 1:0{width}d}" for one in found.tolist()]
