"""Reading a bundle, ours or anybody's, as embedding sets."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from embedviz.data import EmbeddingSet, FloatArray
from embedviz.errors import BundleError, EmbedvizError
from embedviz.imported import Made, imported_set
from embedviz.projector.configs import CONFIG_JSON, Entry, local_path, read_configs
from embedviz.projector.contents import FOR_TENSORBOARD
from embedviz.projector.files import BundleFiles
from embedviz.projector.findings import Notes
from embedviz.projector.locating import bundles_in
from embedviz.projector.read_bookmarks import read_projection
from embedviz.projector.read_metadata import (
    foreign_columns,
    is_own,
    own_columns,
    read_metadata,
)
from embedviz.projector.read_own import README, Said, read_own
from embedviz.projector.read_sprite import read_sprite
from embedviz.projector.read_tensors import read_bytes, read_tsv

# A damaged zip fails in any of these ways, an encrypted one with a RuntimeError.
_UNREADABLE = (OSError, EOFError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile)


def read_bundle(path: Path, *, failures: dict[str, str] | None = None) -> dict[str, EmbeddingSet]:
    """Give the sets of a bundle by the names that its config gives them.

    Parameters
    ----------
    path
        A folder, a zip or a config of any name: JSON as the standalone projector reads it,
        or TensorBoard's pbtxt. Without a config, one file of vectors (`.tsv`) and one whose name
        says that it is metadata. Nothing outside the folder or zip is read.
    failures
        Gets the name of each set that cannot be read, and why; without it the first one raises.

    Returns
    -------
    dict[str, EmbeddingSet]
        Metadata as columns, a sprite sheet as thumbnails, the first map among the bookmarks as
        projection. Written again, the sets of a bundle by embedviz give the same files.

    Raises
    ------
    BundleError
        If there is no bundle, or no set of it can be read.
    """
    found: dict[str, EmbeddingSet] = {}
    failed: dict[str, str] = {}
    try:
        with bundles_in(path) as bundles:
            for files, pair in bundles:
                for entries in [[pair]] if pair else _entries(files):
                    name = _unused(entries[0].name.removesuffix(":0"), {*found, *failed})
                    try:
                        found[name] = _read(files, entries)
                    except EmbedvizError as problem:
                        if failures is None:
                            raise
                        failed[name] = str(problem)
    except _UNREADABLE as problem:
        raise BundleError(f"{path} cannot be read ({problem}); copy or pack it again.") from problem
    if not found:
        raise BundleError(next(iter(failed.values())))
    if failures is not None:
        failures |= failed
    return found


def read_pair(vectors: Path, metadata: Path | None = None) -> EmbeddingSet:
    """Give the set of two files of text, as the projector's button `Load` takes them.

    Raises
    ------
    BundleError
        If they cannot be read, or do not belong together.
    """
    try:
        with vectors.open("rb") as stream:
            numbers, labels = read_tsv(stream, vectors.name)
        columns = pd.DataFrame({"label": labels} if labels else {}, index=range(len(numbers)))
        if metadata is not None:
            with metadata.open("rb") as stream:
                cells = read_metadata(stream, len(numbers), metadata.name)
            columns = foreign_columns(cells)
    except OSError as problem:
        raise BundleError(f"{problem.filename} cannot be read: {problem.strerror}.") from problem
    return imported_set(vectors.stem, numbers, columns)


def _entries(files: BundleFiles) -> list[list[Entry]]:
    """Give for each set of a bundle what its configs say of it, the JSON first."""
    notes = Notes()
    named: dict[tuple[str, int], list[Entry]] = {}
    times: Counter[tuple[str, str]] = Counter()
    every = read_configs(files, notes)
    # Of a large set embedviz writes a sample for TensorBoard, in a folder of that name.
    whole = [entry for entry in every if not _is_sample(entry, files)]
    for entry in whole or every:
        times[entry.config, entry.name] += 1
        named.setdefault((entry.name, times[entry.config, entry.name]), []).append(entry)
    if not named:
        raise _refusal(notes, "projector_config.json names no embeddings.")
    return list(named.values())


def _is_sample(entry: Entry, files: BundleFiles) -> bool:
    in_folder = FOR_TENSORBOARD in entry.tensor and entry.for_tensorboard
    return in_folder and files.size(CONFIG_JSON) is not None and files.size(README) is not None


def _read(files: BundleFiles, entries: Sequence[Entry]) -> EmbeddingSet:
    """Read a set through the first of its entries whose vectors are in the bundle."""
    named = [entry for entry in entries if entry.tensor]
    for entry in named:
        tensor = _local(entry, entry.tensor, files, Notes())
        if tensor:
            return _read_entry(files, entry, tensor)
    if named:
        _required(named[0], named[0].tensor, files)
    raise BundleError(
        f"{entries[0].name} names no file of vectors; a checkpoint cannot be read, only .tsv or "
        ".bytes."
    )


def _read_entry(files: BundleFiles, entry: Entry, tensor: str) -> EmbeddingSet:
    vectors, labels = _vectors(files, entry, tensor)
    said = read_own(files, entry)
    columns = pd.DataFrame({"label": labels} if labels else {}, index=range(len(vectors)))
    made = said.made
    if entry.metadata:
        name = _required(entry, entry.metadata, files)
        with files.open(name) as stream:
            cells = read_metadata(stream, len(vectors), name)
        if said.is_own and is_own(cells):
            columns, own_labels = own_columns(cells)
            made = Made(made.version, made.verified, made.window_s, own_labels)
        else:
            columns = foreign_columns(cells)
    return _complete(files, entry, said, imported_set(said.model, vectors, columns, made=made))


def _complete(files: BundleFiles, entry: Entry, said: Said, found: EmbeddingSet) -> EmbeddingSet:
    """Add the pictures and the map that a bundle has for a set."""
    thumbnails = projection = None
    if entry.sprite:
        name = _required(entry, entry.sprite, files)
        with files.open(name) as stream:
            thumbnails = read_sprite(
                stream,
                entry.cell,
                len(found),
                name,
                colours=said.colours,
                frame_px=said.frame_px if min(entry.cell, default=0) > 2 * said.frame_px else 0,
            )
    if entry.bookmarks:
        name = _required(entry, entry.bookmarks, files)
        with files.open(name) as stream:
            projection = read_projection(stream, files.size(name) or 0, len(found), name)
    return EmbeddingSet(found.table, found.vectors, found.provenance, thumbnails, projection)


def _vectors(files: BundleFiles, entry: Entry, tensor: str) -> tuple[FloatArray, list[str] | None]:
    with files.open(tensor) as stream:
        if not entry.tensor.endswith(".bytes"):
            return read_tsv(stream, tensor)
        if len(entry.shape) != 2:
            raise BundleError(
                f"{entry.name} is binary and has no shape of [points, dimensions] in the config; "
                "add it."
            )
        return read_bytes(stream, files.size(tensor) or 0, entry.shape[1], tensor), None


def _local(entry: Entry, path: str, files: BundleFiles, notes: Notes) -> str | None:
    if not entry.config:
        return path if files.size(path) is not None else None
    return local_path(entry, path, files, notes)


def _required(entry: Entry, path: str, files: BundleFiles) -> str:
    notes = Notes()
    found = _local(entry, path, files, notes)
    if found is None and "://" in path:
        raise BundleError(
            f"{path} lies on the web and not in the bundle; import the address of the config, "
            "which brings all its files, or copy them beside it."
        )
    if found is None:
        raise _refusal(notes, f"{path} is not in the bundle; add it or correct the path.")
    return found


def _refusal(notes: Notes, otherwise: str) -> BundleError:
    for finding in notes.findings:
        return BundleError(f"{finding.where}: {finding.message}")
    return BundleError(otherwise)


def _unused(name: str, taken: set[str]) -> str:
    number, stem = 2, name or "embedding"
    name = stem
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name
