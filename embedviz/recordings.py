"""Find the recordings among files, folders and zip archives, and give each one its own name."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import soundfile as sf

from embedviz.archives import unpack
from embedviz.audio import inspect, sha256
from embedviz.data import Recording
from embedviz.errors import RecordingError

# Headerless sound (.raw) cannot be read without being told its rate and format.
_FORMATS = {name.lower() for name in sf.available_formats()} - {"raw"}
_ALIASES = "aif aifc aiff bwf fla iff mp1 mp2 oga opus snd sph spx svx wave"
EXTENSIONS = frozenset(f".{name}" for name in _FORMATS | set(_ALIASES.split()))
"""The extensions, in lower case, that make a file in a folder or an archive a recording."""


@dataclass(frozen=True)
class Gathered:
    """What lies under the paths that were given, in their order."""

    recordings: tuple[Recording, ...]
    failures: Mapping[str, str]
    """Name of what cannot be used -> one sentence."""
    skipped: int
    """Files in folders and archives that are hidden or, by their extension, no recordings."""


@dataclass(frozen=True)
class _Found:
    name: str
    """The wished name: the path inside the folder or archive given, or the file's own name."""
    origin: str
    """Name of the folder or archive around it, which tells equal names apart."""
    path: Path | None
    failure: str = ""
    skipped: bool = False


def gather(paths: Iterable[Path], *, unpack_to: Path) -> Gathered:
    """Give the recordings among files, folders and zip archives, reading only their headers.

    A file is always tried, whatever its extension; folders and archives are searched to their
    depth, sorted, for the extensions in `EXTENSIONS`. A recording is named by its path inside
    what was given, with forward slashes; equal names get the folder's or archive's name in front.
    Archives are unpacked below `unpack_to`, which is not touched without one. What cannot be used
    never raises: it becomes a sentence in `failures`.
    """
    every = [item for path in paths for item in _search(Path(path), unpack_to)]
    every = _without_repeats(every)
    wanted = [item for item in every if not item.skipped]
    recordings: list[Recording] = []
    failures: dict[str, str] = {}
    for item, name in zip(wanted, _unique_names(wanted), strict=True):
        if item.path is None:
            failures[name] = item.failure
            continue
        try:
            recordings.append(inspect(item.path, name=name))
        except RecordingError as error:
            failures[name] = str(error)
    return Gathered(tuple(recordings), failures, len(every) - len(wanted))


def _search(path: Path, unpack_to: Path) -> Iterator[_Found]:
    if os.path.isdir(path):
        return _search_folder(path)
    if _is_archive(path):
        return _search_archive(path, unpack_to)
    return iter([_Found(path.name, path.absolute().parent.name, path)])


def _search_folder(folder: Path) -> Iterator[_Found]:
    origin = folder.resolve().name
    unreadable: list[OSError] = []
    files = sorted(
        (Path(parent, name).relative_to(folder).as_posix(), Path(parent, name))
        for parent, _, names in os.walk(folder, onerror=unreadable.append)
        for name in names
    )
    for name, path in files:
        yield _Found(name, origin, path, skipped=_is_skipped(name))
    for error in unreadable:
        inside = Path(error.filename).relative_to(folder).as_posix()
        name = origin if inside == "." else inside
        yield _Found(name, origin, None, f"{name} cannot be searched ({error.strerror}).")


def _search_archive(archive: Path, unpack_to: Path) -> Iterator[_Found]:
    try:
        digest = sha256(archive)
        folder = unpack_to / digest[:16]
        unpacked = unpack(archive, folder, digest=digest)
    except RecordingError as error:
        yield _Found(archive.name, archive.absolute().parent.name, None, str(error))
        return
    for path in unpacked.files:
        name = path.relative_to(folder).as_posix()
        yield _Found(name, archive.name, path, skipped=_is_skipped(name))
    for name, sentence in unpacked.failures.items():
        yield _Found(name, archive.name, None, sentence)


def _is_archive(path: Path) -> bool:
    """Tell by content; a recording that merely ends like an archive stays a recording."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            if file.read(4) in (b"PK\x03\x04", b"PK\x05\x06"):
                return True
        return path.suffix.lower() == ".zip" and zipfile.is_zipfile(path)
    except OSError:
        return False


def _is_skipped(name: str) -> bool:
    inside = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in inside.parts)
    return hidden or inside.suffix.lower() not in EXTENSIONS


def _without_repeats(items: list[_Found]) -> list[_Found]:
    """Keep the first of every file, however its path was written."""
    first: dict[object, _Found] = {}
    for item in items:
        first.setdefault(item if item.path is None else os.path.realpath(item.path), item)
    return list(first.values())


def _unique_names(items: list[_Found]) -> list[str]:
    """Give one name for each item: the wished one, else with its origin, else with a number."""
    wishes = Counter(item.name for item in items)
    taken: set[str] = set()
    names: list[str] = []
    for item in items:
        alone = wishes[item.name] == 1 or not item.origin
        name = item.name if alone else f"{item.origin}/{item.name}"
        name = name.encode(errors="replace").decode()  # not every file name is valid Unicode
        plain, number = PurePosixPath(name), 1
        while name in taken:
            number += 1
            name = str(plain.with_name(f"{plain.stem} ({number}){plain.suffix}"))
        taken.add(name)
        names.append(name)
    return names
