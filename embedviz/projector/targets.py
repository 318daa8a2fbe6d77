"""Putting a bundle in its place: what it may replace, in one step, as a folder or as a zip."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from embedviz.errors import BundleError
from embedviz.projector import contents

# Text shrinks to half or less; float32 noise and PNG do not, and only cost time.
_TEXT = (".tsv", ".json", ".pbtxt", ".txt", ".py")
_LEFT_BY_OTHERS = (".DS_Store", "Thumbs.db", "desktop.ini")
_DEEPEST = 3
"""A set's folder, the folder of what TensorBoard shows of it, and a file there."""


def refuse_target(out: Path) -> None:
    """Raise a BundleError where something lies that is not only a bundle."""
    if not out.exists():
        return
    if _is_zip(out):
        replaceable = out.is_file() and _is_zipped_bundle(out)
    else:
        replaceable = out.is_dir() and _is_bundle_folder(out)
    if not replaceable:
        raise BundleError(f"{out} exists and is not only a bundle; choose another name for yours.")


def put(folder: Path, out: Path) -> None:
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
    ours = {*contents.ROOT_FILES, *contents.SET_FILES, *_LEFT_BY_OTHERS}
    if next(folder.iterdir(), None) is None:
        return True
    return (folder / contents.CONFIG_JSON).is_file() and all(
        len(path.relative_to(folder).parts) <= _DEEPEST and (path.is_dir() or path.name in ours)
        for path in folder.rglob("*")
    )


def _pack(folder: Path, packed: Path) -> None:
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                kind = zipfile.ZIP_DEFLATED if path.suffix in _TEXT else zipfile.ZIP_STORED
                archive.write(path, path.relative_to(folder).as_posix(), kind, compresslevel=1)
