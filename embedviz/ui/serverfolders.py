"""Folders of this machine that visitors may use: those below what `EMBEDVIZ_RECORDINGS` names.

<workspace>/folders.json   which of them a workspace uses, and when it looked into each

Recordings stay where they lie and are never copied. A folder is looked into when it is added and
when the user asks again, not with every look at the page: it may hold months of sound.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Container, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from embedviz.atomic import written_whole
from embedviz.audio import inspect
from embedviz.errors import EmbedvizError, RecordingError
from embedviz.folders import cache_folder
from embedviz.partitions import INDEX
from embedviz.recordings import EXTENSIONS, Gathered, gather
from embedviz.ui.workspace import Workspace

SET_ENDING = ".parquet"
PATIENCE_S = 2.0
"""Seconds that a visitor waits to learn how much a folder holds."""


@dataclass(frozen=True)
class Survey:
    """How much a folder holds, as far as it could be found out in time."""

    recordings: int
    seconds: float | None
    """Of sound; None where not even the files could all be counted."""
    exact: bool
    """Whether every header was read; else the seconds are an estimate from some of them."""


def roots() -> tuple[Path, ...]:
    """Give the folders that the owner of this machine has named, links followed."""
    named = os.environ.get("EMBEDVIZ_RECORDINGS", "").split(os.pathsep)
    found = (Path(name).expanduser().resolve() for name in named if name.strip())
    return tuple(dict.fromkeys(folder for folder in found if folder.is_dir()))


def is_allowed(path: Path) -> bool:
    """Tell whether a path, its links followed, lies in one of them and not among the app's own."""
    real = path.resolve()
    # Whoever could look into that folder would see the tokens of everybody's workspaces.
    own = real.is_relative_to(cache_folder().resolve())
    return not own and any(real.is_relative_to(root) for root in roots())


def subfolders(folder: Path) -> list[str]:
    """Name the folders in a folder that may be used, sorted; hidden ones are left out.

    Raises
    ------
    EmbedvizError
        It may not be used, or cannot be read.
    """
    try:
        with os.scandir(_checked(folder)) as entries:
            names = [e.name for e in entries if e.is_dir() and _is_plain_folder(e.name)]
    except OSError as error:
        raise EmbedvizError(f"{folder.name} cannot be read ({error.strerror}).") from error
    return sorted(name for name in names if is_allowed(folder / name))


def survey(folder: Path, *, patience_s: float = PATIENCE_S) -> Survey:
    """Count the recordings in a folder and their hours, for no longer than `patience_s` each.

    Raises
    ------
    EmbedvizError
        It may not be used.
    """
    files: list[Path] = []
    until = time.monotonic() + patience_s
    for path in _files(_checked(folder), EXTENSIONS):
        if time.monotonic() > until:
            return Survey(len(files), None, exact=False)
        files.append(path)
    seconds, read, until = 0.0, 0, time.monotonic() + patience_s
    for path in _spread(files):
        if time.monotonic() > until:
            break
        seconds += _duration_s(path)
        read += 1
    exact = read == len(files)
    return Survey(len(files), seconds if exact else seconds / max(read, 1) * len(files), exact)


def sets(folder: Path, *, patience_s: float = PATIENCE_S) -> dict[str, Path]:
    """Find the embedding sets in a folder and below, files and sets in parts, by their names.

    A set of which a part is a link out of the allowed folders is left out.

    Raises
    ------
    EmbedvizError
        It may not be used.
    """
    top, found = _checked(folder), []
    until = time.monotonic() + patience_s
    for parent, folders, names in os.walk(top):
        if time.monotonic() > until:
            break
        in_parts = [name for name in folders if Path(parent, name, INDEX).is_file()]
        folders[:] = [name for name in folders if _is_plain_folder(name)]
        files = [name for name in names if name.endswith(SET_ENDING) and name[0] != "."]
        found += [Path(parent, name) for name in (*in_parts, *files) if name.endswith(SET_ENDING)]
    found = [path for path in found if is_allowed(path) and _holds_only_allowed(path)]
    return {path.relative_to(top).as_posix(): path for path in sorted(found)}


def used(workspace: Workspace) -> Mapping[str, float]:
    """Give the folders that a workspace uses, and when it looked into each, in seconds."""
    found = read_note(_list_of(workspace))
    return found if isinstance(found, dict) else {}


