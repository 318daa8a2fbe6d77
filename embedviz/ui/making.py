"""Several models hear the recordings of a workspace in one pass; each gives a set with a map."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from embedviz import models
from embedviz.data import EmbeddingSet, Projection, Recording
from embedviz.embed import embed_to_files
from embedviz.errors import Cancelled, EmbedvizError, ModelError, Unheard
from embedviz.model import Model
from embedviz.project import project
from embedviz.setwriter import Written
from embedviz.ui.choice import Choice
from embedviz.ui.job import Report, sentence_for
from embedviz.ui.mapping import without_pictures, write_mapped
from embedviz.ui.pace import Update
from embedviz.ui.recordings import Collection
from embedviz.ui.together import Together
from embedviz.ui.weightjobs import fetch_missing
from embedviz.ui.workspace import Workspace
from embedviz.wording import counted

logger = logging.getLogger("embedviz")


@dataclass(frozen=True)
class Made:
    """A set that a run has made."""

    name: str
    """Of the set in the workspace."""
    points: int
    recordings: int
    failures: Mapping[str, str]
    """Name of every recording without points, and why."""


@dataclass(frozen=True)
class Finished:
    """The result of a run."""

    sets: tuple[Made, ...]
    """One or more."""
    refused: Mapping[str, str]
    """Title of every model without a set, and why."""


def make_sets(
    workspace: Workspace,
    collection: Collection,
    recordings: Sequence[Recording],
    choices: Sequence[Choice],
    report: Report,
) -> Finished:
    """Hear the recordings with every model that can be had, and lay each set out.

    Each recording is decoded once for all of them. What goes wrong with one model keeps nothing
    from the others.

    Raises
    ------
    Cancelled
        The job was asked to stop. It holds what was finished until then.
    EmbedvizError
        No model gave a set; the sentence says why.
    """
    refused: dict[str, str] = {}
    ready: dict[Choice, Model] = {}
    for choice in choices:
        with _noted(choice, refused):
            ready[choice] = _loaded(choice, report)
    sets: list[Made] = []
    folder = workspace.folder / "making" / token_hex(8)
    try:
        found = _heard(ready, recordings, collection, folder, report)
        for choice, written in found.items():
            with _noted(choice, refused):
                if isinstance(written, EmbedvizError):
                    raise written
                sets.append(_mapped(workspace, collection, choice, written, report))
    except Cancelled as stopped:
        stopped.made = Finished(tuple(sets), refused) if sets else None
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not sets:
        sentences = [*refused.values()]
        if len(choices) > 1:
            sentences = [f"{title}: {sentence}" for title, sentence in refused.items()]
        raise EmbedvizError(" ".join(sentences))
    return Finished(tuple(sets), refused)


@contextmanager
def _noted(choice: Choice, refused: dict[str, str]) -> Iterator[None]:
    """Note what is wrong with one model, so that the others go on."""
    try:
        yield
    except Cancelled:
        raise
    except EmbedvizError as error:
        refused[choice.title] = str(error)
    except Exception as error:
        logger.exception("%s gave no set", choice.title)
        refused[choice.title] = sentence_for(error)


def _loaded(choice: Choice, report: Report) -> Model:
    # Before its weights are fetched.
    if (refusal := choice.refusal) is not None:
        raise ModelError(refusal)
    fetch_missing(models.facts(choice.model), choice.variant, report)
    # TensorFlow takes seconds to load: here, in the worker, and never with the page.
    report(Update(0, 0, detail=f"Loading {choice.title}"))
    return models.load_model(choice.model, choice.variant)


def _heard(
    ready: Mapping[Choice, Model],
    recordings: Sequence[Recording],
    collection: Collection,
    folder: Path,
    report: Report,
) -> dict[Choice, Written | Unheard]:
    """Embed into files: hours of sound make more rows than should be in memory."""
    if not ready:
        return {}
    by_title = {choice.title: choice for choice in ready}
    asked = next(iter(ready))
    found = embed_to_files(
        recordings,
        {title: ready[choice] for title, choice in by_title.items()},
        {title: folder / f"{number}.parquet" for number, title in enumerate(by_title)},
        per=asked.per,
        hop_s=asked.hop_s,
        channel=asked.channel,
        failures=dict(collection.failures),
        progress=Together(list(by_title), report),
    )
    return {by_title[title]: result for title, result in found.items()}


def _mapped(
    workspace: Workspace, collection: Collection, choice: Choice, written: Written, report: Report
) -> Made:
    """Lay a set out and put it into the workspace."""
    places = _places(without_pictures(written.path), choice, report)
    name = workspace.unused_set_name(f"{collection.title} {choice.name}")
    # Only here: the name of a set is taken as soon as its file is there.
    write_mapped(written.path, places, workspace.set_path(name))
    provenance = written.provenance
    return Made(name, written.rows, len(provenance.recordings), provenance.failures)


def _places(found: EmbeddingSet, choice: Choice, report: Report) -> Projection:
    detail = f"Laying out {counted(len(found), 'point')} of {choice.title} with UMAP"
    report(Update(0, 100, "%", detail))
    # The first layout of a process compiles for some seconds before it can say how far it is.
    return project(
        found, "umap", progress=lambda done, total: report(Update(done, total, "%", detail))
    )
