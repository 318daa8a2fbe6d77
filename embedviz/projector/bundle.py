"""Writing a bundle: sets as files that the Embedding Projector and TensorBoard both open."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from embedviz.data import EmbeddingSet, FloatArray
from embedviz.errors import BundleError
from embedviz.projector import contents
from embedviz.projector.bookmarks import bookmarks_json
from embedviz.projector.contents import Written
from embedviz.projector.metadata import metadata_bytes, metadata_table
from embedviz.thumbnails import sprite_sheet

_BLOCK_ROWS = 4096
# Text shrinks to half or less; float32 noise and PNG do not, and only cost time.
_TEXT = (".tsv", ".json", ".pbtxt", ".txt")
_PNG_LEVEL = 3
_LEFT_BY_DESKTOPS = (".DS_Store", "Thumbs.db", "desktop.ini")

Progress = Callable[[int, int], None]


def write_bundle(
    sets: Mapping[str, EmbeddingSet],
    out: Path,
    *,
    cell_px: int | None = None,
    base_url: str | None = None,
    with_sprite: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Write sets as a folder, or as a zip if `out` ends in `.zip`; nothing half-done stays.

    One set lies at the root of the bundle, several lie in a folder each.

    Parameters
    ----------
    sets
        Name to show -> set, each of at least 2 rows and 2 dimensions, all values finite.
    out
        Where the bundle goes. A bundle that is already there is replaced, anything else is not.
    cell_px
        Width and height of a sprite cell in pixels; None chooses.
    base_url
        The web address where the files will lie; None writes relative addresses.
    with_sprite
        False leaves out the sprite sheet, also where a set has thumbnails.
    progress
        Called with rows written so far and rows in all; raising from it cancels.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    BundleError
        If a set cannot be shown, or `out` holds something else or cannot be written.
    """
    if not with_sprite:
        sets = {name: replace(one, thumbnails=None) for name, one in sets.items()}
    _refuse_unfit(sets, base_url)
    _refuse_target(out)
    wrote = _counter(progress, sum(map(len, sets.values())))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as work:
            folder = Path(work, "bundle")
            folder.mkdir()
            _write_folder(sets, folder, base_url, cell_px, wrote)
            _put(folder, out)
    except OSError as problem:
        raise BundleError(f"The bundle could not be written to {out}: {problem}.") from problem
    return out


def _counter(progress: Progress | None, total: int) -> Callable[[int], None]:
    done = 0

    def wrote(rows: int) -> None:
        nonlocal done
        done += rows
        if progress is not None:
            progress(done, total)

    return wrote


def _refuse_unfit(sets: Mapping[str, EmbeddingSet], base_url: str | None) -> None:
    if not sets:
        raise BundleError("There are 0 sets to write; a bundle needs at least one.")
    if base_url is not None and not re.fullmatch(r"https?://[^\s?#]+", base_url):
        raise BundleError(
            f"The address {base_url!r} is none that files can lie under; "
            "give one that starts with https:// and has no ? or #."
        )
    for name, one in sets.items():
        rows, dims = one.vectors.shape
        if rows < 2 or dims < 2:
            raise BundleError(
                f"The set {name!r} has {rows} rows of {dims} dimensions; "
                "the projector shows nothing below 2 rows of 2 dimensions."
            )
        bad = _first_not_finite(one.vectors)
        if bad is not None:
            at = one.table.iloc[bad]
            raise BundleError(
                f"The set {name!r} has a value that is not finite in row {bad} "
                f"({at['recording']} at {at['start_s']:g} s), and the projector would shift or "
                "lose points; leave that recording out or embed it again."
            )
        if one.projection and _first_not_finite(one.projection.coordinates) is not None:
            raise BundleError(
                f"The projection of the set {name!r} has a point without a place; project it again."
            )


def _first_not_finite(values: FloatArray) -> int | None:
    for first in range(0, len(values), _BLOCK_ROWS):
        finite = np.isfinite(values[first : first + _BLOCK_ROWS]).all(axis=1)
        if not finite.all():
            return first + int(finite.argmin())
    return None


def _refuse_target(out: Path) -> None:
    if not out.exists():
        return
    if _is_zip(out):
        replaceable = out.is_file() and _is_zipped_bundle(out)
    else:
        replaceable = out.is_dir() and _is_bundle_folder(out)
    if not replaceable:
        raise BundleError(f"{out} exists and is not only a bundle; choose another name for yours.")


def _is_zip(out: Path) -> bool:
    return out.suffix.lower() == ".zip"


def _is_zipped_bundle(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed:
            return contents.CONFIG_JSON in packed.namelist()
    except zipfile.BadZipFile:
        return False


def _is_bundle_folder(folder: Path) -> bool:
    """Tell whether nothing would be lost with a folder: it is empty or holds a bundle's files."""
    ours = {*contents.ROOT_FILES, *contents.SET_FILES, *_LEFT_BY_DESKTOPS}
    if next(folder.iterdir(), None) is None:
        return True
    return (folder / contents.CONFIG_JSON).is_file() and all(
        len(path.relative_to(folder).parts) <= 2 and (path.is_dir() or path.name in ours)
        for path in folder.rglob("*")
    )


def _write_folder(
    sets: Mapping[str, EmbeddingSet],
    folder: Path,
    base_url: str | None,
    cell_px: int | None,
    wrote: Callable[[int], None],
) -> None:
    names = contents.tensor_names(sets)
    written = []
    for name, one in zip(names, sets.values(), strict=True):
        prefix = f"{name}/" if len(sets) > 1 else ""
        (folder / prefix).mkdir(exist_ok=True)
        written.append(_write_set(one, name, folder, prefix, cell_px, wrote))
    (folder / contents.CONFIG_JSON).write_bytes(contents.config_json(written, base_url))
    (folder / contents.CONFIG_PBTXT).write_bytes(contents.config_pbtxt(written))
    about = contents.readme(sets, written, base_url)
    (folder / contents.README).write_text(about, encoding="utf-8")


def _write_set(
    one: EmbeddingSet,
    name: str,
    folder: Path,
    prefix: str,
    cell_px: int | None,
    wrote: Callable[[int], None],
) -> Written:
    here = folder / prefix
    if one.thumbnails is not None:
        # First, because a sheet that would grow too large is refused before the long work.
        sprite = sprite_sheet(one.thumbnails, cell_px=cell_px)
        sprite.image.save(here / contents.SPRITE, compress_level=_PNG_LEVEL)
        cell_px = sprite.cell_px
    else:
        cell_px = None
    table = metadata_table(one)
    (here / contents.METADATA).write_bytes(metadata_bytes(table))
    if one.projection is not None:
        view = bookmarks_json(one.vectors, one.projection, table)
        (here / contents.BOOKMARKS).write_bytes(view)
    contents.write_tensors(one.vectors, here, wrote)
    rows, dims = one.vectors.shape
    return Written(name, prefix, rows, dims, cell_px, one.projection is not None)


def _put(folder: Path, out: Path) -> None:
    """Move what was written to its place in one step, from the same file system."""
    if _is_zip(out):
        packed = folder.with_suffix(".zip")
        _pack(folder, packed)
        os.replace(packed, out)
        return
    before = folder.with_name("before")
    if out.exists():
        os.replace(out, before)
    try:
        os.replace(folder, out)
    except OSError:
        if before.exists():
            os.replace(before, out)
        raise


def _pack(folder: Path, packed: Path) -> None:
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                kind = zipfile.ZIP_DEFLATED if path.suffix in _TEXT else zipfile.ZIP_STORED
                archive.write(path, path.relative_to(folder).as_posix(), kind, compresslevel=1)
