"""Where the parts of anybody's bundle lie, whatever its files are called.

A config may have any name and lie in any folder, and vectors and metadata may come without one.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Protocol

from embedviz.errors import BundleError
from embedviz.projector.configs import CONFIG_JSON, CONFIG_PBTXT, Entry
from embedviz.projector.files import BundleFiles, FolderFiles, open_bundle

_CONFIGS = (CONFIG_JSON, CONFIG_PBTXT)
_MOST_FILES = 20_000
_METADATA = ("meta", "label")
_SNIFFED_BYTES = 1 << 20


class _Named(BundleFiles, Protocol):
    """Files that can be listed."""

    names: Sequence[str]


class _Folder(FolderFiles):
    """Every file of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        every = islice((path for path in folder.rglob("*") if path.is_file()), _MOST_FILES)
        self.names: Sequence[str] = _shown(path.relative_to(folder).as_posix() for path in every)


class _Zip:
    """Every file of a zip, by its whole name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        entries = archive.infolist()
        self._sizes = {entry.filename: entry.file_size for entry in entries if not entry.is_dir()}
        self.names: Sequence[str] = _shown(self._sizes)

    def size(self, name: str) -> int | None:
        """Give the unpacked size in bytes, or None if the zip has no such file."""
        return self._sizes.get(name)

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading from its start."""
        return self._archive.open(name)


class Rebased:
    """One folder of other files, in which a file of any name may stand for the config."""

    def __init__(self, files: BundleFiles, folder: str, config: str) -> None:
        self._files = files
        self._prefix = f"{folder}/" if folder else ""
        self._config = config
        self._alias = CONFIG_PBTXT if config.endswith(".pbtxt") else CONFIG_JSON

    def _name(self, name: str) -> str | None:
        if name in _CONFIGS and self._config not in _CONFIGS:
            return self._prefix + self._config if name == self._alias else None
        return None if ".." in name.split("/") else self._prefix + name

    def size(self, name: str) -> int | None:
        """Give the size in bytes, or None if there is no such file in the folder."""
        found = self._name(name)
        return None if found is None else self._files.size(found)

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading from its start."""
        return self._files.open(self._name(name) or name)


@contextmanager
def bundles_in(path: Path) -> Iterator[list[tuple[BundleFiles, Entry | None]]]:
    """Give the bundles of a folder, a zip or a config, each with its one entry if it has no config.

    Of several configs those count that lie least deep.

    Raises
    ------
    BundleError
        If there is nothing like a bundle, or a zip would unpack to far too much.
    """
    with open_bundle(path):  # refuses what is none
        pass
    if path.is_dir():
        yield _found(_Folder(path), path.resolve().name)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield _found(_Zip(archive), path.stem)
    else:
        yield [(Rebased(FolderFiles(path.parent), "", path.name), None)]


def _found(files: _Named, title: str) -> list[tuple[BundleFiles, Entry | None]]:
    configs = [name for name in files.names if posixpath.basename(name) in _CONFIGS]
    configs = configs or [name for name in files.names if _is_config(files, name)]
    if not configs:
        return [(files, _pair(files.names, title))]
    top = [name for name in configs if name.count("/") == configs[0].count("/")]
    # The two usual configs of one folder are read together.
    places = dict.fromkeys(_place(name) for name in top)
    return [(Rebased(files, folder, config), None) for folder, config in places]


def _place(name: str) -> tuple[str, str]:
    folder, config = posixpath.split(name)
    return folder, CONFIG_JSON if config in _CONFIGS else config


def _is_config(files: BundleFiles, name: str) -> bool:
    if not name.endswith((".json", ".pbtxt")) or files.size(name) is None:
        return False
    with files.open(name) as stream:
        head = stream.read(_SNIFFED_BYTES)
    return (b'"embeddings"' if name.endswith(".json") else b"embeddings") in head


def _pair(names: Sequence[str], title: str) -> Entry:
    """Give the vectors and the metadata of a bundle without a config."""
    texts = [name for name in names if name.endswith(".tsv")]
    texts = [name for name in texts if name.count("/") == texts[0].count("/")]
    metadata = [n for n in texts if any(word in posixpath.basename(n) for word in _METADATA)]
    vectors = [name for name in texts if name not in metadata]
    if len(vectors) != 1 or len(metadata) > 1:
        found = ", ".join(texts[:5]) or "no .tsv file"
        raise BundleError(
            f"{title} holds neither {CONFIG_JSON} nor {CONFIG_PBTXT} nor one pair of vectors and "
            f"metadata, but {found}; name the two files yourself."
        )
    return Entry("", title, (), vectors[0], metadata[0] if metadata else "")


def _shown(names: Iterable[str]) -> list[str]:
    """Give names without those of hidden files, shallow ones first."""
    shown = [n for n in names if not any(p.startswith((".", "__MACOSX")) for p in n.split("/"))]
    return sorted(shown, key=lambda name: (name.count("/"), name))
