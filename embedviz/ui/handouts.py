"""Files that are made of a map to be taken away: clips of its rows, and the map itself.

A job writes them into the workspace; they can be downloaded until the server forgets the job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from embedviz.data import EmbeddingSet
from embedviz.served.rows import Row
from embedviz.ui.job import Job, Report
from embedviz.ui.jobs import queue
from embedviz.ui.pace import Update
from embedviz.ui.progress import plain
from embedviz.ui.workspace import Workspace


@dataclass(frozen=True)
class Handout:
    """A finished file and what is to be said about it."""

    path: Path
    mime: str
    sentences: tuple[str, ...]
    of_set: str


def submit_clips(
    workspace: Workspace, name: str, embedding_set: EmbeddingSet, rows: Sequence[int]
) -> Job:
    """Start writing the sounds of rows into a zip."""

    def work(report: Report) -> Handout:
        from embedviz.clips import write_clips

        path = _folder(workspace) / f"{name}-clips.zip"
        written = write_clips(
            embedding_set,
            rows,
            path,
            find=_finder(workspace, embedding_set),
            progress=lambda done, total: report(Update(done, total, "clips")),
        )
        words = f"{written.written:,} clips with a table of their rows."
        sentences = (words, *_not_read(written.failures))
        return Handout(path, "application/zip", sentences, name)

    title = f"Cutting {len(rows):,} clips of {name}"
    return queue().submit(work, owner=workspace.token, title=title)


def submit_page(
    workspace: Workspace, name: str, embedding_set: EmbeddingSet, *, budget_mb: int, colour: str
) -> Job:
    """Start writing the map into one HTML file."""

    def work(report: Report) -> Handout:
        from embedviz.onefile import write_onefile

        path = _folder(workspace) / f"{name}-map.html"
        written = write_onefile(
            embedding_set,
            path,
            title=name,
            sound_budget_mb=budget_mb,
            # What was computed for the map is not in the file.
            colour=colour if colour in embedding_set.table else None,
            find=_finder(workspace, embedding_set),
            progress=lambda done, total: report(Update(done, total, "%")),
        )
        return Handout(path, "text/html", tuple(written.sentences), name)

    title = f"Writing the map of {name} into one file"
    return queue().submit(work, owner=workspace.token, title=title)


def show_handouts(workspace: Workspace, name: str) -> None:
    """Offer what was made of the set `name`, the newest of each kind."""
    found: dict[Path, Handout] = {}
    for job in queue().of(workspace.token):
        if isinstance(job.result, Handout) and job.result.of_set == name:
            found[job.result.path] = job.result
    for handout in found.values():
        if handout.path.is_file():
            _offer(handout)


def _not_read(failures: Mapping[str, str]) -> tuple[str, ...]:
    """Say which recordings are missing, and why; the file itself lists them all."""
    if not failures:
        return ()
    first = next(iter(failures.values()))
    if len(failures) == 1:
        return (f"One recording could not be read: {first}",)
    return (f"{len(failures):,} recordings could not be read; the first: {first}",)


def _offer(handout: Handout) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"Download {plain(handout.path.name)} ({handout.path.stat().st_size / 1e6:.1f} MB)",
            handout.path.read_bytes,
            file_name=handout.path.name,
            mime=handout.mime,
            icon=":material/download:",
            on_click="ignore",
            key=f"handout-{handout.path.name}",
        )
        st.caption(plain(" ".join(handout.sentences)))


def _finder(workspace: Workspace, embedding_set: EmbeddingSet) -> Callable[[int], Path]:
    return lambda row: Row(workspace, embedding_set, row).file()


def _folder(workspace: Workspace) -> Path:
    folder = workspace.folder / "handouts"
    folder.mkdir(exist_ok=True)
    return folder
