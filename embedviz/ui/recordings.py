"""The recordings of a workspace: what was brought in, read anew from its folder.

<workspace>/uploads/         files, folders, zip archives and label tables as they came
<workspace>/unpacked/        what the archives hold
<workspace>/left_out.json    what was removed of it, which the archives would bring back
<workspace>/folders.json     folders of this machine that are used as well, see `serverfolders`
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from embedviz.data import Recording
from embedviz.folders import demo_recordings
from embedviz.recordings import Gathered, gather
from embedviz.ui import serverfolders
from embedviz.ui.workspace import Workspace

TABLES = (".csv", ".tsv")
DEMO_FOLDER = "demo"
UNTITLED = "recordings"

Stamp = tuple[tuple[str, int, int], ...]
"""Name, size and time of change of every file: another stamp, other contents."""


class Upload(Protocol):
    """An uploaded file as Streamlit gives it."""

    name: str

    def seek(self, position: int, /) -> int:
        """Go to a position."""

    def read(self, size: int = -1, /) -> bytes:
        """Read some bytes."""


@dataclass(frozen=True, eq=False)
class Collection:
    """What lies in a workspace's folder."""

    recordings: tuple[Recording, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    """Name of what cannot be read, and one sentence."""
    tables: tuple[tuple[str, Path], ...] = ()
    """Name and place of every label table."""
    skipped: int = 0
    """Files that are neither recordings nor tables nor archives."""
    archives: tuple[str, ...] = ()

    @property
    def in_folders(self) -> bool:
        """Whether folders could be labels."""
        return any("/" in recording.name for recording in self.recordings)

    @property
    def channels(self) -> int:
        """The most channels that a recording has."""
        return max((recording.channels for recording in self.recordings), default=0)

    @property
    def title(self) -> str:
        """Words for the names of its sets: its one folder or archive."""
        tops = {recording.name.split("/")[0] for recording in self.recordings}
        if len(tops) == 1 and all("/" in recording.name for recording in self.recordings):
            return tops.pop()
        return Path(self.archives[0]).stem if len(self.archives) == 1 else UNTITLED


def collected(workspace: Workspace) -> Collection:
    """Give what lies in the workspace's folder; headers are read again only after a change."""
    folders = tuple(serverfolders.used(workspace).items())
    return _collected(workspace, _stamp(workspace.uploads), _left_out(workspace), folders)


def keep(workspace: Workspace, uploads: Iterable[Upload | BinaryIO], *, under: str = "") -> None:
    """Write uploaded files into the workspace, into the folder `under` where one is named."""
    for upload in uploads:
        upload.seek(0)
        workspace.save(f"{under}/{upload.name}", upload)  # type: ignore[arg-type]


def keep_demo(workspace: Workspace) -> None:
    """Copy the demo recordings into the workspace; they are made first where nobody did yet."""
    from embedviz.demo import write_demo

    demo = write_demo(demo_recordings())
    for clip in demo.clips:
        with clip.open("rb") as content:
            workspace.save(f"{DEMO_FOLDER}/{clip.parent.name}/{clip.name}", content)


def remove(workspace: Workspace, paths: Iterable[Path], failed: Iterable[str] = ()) -> None:
    """Take recordings, and failures by their names, out of the workspace.

    Only what was uploaded is deleted.
    """
    left_out = set(_left_out(workspace))
    for path in [*paths, *(workspace.uploads / name for name in failed)]:
        if path.is_relative_to(workspace.uploads) and path.is_file():
            path.unlink()
        else:
            left_out.add(_named(workspace, path))
    serverfolders.write_note(_left_out_path(workspace), sorted(left_out))


def remove_all(workspace: Workspace) -> None:
    """Empty the workspace of everything that was brought in; its sets and others' files stay."""
    for folder in (workspace.uploads, _unpacked(workspace)):
        shutil.rmtree(folder, ignore_errors=True)
    workspace.uploads.mkdir(exist_ok=True)
    for used in serverfolders.used(workspace):
        serverfolders.leave(workspace, used)
    _left_out_path(workspace).unlink(missing_ok=True)


def lasting(seconds: float) -> str:
    """Write a length of time as people say it: `3.1 s`, `20 min 4 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours:,} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


@lru_cache(maxsize=8)
def _collected(
    workspace: Workspace,
    stamp: Stamp,
    left_out: frozenset[str],
    folders: tuple[tuple[str, float], ...],
) -> Collection:
    files = [workspace.uploads / name for name, _, _ in stamp]
    archives = [path for path in files if path.suffix.lower() == ".zip"]
    # A file of its own is tried whatever it is called, so that it gets its sentence.
    alone = [
        path
        for path in files
        if path.parent == workspace.uploads and path.suffix.lower() not in (".zip", *TABLES)
    ]
    unpacked = _unpacked(workspace)
    found = gather([*alone, workspace.uploads, *archives], unpack_to=unpacked)
    for folder, _ in folders:
        found = _together(found, serverfolders.gathered(folder, unpack_to=unpacked))

    def is_kept(path: Path) -> bool:
        return _named(workspace, path) not in left_out

    recordings = tuple(r for r in found.recordings if is_kept(r.path))
    used = {r.path.relative_to(unpacked).parts[0] for r in recordings if unpacked in r.path.parents}
    inside = [path for folder in sorted(used) for path in sorted((unpacked / folder).rglob("*"))]
    tables = {
        path.relative_to(root).as_posix(): path
        for root, paths in ((workspace.uploads, files), (unpacked, inside))
        for path in paths
        if path.suffix.lower() in TABLES and path.is_file()
    }
    for folder, _ in folders:
        tables |= serverfolders.tables(folder, TABLES)
    tables = {_short(name, tables): path for name, path in tables.items()}
    return Collection(
        recordings,
        tuple((n, s) for n, s in found.failures.items() if is_kept(workspace.uploads / n)),
        tuple(tables.items()),
        max(0, found.skipped - len(archives) - len(tables)),
        tuple(path.name for path in archives),
    )


def _together(first: Gathered, second: Gathered) -> Gathered:
    """Join two findings; what is called like something of the first gets a number."""
    taken, recordings = {r.name for r in first.recordings} | set(first.failures), []
    for recording in second.recordings:
        plain, name, number = PurePosixPath(recording.name), recording.name, 1
        while name in taken:
            number += 1
            name = str(plain.with_name(f"{plain.stem} ({number}){plain.suffix}"))
        taken.add(name)
        recordings.append(replace(recording, name=name))
    return Gathered(
        (*first.recordings, *recordings),
        {**second.failures, **first.failures},
        first.skipped + second.skipped,
    )


def _named(workspace: Workspace, path: Path) -> str:
    """Give what a removed file is remembered by: its place in the workspace or on the machine."""
    inside = path.is_relative_to(workspace.folder)
    return (path.relative_to(workspace.folder) if inside else path).as_posix()


def _short(name: str, others: Iterable[str]) -> str:
    """Leave a table's folders away where its own name is enough."""
    last = name.rsplit("/", 1)[-1]
    return last if sum(other.rsplit("/", 1)[-1] == last for other in others) == 1 else name


def _stamp(folder: Path) -> Stamp:
    names = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    stats: Mapping[Path, os.stat_result] = {path: path.stat() for path in names}
    return tuple(
        sorted(
            (p.relative_to(folder).as_posix(), s.st_size, s.st_mtime_ns) for p, s in stats.items()
        )
    )


def _unpacked(workspace: Workspace) -> Path:
    return workspace.folder / "unpacked"


def _left_out_path(workspace: Workspace) -> Path:
    return workspace.folder / "left_out.json"


def _left_out(workspace: Workspace) -> frozenset[str]:
    found = serverfolders.read_note(_left_out_path(workspace))
    return frozenset(found) if isinstance(found, list) else frozenset()
