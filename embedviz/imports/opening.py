"""Anything that holds vectors as embedding sets, told apart by what is in it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from embedviz.data import EmbeddingSet
from embedviz.errors import Cancelled, EmbedvizError, SetError
from embedviz.fetching import LARGEST_BYTES, Allowed, Fetched, fetch, is_public
from embedviz.imports.arrays import read_arrays
from embedviz.imports.audioset import read_audioset
from embedviz.imports.hosted import config_address, fetch_files, is_config
from embedviz.imports.pairing import paired
from embedviz.imports.parquet import is_own, read_parquet
from embedviz.partitioned import one_part, open_partitioned
from embedviz.partsample import sampled_parts
from embedviz.projector.files import CONFIG_NAMES
from embedviz.projector.read import read_bundle, read_pair
from embedviz.projector.sampling import sampled
from embedviz.store import read_set
from embedviz.wording import numbered

KINDS = (
    "a projector's bundle (folder, zip or config), a .tsv of vectors, .npy, .npz, .parquet or "
    "AudioSet's .tfrecord files"
)

Progress = Callable[[int, int, str], None]
"""Is told how many are done, of how many (0 where unknown) of what: `bytes`, `files`, `rows`."""

_RECORDS = "*.tfrecord"
_MOST_RECORD_FILES = 10_000
_HEAD_BYTES = 16
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def open_sources(
    sources: Sequence[str | Path],
    *,
    sample: int | None = None,
    failures: dict[str, str] | None = None,
    allowed: Allowed = is_public,
    progress: Progress | None = None,
) -> dict[str, EmbeddingSet]:
    """Give the sets of several sources by their names, of which no two are alike.

    Tables belong to the vectors that they describe, see `embedviz.imports.pairing`; for the rest
    see `open_source`. With `failures`, a source that cannot be read does not keep the others out.

    Raises
    ------
    EmbedvizError
        In one sentence, if there is nothing that can be read.
    """
    found: dict[str, EmbeddingSet] = {}
    failed: dict[str, str] = {}
    pairs = paired(sources)
    for source, rows in pairs:
        noted = None if failures is None else failed
        try:
            opened = open_source(
                source, rows, sample=sample, failures=noted, allowed=allowed, progress=progress
            )
        except Cancelled:
            raise
        except EmbedvizError as problem:
            if failures is None or len(pairs) == 1:
                raise
            failed[str(source)] = str(problem)
            continue
        for name, one in opened.items():
            found[_unused(name, found)] = one
    if not found:
        raise SetError(next(iter(failed.values()), f"There is nothing to import; name {KINDS}."))
    if failures is not None:
        failures |= failed
    return found


def open_source(
    source: str | Path,
    rows: str | Path | None = None,
    *,
    sample: int | None = None,
    failures: dict[str, str] | None = None,
    allowed: Allowed = is_public,
    progress: Progress | None = None,
) -> dict[str, EmbeddingSet]:
    """Give the sets of a file, a folder or a web address by their names.

    Parameters
    ----------
    source
        A bundle of anybody's, a file of vectors, or an `http(s)://` address of one; the address
        of a config brings the files that it names.
    rows
        What describes the vectors: the metadata of a `.tsv`, the table of a `.npy` or `.npz`,
        AudioSet's class names.
    sample
        Keep at most so many rows of each set, every label with its share.
    failures
        Gets the name of each set of a bundle that cannot be read, and why; without it the first
        one raises.
    allowed
        Which IP addresses may be fetched from, see `embedviz.fetching`.
    progress
        See `Progress`; raising from it stops the work.

    Raises
    ------
    EmbedvizError
        In one sentence, if there is nothing that can be read.
    """
    with tempfile.TemporaryDirectory(prefix="embedviz-import-") as work:

        def bring(url: str, folder: Path, most_bytes: int) -> Fetched:
            told = _counting(progress, "bytes")
            return fetch(url, folder, most_bytes=most_bytes, allowed=allowed, progress=told)

        folders = [Path(work, name) for name in ("source", "rows")]
        paths = [
            None if given is None else _on_disk(given, folder, bring)
            for given, folder in zip((source, rows), folders, strict=True)
        ]
        found = _opened(paths[0] or Path(), paths[1], sample, failures, progress)
        return {name: _smaller(one, sample) for name, one in found.items()}


def _on_disk(given: str | Path, folder: Path, bring: Callable[[str, Path, int], Fetched]) -> Path:
    """Give where a source lies; what is on the web is brought into `folder`."""
    if isinstance(given, Path) or not _URL.match(given):
        return Path(given)
    folder.mkdir()
    fetched = bring(config_address(given), folder, LARGEST_BYTES)
    return fetch_files(fetched, folder, bring) if is_config(fetched.path) else fetched.path


def _opened(
    path: Path,
    rows: Path | None,
    sample: int | None,
    failures: dict[str, str] | None,
    progress: Progress | None,
) -> dict[str, EmbeddingSet]:
    try:
        if path.is_dir():
            records = sorted(islice(path.rglob(_RECORDS), _MOST_RECORD_FILES + 1))
            configured = any((path / name).is_file() for name in CONFIG_NAMES)
            kind = "records" if records and not configured else "bundle"
            kind = "parts" if path.suffix == ".parquet" and not configured else kind
        else:
            records, kind = [path], _kind(path)
    except OSError as problem:
        raise SetError(f"{path} cannot be read: {problem.strerror or problem}.") from problem
    if rows is not None and kind in ("bundle", "parquet", "parts"):
        raise SetError(f"{path.name} brings its own rows; leave out {rows.name}.")
    if kind == "records" and len(records) > _MOST_RECORD_FILES:
        raise SetError(f"{path} holds more than {_MOST_RECORD_FILES:,} files; name fewer.")
    if sample is not None and (kind == "parts" or (kind == "parquet" and is_own(path))):
        opened = open_partitioned(path) if kind == "parts" else one_part(path)
        return {path.stem: sampled_parts(opened, sample, _counting(progress, "rows"))}
    if kind == "parts":
        return {path.stem: read_set(path)}
    if kind == "bundle":
        return read_bundle(path, failures=failures)
    if kind == "records":
        told = _counting(progress, "files")
        return {path.stem: read_audioset(records, classes=rows, progress=told)}
    if kind == "vectors":
        return {path.stem: read_pair(path, rows)}
    one = read_arrays(path, rows) if kind == "arrays" else read_parquet(path)
    return {path.stem: one}


def _smaller(one: EmbeddingSet, sample: int | None) -> EmbeddingSet:
    if sample is None or len(one) <= sample:
        return one
    made = replace(one.provenance, sampled_from=len(one))
    return replace(sampled(one, sample), provenance=made)


def _counting(progress: Progress | None, unit: str) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(done, total, unit)


def _kind(path: Path) -> str:
    """Tell what a file is by how it begins, and by its name where that says nothing."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    ending = path.suffix.lower()
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\x93NUMPY") or ending == ".npz":
        return "arrays"
    if head.startswith(b"PK") or ending in (".json", ".pbtxt"):
        return "bundle"
    if ending == ".bytes":
        raise EmbedvizError(
            f"{path.name} alone does not say how many numbers a row has; give the config beside it."
        )
    kinds = {".tfrecord": "records", ".tsv": "vectors", ".txt": "vectors"}
    if ending not in kinds:
        raise SetError(f"{path.name} is nothing that can be imported; wanted {KINDS}.")
    return kinds[ending]


def _unused(name: str, taken: Collection[str]) -> str:
    return next(free for free in numbered(name) if free not in taken)
