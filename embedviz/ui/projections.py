"""The projections of a session's sets: the one in the file, or one that a job computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedviz.data import EmbeddingSet, Projection
from embedviz.ui.job import Job, Report
from embedviz.ui.pace import Update
from embedviz.ui.results import result
from embedviz.ui.workspace import Workspace

METHODS = {"umap": "UMAP", "pca": "PCA", "tsne": "t-SNE"}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "umap": {"metric": "cosine", "n_neighbors": 15, "min_dist": 0.1, "seed": 0},
    "pca": {},
    "tsne": {"metric": "cosine", "perplexity": 30.0, "seed": 0},
}


def projection(
    workspace: Workspace, name: str, embedding_set: EmbeddingSet, choice: Mapping[str, Any]
) -> Projection | Job:
    """Give the projection of a set, or the job that computes it.

    Parameters
    ----------
    name
        The set's name in the workspace.
    choice
        `method`, `dims` and the method's settings.
    """
    if choice == stored_choice(embedding_set) and embedding_set.projection is not None:
        return embedding_set.projection
    path = workspace.set_path(name)
    return result(
        f"{path}|{path.stat().st_mtime_ns}|{sorted(choice.items())}",
        lambda report: _compute(embedding_set, choice, report),
        owner=workspace.token,
        title=f"Projecting {name} with {METHODS[choice['method']]}",
    )


def stored_choice(embedding_set: EmbeddingSet) -> dict[str, Any] | None:
    """Give the choice that leads to the projection in the set's file."""
    stored = embedding_set.projection
    if stored is None:
        return None
    settings = {
        name: stored.settings.get(name, value)
        for name, value in DEFAULTS.get(stored.method, {}).items()
    }
    if "axes" in stored.settings:
        settings["axes"] = list(stored.settings["axes"])
    return {"method": stored.method, "dims": stored.dims, **settings}


def _compute(embedding_set: EmbeddingSet, choice: Mapping[str, Any], report: Report) -> Projection:
    from embedviz.project import project

    settings = dict(choice)
    return project(
        embedding_set,
        settings.pop("method"),
        **settings,
        progress=lambda done, total: report(Update(done, total, "%")),
    )
