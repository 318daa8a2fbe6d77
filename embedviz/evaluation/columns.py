"""What an evaluation finds row by row, as columns of the set: to colour a map by, to sort by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from embedviz.data import EmbeddingSet
from embedviz.errors import Cancelled, EmbedvizError
from embedviz.evaluation.clustering import assigned
from embedviz.evaluation.maptrust import metric_of, neighbours_of
from embedviz.evaluation.ranks import continuity_by_row, trustworthiness_by_row
from embedviz.evaluation.results import IntArray, Progress
from embedviz.store import write_set
from embedviz.trust import kept_neighbours
from embedviz.wording import numbered

CLUSTER, KEPT = "cluster", "map_kept_neighbours"
TRUSTWORTHY, CONTINUOUS = "map_trustworthiness", "map_continuity"
NO_CLUSTER = "no cluster"
_OF_MAP = {
    KEPT: (kept_neighbours, "neighbours kept by the map"),
    TRUSTWORTHY: (trustworthiness_by_row, "trustworthiness of the map"),
    CONTINUOUS: (continuity_by_row, "continuity of the map"),
}


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
        # As `maptrust.trusted` measures the map, so that the means are the report's numbers.
        metric, k = metric_of(projection), neighbours_of(len(vectors))
        for name, (find, doing) in _OF_MAP.items():
            columns[name] = find(
                vectors, projection.coordinates, k=k, metric=metric, progress=told(doing)
            )
    named = {_free(name, embedding_set.label_columns): one for name, one in columns.items()}
    table = embedding_set.table.assign(**named)  # type: ignore[arg-type]
    return replace(embedding_set, table=table), tuple(named)


@dataclass(frozen=True)
class Added:
    """What came of adding columns to files."""

    columns: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    """File -> the names."""
    failed: EmbedvizError | None = None
    """Why the files that are not in `columns` have none."""


def add_to_files(
    sets: Mapping[str, EmbeddingSet],
    files: Mapping[str, Path],
    *,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Added:
    """Write sets (title -> set) with their columns to files (title -> file), until one fails.

    An error is given, not raised, so that what else was found can be written first. `seed` and
    `progress` are those of `with_columns`.
    """
    columns: dict[Path, tuple[str, ...]] = {}
    try:
        for title, one in sets.items():
            found, names = with_columns(one, seed=seed, title=title, progress=progress)
            write_set(found, files[title])
            columns[files[title]] = names
    except Cancelled:
        raise
    except EmbedvizError as error:
        return Added(columns, error)
    return Added(columns)


def _free(name: str, labels: Collection[str]) -> str:
    """Give the name, numbered where it is that of a label column, which is never replaced."""
    return next(one for one in numbered(name, "_") if one not in labels)


def cluster_words(found: IntArray) -> list[str]:
    """Write cluster numbers (N,) as words that sort as they count; -1 is in none."""
    width = len(str(int(found.max(initial=0)) + 1))
    return [NO_CLUSTER if one < 0 else f"cluster {one + 1:0{width}d}" for one in found.tolist()]
