"""The files of a bundle, whether it lies in a folder or in a zip; nothing outside it is read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from embedviz.errors import BundleError

CONFIG_NAMES = ("projector_config.json", "projector_config.pbtxt")
BY_HAND = "tensors.tsv"

_MOST_ENTRIES = 20_000
_ALWAYS_ALLOWED_BYTES = 256 << 20
_MOST_GROWTH = 100
"""Numbers as text shrink to a third or so; a zip that grows a hundredfold is a trap."""


class BundleFiles(Protocol):
    """The files of one bundle by their names with forward slashes, from its root."""

    def size(self, name: str) -> int | None:
        """Give the size in bytes, or None if there is no such file inside the bundle."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading from its start."""


class FolderFiles:
    """A bundle in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def size(self, name: str) -> int | None:
        """Give the size in bytes, or None if there is no such file inside the folder."""
        try:
            path = (self._folder / name).resolve()
            # A link that leads out counts as missing: TensorBoard refuses it as well.
            inside = path.is_relative_to(self._folder) and path.is_file()
            return path.stat().st_size if inside else None
        except (OSError, ValueError):  # a name that no file can have
            return None

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading from its start."""
        return (self._folder / name).open("rb")


class ZipFiles:
    """A bundle in a zip, read without unpacking it to disk."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        configs = [e.filename for e in entries if PurePosixPath(e.filename).name in CONFIG_NAMES]
        plain = [e.filename for e in entries if PurePosixPath(e.filename).name == BY_HAND]
        shallowest = min(configs or plain or [""], key=lambda name: name.count("/"))
        # Packing a folder, rather than what is in it, puts its name before everything.
        self._prefix = shallowest[: shallowest.rfind("/") + 1]
        self._archive = archive
        self._sizes = {entry.filename: entry.file_size for entry in entries}

    def size(self, name: str) -> int | None:
        """Give the unpacked size in bytes, or None if the zip has no such file."""
        return self._sizes.get(self._prefix + name)

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading from its start."""
        return self._archive.open(self._prefix + name)


@contextmanager
def open_bundle(path: Path) -> Iterator[BundleFiles]:
    """Give the files of a bundle: a folder, a zip, or one of the configs inside a folder.

    Raises
    ------
    BundleError
        If there is nothing at `path`, it is none of these, or it would unpack to far too much.
    """
    if path.is_dir():
        yield FolderFiles(path)
    elif path.is_file() and path.suffix in (".json", ".pbtxt"):
        yield FolderFiles(path.parent)
    elif path.is_file() and zipfile.is_zipfile(path):
        with _zip(path) as archive:
            yield ZipFiles(archive)
    elif path.exists():
        raise BundleError(f"{path} is no bundle; give a folder, a .zip or a projector_config.json.")
    else:
        raise BundleError(f"There is nothing at {path}; give a bundle's folder or .zip.")


def _zip(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError) as problem:
        raise BundleError(f"{path} is a damaged zip ({problem}); pack the bundle again.") from None
    entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    allowed = max(_ALWAYS_ALLOWED_BYTES, _MOST_GROWTH * path.stat().st_size)
    if unpacked > allowed or len(entries) > _MOST_ENTRIES:
        archive.close()
        raise BundleError(
            f"{path} holds {len(entries):,} files that would unpack to {unpacked / 2**20:,.0f} MB, "
            "far more than a bundle of its size; it is not read."
        )
    return archive
