"""Query by example: a set's own model hears a clip, which gets its place and its neighbours.

queries/<id>.parquet   what the model heard, a set named `query~<id>`
queries/<id>.<ending>  the clip
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np

from embedviz import audio, catalogue, models, weights
from embedviz.data import EmbeddingSet, FloatArray, Projection, Provenance, Recording
from embedviz.embed import embed
from embedviz.errors import ModelError, ProjectionError, RecordingError, WeightsError
from embedviz.facts import Facts
from embedviz.likeness import Nearest, most_like
from embedviz.model import Model, Per
from embedviz.store import write_set
from embedviz.titles import model_title
from embedviz.ui.job import Job, Report
from embedviz.ui.jobs import queue
from embedviz.ui.pace import Update
from embedviz.ui.results import result
from embedviz.ui.workspace import QUERY, Workspace, safe_name

LONGEST_S = 600.0
LONGEST_TITLE = 100
NEAREST = 12
QUERIES_KEPT = 20
"""Of a workspace; the oldest go."""


@dataclass(frozen=True)
class Query:
    """A clip that was asked for and what was found."""

    id: str
    asked: str
    """The name of the set whose map it is placed on."""
    title: str
    embedding_set: EmbeddingSet
    """The windows of the clip."""
    projection: Projection | None
    """The map that was shown then."""
    coordinates: FloatArray | None
    """(windows, dims) on that map; None where it has no place for what is new."""
    how: str
    """How the places were found, or why there are none."""
    nearest: Nearest

    @property
    def name(self) -> str:
        """What `Workspace.open_set` knows the windows by."""
        return QUERY + self.id


def obstacle(made: Provenance) -> str:
    """Say why nothing can be asked of a set; empty where something can."""
    try:
        _checked(made)
    except (ModelError, WeightsError) as error:
        return str(error)
    return ""


def ask(
    workspace: Workspace,
    name: str,
    path: Path,
    title: str,
    *,
    projection: Projection | None = None,
) -> Job:
    """Start placing a clip on the map of the set `name`; the job's result is a `Query`.

    Parameters
    ----------
    path
        Any sound; it is copied before this returns.
    title
        What the clip is called.
    projection
        The map that is shown; the set's own if None.

    Raises
    ------
    EmbedvizError
        The clip cannot be read or the set's model not be asked.
    """
    found = workspace.open_set(name)
    facts = _checked(found.provenance)
    shown = projection or found.projection
    title = " ".join(title.split())[:LONGEST_TITLE] or "clip"
    recording = audio.inspect(path, name=title)
    if recording.duration_s > LONGEST_S:
        raise RecordingError(
            f"{title} lasts {recording.duration_s / 60:.0f} min; "
            f"a clip to ask with lasts up to {LONGEST_S / 60:.0f} min. Cut out a part of it."
        )
    query = secrets.token_hex(8)
    recording = replace(recording, path=_copied(path, workspace.queries, query))

    def work(report: Report) -> Query:
        try:
            heard = _heard(recording, found.provenance, facts, report)
            report(Update(0, 0, detail="Looking for its place and its neighbours"))
            nearest = most_like(found.vectors, heard.vectors, NEAREST)
            coordinates, how = _placed(found, shown, heard.vectors)
            write_set(heard, workspace.set_path(QUERY + query))
        except BaseException:
            recording.path.unlink(missing_ok=True)  # nobody would ever hear it
            raise
        _forget_old(workspace.queries)
        return Query(query, name, title, heard, shown, coordinates, how, nearest)

    words = f"Asking {model_title(found.provenance)} for {title}"
    return queue().submit(work, owner=workspace.token, title=words)


def answers(workspace: Workspace, name: str) -> list[Query]:
    """Give what was asked of the set `name`, newest first, while the server remembers it."""
    results = [job.result for job in reversed(queue().of(workspace.token))]
    queries = [result for result in results if isinstance(result, Query) and result.asked == name]
    return [query for query in queries if workspace.set_path(query.name).is_file()]


def places(workspace: Workspace, asked: Query, shown: EmbeddingSet) -> FloatArray | None:
    """Give where a query's windows lie on the map that is shown; None while a job finds it out.

    Parameters
    ----------
    shown
        The set that was asked, with the map.
    """
    projection = shown.projection
    if projection is None:
        return None
    then = asked.projection
    if then is not None and np.array_equal(then.coordinates, projection.coordinates):
        return asked.coordinates
    found = result(
        f"placed|{asked.id}|{hash(projection.coordinates.tobytes())}",
        lambda report: _placed(shown, projection, asked.embedding_set.vectors),
        owner=workspace.token,
        title=f"Placing {asked.title} on the map",
    )
    return None if isinstance(found, Job) else found[0]


def _checked(made: Provenance) -> Facts:
    """Give the facts of the model that made a set, if exactly that model can listen again."""
    if made.members:
        raise ModelError(
            f"The vectors join {' and '.join(made.members)}; ask a set of one of these models."
        )
    if ":" in made.model:
        raise ModelError(f"{made.model} is no model of embedviz's own; it cannot be asked here.")
    facts = models.facts(made.model)
    variant = models.checked_variant(facts, made.variant)
    if not catalogue.ready(facts, variant):
        raise WeightsError(
            f"The weights of {facts.title} are not on this machine; get them on the page Models."
        )
    for file, found in weights.find(facts, variant).items():
        # What only names classes may be missing here or there.
        known = made.weights.get(file, found.sha256 if found.file.optional else "")
        if known != found.sha256:
            raise WeightsError(
                f"The weights of {facts.title} on this machine are not those that the set was "
                f"made with ({file} differs), so its distances would mean nothing."
            )
    return facts


def _copied(path: Path, folder: Path, query: str) -> Path:
    folder.mkdir(exist_ok=True)
    target = folder / f"{query}{Path(safe_name(path.name)).suffix.lower()}"
    if target.suffix == ".parquet":
        target = target.with_suffix(".sound")
    shutil.copyfile(path, target)
    return target


def _heard(recording: Recording, made: Provenance, facts: Facts, report: Report) -> EmbeddingSet:
    """Hear a clip exactly as the set's recordings were heard."""
    report(Update(0, 0, detail=f"Loading {facts.title}"))
    model = _loaded(made.model, made.variant, made.precision, tuple(sorted(made.weights.items())))
    per = cast(Per, made.per)
    own_hop = model.checked_hop(per, None) == made.hop_s
    # A clip of one channel has no second one to be heard.
    channel = None if (made.channel or 1) > recording.channels else made.channel
    return embed(
        [recording],
        model,
        per=per,
        hop_s=None if own_hop else made.hop_s,
        channel=channel,
        progress=lambda now: report(Update(now.done_s, now.total_s, "s", recording.name)),
    )


@lru_cache(maxsize=1)
def _loaded(name: str, variant: str, precision: str, files: Sequence[tuple[str, str]]) -> Model:
    """Load a model, once for several clips; `files` tells two states of its weights apart."""
    return models.load_model(name, variant, precision=precision)


def _placed(
    found: EmbeddingSet, projection: Projection | None, vectors: FloatArray
) -> tuple[FloatArray | None, str]:
    from embedviz.placing import place  # UMAP takes seconds to load

    if projection is None:
        return None, "The set has no map yet."
    try:
        placed = place(found.with_projection(projection), vectors)
    except ProjectionError as error:
        return None, str(error)
    return placed.coordinates, placed.how


def _forget_old(folder: Path) -> None:
    """Delete all but the newest queries, also what is left of those that were stopped."""
    newest: dict[str, float] = {}
    for path in folder.iterdir():
        newest[path.stem] = max(newest.get(path.stem, 0.0), path.stat().st_mtime)
    kept = sorted(newest, key=lambda stem: newest[stem], reverse=True)[:QUERIES_KEPT]
    for path in folder.iterdir():
        if path.stem not in kept:
            path.unlink(missing_ok=True)
