"""A folder of files on this machine or behind any address that fsspec knows.

`memory://`, `s3://`, `gs://`, `sftp://`, `file://` and the others go through fsspec, which is
asked for only where such an address is given; a plain path needs nothing.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from embedviz.atomic import written_whole
from embedviz.errors import SetError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from fsspec import AbstractFileSystem

APPEARS_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "r2", "hf"})
"""Object stores, in which an upload that breaks off leaves nothing; others rename at the end."""


class Folder(Protocol):
    """A folder of files; it need not exist before something is written."""

    address: str

    def names(self) -> tuple[str, ...]:
        """Give the names of what lies directly inside, sorted; nothing where it does not exist."""

    def read(self, name: str) -> bytes | None:
        """Give a file's bytes, or None where there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file; it appears whole or not at all."""

    def open(self, name: str) -> BinaryIO:
        """Open a file to read any part of it."""

    def receive(self, name: str) -> AbstractContextManager[Path]:
        """Give a path on this machine; what is written there, whole, becomes the file `name`."""

    def sweep(self, prefix: str) -> None:
        """Remove what killed writers left under names that begin so."""


def is_url(where: str | Path) -> bool:
    """Tell whether fsspec is asked for this place."""
    return isinstance(where, str) and "://" in where


def folder(where: str | Path) -> Folder:
    """Give the folder at a path or at an address like `s3://bucket/name`.

    Raises
    ------
    SetError
        If fsspec, or what it needs for this kind of address, is not installed.
    """
    if not is_url(where):
        return _Here(Path(where))
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise SetError(
            f"{where} is an address, which the package fsspec reads; run `pip install fsspec`."
        ) from error
    try:
        files, path = url_to_fs(str(where))
    except (ImportError, ValueError) as error:  # "Install s3fs to access S3"
        raise SetError(f"{where} cannot be reached: {error}.") from error
    return _There(str(where).rstrip("/"), files, path.rstrip("/"))


class _Here:
    """A folder on this machine."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._path = path.absolute()

    def names(self) -> tuple[str, ...]:
        try:
            return tuple(sorted(entry.name for entry in self._path.iterdir()))
        except FileNotFoundError:
            return ()
        except NotADirectoryError as error:
            raise SetError(
                f"{self.address} is a file; a set in parts is a folder, so choose another name."
            ) from error

    def read(self, name: str) -> bytes | None:
        try:
            return (self._path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, data: bytes) -> None:
        with written_whole(self._path / name) as file:
            file.write(data)

    def open(self, name: str) -> BinaryIO:
        return (self._path / name).open("rb")

    @contextmanager
    def receive(self, name: str) -> Iterator[Path]:
        self._path.mkdir(parents=True, exist_ok=True)
        yield self._path / name

    def sweep(self, prefix: str) -> None:
        for left in self._path.glob(f"{prefix}*"):
            left.unlink(missing_ok=True)


class _There:
    """A folder behind fsspec."""

    def __init__(self, address: str, files: AbstractFileSystem, path: str) -> None:
        self.address = address
        self._files, self._path = files, path

    def names(self) -> tuple[str, ...]:
        with self._reached():
            self._files.invalidate_cache()
            try:
                found = self._files.ls(self._path, detail=False)
            except FileNotFoundError:
                return ()
        return tuple(sorted({entry.rstrip("/").rpartition("/")[2] for entry in found}))

    def read(self, name: str) -> bytes | None:
        with self._reached():
            try:
                return cast(bytes, self._files.cat_file(self._at(name)))
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        with self.receive(name) as path:
            path.write_bytes(data)

    def open(self, name: str) -> BinaryIO:
        with self._reached():
            return cast(BinaryIO, self._files.open(self._at(name), "rb"))

    @contextmanager
    def receive(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="embedviz-") as scratch:
            path = Path(scratch, name)
            yield path
            if path.exists():
                self._send(path, name)

    def sweep(self, prefix: str) -> None:
        with self._reached():
            for name in self.names():
                if name.startswith(prefix):
                    self._files.rm_file(self._at(name))

    def _send(self, file: Path, name: str) -> None:
        protocols = self._files.protocol
        kinds = {protocols} if isinstance(protocols, str) else set(protocols)
        with self._reached():
            if kinds & APPEARS_WHOLE:
                self._files.put_file(str(file), self._at(name))
                return
            self._files.makedirs(self._path, exist_ok=True)
            unfinished = self._at(f".{name}.{secrets.token_hex(4)}.part")
            self._files.put_file(str(file), unfinished)
            self._files.mv(unfinished, self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}"

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Every kind of storage has errors of its own; each becomes one sentence."""
        try:
            yield
        except SetError:
            raise
        except Exception as error:
            what = str(error) or type(error).__name__
            raise SetError(f"{self.address} cannot be used: {what}.") from error
