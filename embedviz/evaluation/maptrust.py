"""What may be read from a map: how well it keeps neighbours, and a sentence that says so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from embedviz.agreement import chance
from embedviz.data import FloatArray, Projection
from embedviz.evaluation.ranks import continuity_by_row, trustworthiness_by_row
from embedviz.evaluation.results import Trusted
from embedviz.evaluation.stability import SEEDS, mapped, stability
from embedviz.neighbours import METRICS
from embedviz.trust import NEIGHBOURS, kept_neighbours

Progress = Callable[[int, int], None]

HOLDS, PARTLY = (0.9, 0.3), (0.8, 0.15)
"""Trustworthiness and the share of kept neighbours above chance from which neighbourhoods hold, or
partly do. A map without meaning has a trustworthiness of 0.5 and keeps none. Of 2,409 windows of
ESC-10 heard by YAMNet a UMAP has 0.98 and keeps 53 %; the first two of PCA's axes have 0.84 and
keep 15 %, and most points that lie together there sound different."""
AGREE = 0.5
"""Maps of other seeds that share fewer neighbours than this tell other stories in detail."""

_FAR = {
    "umap": "Distances between islands, their sizes and their shapes mean nothing in UMAP.",
    "tsne": "Distances between islands, their sizes and their density mean nothing in t-SNE.",
}


def trusted(
    title: str,
    vectors: FloatArray,
    projection: Projection | None,
    *,
    seeds: int = SEEDS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trusted:
    """Measure how far a map of vectors can be trusted.

    Parameters
    ----------
    title
        Of the set.
    vectors
        (N, D) of which the map is.
    projection
        The map; None makes a UMAP.
    seeds
        Maps that are made to see how far they agree; 1 makes none.
    progress
        Called with (done, 100); raising from it stops the work.
    """
    tell = progress or (lambda done, total: None)
    if projection is None:
        projection = mapped(vectors, None, seed, _part(tell, 0, 25))
    coordinates = projection.coordinates
    metric, k = metric_of(projection), neighbours_of(len(vectors))
    kept = kept_neighbours(vectors, coordinates, k=k, metric=metric, progress=_part(tell, 25, 35))
    right = trustworthiness_by_row(
        vectors, coordinates, k=k, metric=metric, progress=_part(tell, 35, 45)
    )
    whole = continuity_by_row(
        vectors, coordinates, k=k, metric=metric, progress=_part(tell, 45, 55)
    )
    stable = stability(
        vectors, projection, seeds=seeds, k=k, seed=seed, progress=_part(tell, 55, 100)
    )
    found = Trusted(
        model=title,
        method=projection.method,
        k=k,
        trustworthiness=float(right.mean()),
        continuity=float(whole.mean()),
        kept_neighbours=float(kept.mean()),
        chance=chance(len(vectors), k),
        stability=stable.share,
        seeds=stable.seeds,
        sentence="",
    )
    drawn = stable.rows if 0 < stable.rows < len(vectors) else 0
    tell(100, 100)
    return _with_sentence(found, projection, drawn)


def metric_of(projection: Projection) -> str:
    """Give the distance by which a map was made, and by which it is to be judged."""
    # A map from elsewhere may not say by which distance it was made, or by one not known here.
    metric = str(projection.settings.get("metric", "cosine"))
    return metric if metric in METRICS else "cosine"


def neighbours_of(rows: int) -> int:
    """Give how many neighbours of each of so many rows are looked at."""
    return max(1, min(NEIGHBOURS, (rows - 1) // 2))


def _with_sentence(found: Trusted, projection: Projection, drawn: int) -> Trusted:
    from dataclasses import replace

    parts = (_near(found), _seeds(found, drawn), _far(projection))
    return replace(found, sentence=" ".join(part for part in parts if part))


def _near(found: Trusted) -> str:
    """Say what neighbours on the map mean."""
    kept = f"{found.kept_neighbours:.0%} of the {found.k} nearest rows (chance {found.chance:.1%})"
    if _reaches(found, HOLDS):
        return f"Neighbourhoods on this map hold: {kept} are beside a row in truth and on the map."
    if _reaches(found, PARTLY):
        return (
            f"Neighbourhoods on this map hold in part: {kept} are beside a row in truth and on the "
            "map, so listen before you call two points alike."
        )
    return (
        f"Do not read neighbourhoods from this map: only {kept} are beside a row in truth and on "
        "the map."
    )


def _reaches(found: Trusted, least: tuple[float, float]) -> bool:
    # Of few rows chance alone keeps many.
    above = (found.kept_neighbours - found.chance) / max(1 - found.chance, 1e-9)
    return found.trustworthiness >= least[0] and above >= least[1]


def _seeds(found: Trusted, drawn: int) -> str:
    """Say how far other seeds give the same map."""
    if np.isnan(found.stability) or found.method == "pca":
        return ""
    of = f" of {drawn:,} drawn rows" if drawn else ""
    same = f"Maps{of} from {found.seeds} seeds share {found.stability:.0%} of neighbours"
    if found.stability >= AGREE:
        return f"{same}."
    return f"{same}, so who lies beside whom within an island is partly luck."


def _far(projection: Projection) -> str:
    """Say what distances on the map mean."""
    shares = projection.explained_variance
    if projection.method == "pca" and shares:
        return (
            f"Its axes show {sum(shares):.0%} of the variance: what lies far apart is far apart, "
            "but what lies together may differ along axes that are not shown."
        )
    return _FAR.get(projection.method, "How it was made is not known, so trust no distances on it.")


def _part(tell: Progress, start: int, stop: int) -> Progress:
    return lambda done, total: tell(start + (stop - start) * done // max(total, 1), 100)
