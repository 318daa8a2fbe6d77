"""An evaluation as a job: it runs in the queue, and its report stays in the workspace."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from embedviz.cli_evaluate import PARTS
from embedviz.cli_evaluate import titles as titled
from embedviz.data import EmbeddingSet
from embedviz.errors import Cancelled, EmbedvizError, RecordingError
from embedviz.evaluation.results import Evaluation, Progress
from embedviz.served.rows import Row
from embedviz.ui.evaluating_kept import Asked, Kept, begin, keep, stem_of
from embedviz.ui.job import Job, Report
from embedviz.ui.jobs import queue
from embedviz.ui.pace import Update
from embedviz.ui.relabelling import newest
from embedviz.ui.workspace import Workspace

BEGINNING = "Evaluating "
"""Of the titles of these jobs."""
_WRITING = 0.05
"""The share of the bar that the report's sounds take."""


def submit(workspace: Workspace, asked: Asked) -> Job:
    """Start an evaluation; the job's result is a `Kept`."""

    def work(report: Report) -> Kept:
        making = begin(workspace)
        try:
            return _evaluated(workspace, asked, making, report)
        except Cancelled:
            raise Cancelled("Stopped; nothing is kept of it.") from None
        finally:
            shutil.rmtree(making, ignore_errors=True)

    return queue().submit(work, owner=workspace.token, title=asked.title)


def jobs_of(workspace: Workspace) -> list[Job]:
    """Give the workspace's jobs that evaluate, oldest first, whichever tab began them."""
    every = queue().of(workspace.token)
    return [job for job in every if job.title.startswith(BEGINNING)]


def command(asked: Asked, titles: Mapping[str, str]) -> str:
    """Give the command that repeats it, in a folder with the files of the sets."""
    words = ["embedviz", "evaluate", *(f"{name}.parquet" for name in titles.values())]
    options = {
        "--label": asked.label,
        "--group": asked.group,
        "--folds": asked.folds,
        "--pool": asked.pooling,
        "--components": asked.components,
        "--neighbours": asked.neighbours,
        "--seed": asked.seed,
    }
    for name, value in options.items():
        words += [] if value is None else [name, str(value)]
    for part in PARTS:
        words += [] if part in asked.parts else ["--without", part]
    return shlex.join([*words, "--out", f"{stem_of(asked)}.html"])


def finder(workspace: Workspace, sets: Mapping[str, EmbeddingSet]) -> Callable[[str], Path]:
    """Give a function that finds a recording's file where this workspace may hear it."""
    rows: dict[str, list[Row]] = {}
    for one in sets.values():
        first_rows = np.flatnonzero(~one.table["recording"].duplicated())
        for index in first_rows.tolist():
            row = Row(workspace, one, index)
            rows.setdefault(row.recording, []).append(row)

    def find(recording: str) -> Path:
        why: EmbedvizError = RecordingError(f"No set says where {recording} lies.")
        for row in rows.get(recording, []):
            try:
                return row.file()
            except EmbedvizError as error:
                why = error
        raise why

    return find


def _evaluated(workspace: Workspace, asked: Asked, making: Path, report: Report) -> Kept:
    # scikit-learn and UMAP take seconds to load: here, in the worker, and never with the page.
    report(Update(0, 100, "%", "Reading the sets"))
    from embedviz.evaluation.evaluate import evaluate
    from embedviz.evaluation.report import write

    states = {name: workspace.state(name) for name in asked.names}
    opened = [workspace.open_set(name) for name in asked.names]
    titles = titled([Path(f"{name}.parquet") for name in asked.names], opened)
    sets = dict(zip(titles, opened, strict=True))
    names = dict(zip(titles, asked.names, strict=True))
    find = finder(workspace, sets)
    found = evaluate(
        sets,
        asked.label,
        group=asked.group,
        folds=asked.folds,
        pooling=asked.pooling,
        components=asked.components,
        neighbours=asked.neighbours,
        seed=asked.seed,
        parts=asked.parts,
        find=find,
        progress=_told(report, 0, 1 - _WRITING),
    )
    found = _described(found, workspace, asked, sets, names, making)
    out = making / f"{stem_of(asked)}.html"
    write(found, out, sets=sets, find=find, progress=_told(report, 1 - _WRITING, _WRITING))
    return keep(workspace, making, asked, titles=names, states=states)


def _described(
    found: Evaluation,
    workspace: Workspace,
    asked: Asked,
    sets: Mapping[str, EmbeddingSet],
    names: Mapping[str, str],
    making: Path,
) -> Evaluation:
    """Say with what it was made; no path says where the workspace lies, whose name is secret."""
    from embedviz.evaluation.making import made
    from embedviz.store import write_set

    files = {}
    for title, name in names.items():
        files[title] = workspace.set_path(name)
        if newest(workspace.labels(name)) is not None:
            # Labels that were set on the map lie apart from the set.
            files[title] = making / f"{name}.parquet"
            write_set(sets[title], files[title])
    about = made(sets, command=command(asked, names), seed=asked.seed, files=files)
    shown = {
        title: {**about.sets[title], "file": f"{name}.parquet"} for title, name in names.items()
    }
    return replace(found, made=replace(about, sets=shown))


def _told(report: Report, start: float, share: float) -> Callable[[Progress], None]:
    """Give a progress function for one stage, a share of the whole."""

    def tell(now: Progress) -> None:
        done = now.done / now.total if now.total else 0.0
        report(Update(100 * (start + share * done), 100, "%", now.doing))

    return tell