def use(workspace: Workspace, folder: Path) -> None:
    """Use a folder's recordings in a workspace, as they are now.

    Raises
    ------
    EmbedvizError
        It may not be used.
    """
    _write(workspace, {**used(workspace), str(_checked(folder)): time.time()})


def leave(workspace: Workspace, folder: str) -> None:
    """Use a folder no longer; nothing in it changes."""
    _write(workspace, {name: seen for name, seen in used(workspace).items() if name != folder})


def gathered(folder: str, *, unpack_to: Path) -> Gathered:
    """Give the recordings in a folder, named by their path with its own name in front.

    What leads out of the allowed folders becomes a sentence, as does a folder that is not
    allowed any longer.
    """
    top = Path(folder)
    try:
        found = gather([_checked(top)], unpack_to=unpack_to)
    except EmbedvizError as error:
        return Gathered((), {top.name: str(error)}, 0)
    own, failures = cache_folder().resolve(), {}
    for name, sentence in found.failures.items():
        if not (top / name).is_relative_to(own):
            failures[name] = sentence if _stays(top / name) else _leads_out(name)
    inside = [r for r in found.recordings if not r.path.is_relative_to(own)]
    failures |= {r.name: _leads_out(r.name) for r in inside if not _stays(r.path)}
    return Gathered(
        tuple(replace(r, name=f"{top.name}/{r.name}") for r in inside if r.name not in failures),
        {f"{top.name}/{name}": sentence for name, sentence in failures.items()},
        found.skipped,
    )


def tables(folder: str, extensions: Container[str]) -> dict[str, Path]:
    """Give the label tables in a folder by their names, which are made like a recording's."""
    top = Path(folder)
    if not is_allowed(top):
        return {}
    found = sorted(_files(top, extensions))
    return {f"{top.name}/{path.relative_to(top).as_posix()}": path for path in found}


def read_note(path: Path) -> object:
    """Give what a JSON file of a workspace says; None where there is none or it is torn."""
    with suppress(FileNotFoundError, ValueError):
        return json.loads(path.read_text("utf-8"))
    return None


def write_note(path: Path, content: object) -> None:
    """Write a JSON file of a workspace; it appears whole or not at all."""
    with written_whole(path) as file:
        file.write(json.dumps(content).encode())


def _checked(folder: Path) -> Path:
    real = folder.resolve()
    if not is_allowed(real):
        raise EmbedvizError(f"{folder.name} is none of the folders that this app may read.")
    if not real.is_dir():
        raise EmbedvizError(f"{folder.name} is no folder any longer.")
    return real


def _files(folder: Path, extensions: Container[str]) -> Iterator[Path]:
    """Give the files of a folder and below that are neither hidden nor lead out of it."""
    own = cache_folder().resolve()
    for parent, folders, names in os.walk(folder):
        shown = [name for name in folders if not name.startswith(".")]
        folders[:] = [name for name in shown if Path(parent, name) != own]
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            if path.suffix.lower() in extensions and _stays(path):
                yield path


def _is_plain_folder(name: str) -> bool:
    """Tell whether a folder may hold recordings; a set in parts does not."""
    return not name.startswith(".") and not name.endswith(SET_ENDING)


def _stays(path: Path) -> bool:
    """Tell whether a file found in an allowed folder, on a way without links, lies in one too."""
    return not path.is_symlink() or is_allowed(path)


def _holds_only_allowed(found: Path) -> bool:
    """Tell whether no file of a set in parts leads out of the allowed folders."""
    try:
        return not found.is_dir() or all(_stays(path) for path in found.iterdir())
    except OSError:
        return False


def _spread(files: list[Path]) -> Iterator[Path]:
    """Give every file once, so that the first ones come from everywhere."""
    steps = max(1, round(len(files) ** 0.5))
    return (path for begin in range(steps) for path in files[begin::steps])


def _duration_s(path: Path) -> float:
    try:
        return inspect(path).duration_s
    except RecordingError:
        return 0.0


def _leads_out(name: str) -> str:
    return f"{name} is a link out of the folders that this app may read."


def _write(workspace: Workspace, folders: Mapping[str, float]) -> None:
    write_note(_list_of(workspace), dict(folders))


def _list_of(workspace: Workspace) -> Path:
    return workspace.folder / "folders.json"
