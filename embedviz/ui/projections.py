"""The projections of a session's sets: the one in the file, or one that a job computes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from embedviz.data import EmbeddingSet, Projection
from embedviz.ui.jobs import Job, Report, Update, queue
from embedviz.ui.workspace import Workspace

KEPT = 32
METHODS = {"umap": "UMAP", "pca": "PCA", "tsne": "t-SNE"}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "umap": {"metric": "cosine", "n_neighbors": 15, "min_dist": 0.1, "seed": 0},
    "pca": {},
    "tsne": {"metric": "cosine", "perplexity": 30.0, "seed": 0},
}

_found: OrderedDict[str, Projection] = OrderedDict()
_jobs: dict[str, Job] = {}
_lock = Lock()


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
    key = f"{path}|{path.stat().st_mtime_ns}|{sorted(choice.items())}"
    with _lock:
        if key in _found:
            _found.move_to_end(key)
            return _found[key]
        job = _jobs.get(key)
        if job is None or job.state == "done":
            job = queue().submit(
                lambda report: _compute(key, embedding_set, choice, report),
                owner=workspace.token,
                title=f"Projecting {name} with {METHODS[choice['method']]}",
            )
            _jobs[key] = job
        return job


def again(job: Job) -> None:
    """Forget a job that failed or was stopped, so that the next look starts a new one."""
    with _lock:
        for key in [key for key, known in _jobs.items() if known is job]:
            del _jobs[key]
    queue().forget(job)


def stored_choice(embedding_set: EmbeddingSet) -> dict[str, Any] | None:
    """Give the choice that leads to the projection in the set's file."""
    stored = embedding_set.projection
    if stored is None:
        return None
    settings = {
        name: stored.settings.get(name, value)
        for name, value in DEFAULTS.get(stored.method, {}).items()
    }
    return {"method": stored.method, "dims": stored.dims, **settings}


def _compute(
    key: str, embedding_set: EmbeddingSet, choice: Mapping[str, Any], report: Report
) -> None:
    from embedviz.project import project

    settings = dict(choice)
    result = project(
        embedding_set,
        settings.pop("method"),
        **settings,
        progress=lambda done, total: report(Update(done, total, "%")),
    )
    with _lock:
        _found[key] = result
        _jobs.pop(key, None)
        while len(_found) > KEPT:
            _found.popitem(last=False)
