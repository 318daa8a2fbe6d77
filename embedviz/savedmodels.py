"""TensorFlow SavedModels as they are handed on: a folder, or that folder as a tar.gz file.

An archive is unpacked without trusting its names, links and sizes, once, into a folder of the
cache that bears the archive's SHA-256. A SavedModel is not data but a program that TensorFlow
runs, so `savedgraphs` reads it before `tensorflow_hub` loads it.
"""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
import tempfile
import warnings
import zlib
from pathlib import Path
from typing import IO, Any, cast

from embedviz.errors import WeightsError
from embedviz.folders import cache_folder
from embedviz.weightfiles import SAVED_MODEL, hash_file

MAX_MEMBERS = 10_000
MAX_BYTES = 8_000_000_000
MAX_RATIO = 100  # bytes unpacked for each byte of the archive; weights hardly pack at all
RATIO_FROM_BYTES = 50_000_000

_LIST = ".unpacked.json"


def load(path: Path) -> Any:  # noqa: ANN401 (whatever the SavedModel defines)
    """Load a SavedModel, a folder or an archive, once its graph is known only to compute.

    Raises
    ------
    WeightsError
        If it is none, is damaged, or would do more than compute.
    """
    from embedviz import savedgraphs

    folder = path if path.is_dir() else unpack(path)
    savedgraphs.check(folder)
    tensorflow_hub = _tensorflow_hub()
    try:
        return tensorflow_hub.load(str(folder))
    # TensorFlow raises nearly anything for a file that is cut or altered.
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise WeightsError(f"{path} cannot be loaded as a SavedModel ({reason}).") from error


def pack(folder: Path, archive: Path) -> None:
    """Write the files of an unpacked SavedModel as a tar.gz file."""
    # Other programs' caches fill such folders with links to files elsewhere.
    with tarfile.open(archive, "w:gz", compresslevel=1, dereference=True) as tar:
        for name in (SAVED_MODEL, "variables", "assets"):
            if (folder / name).exists():
                tar.add(folder / name, name)


def unpack(archive: Path) -> Path:
    """Give the folder of the SavedModel in an archive, unpacked now or by an earlier call.

    Raises
    ------
    WeightsError
        If the archive is damaged, holds links, devices or names that lead out of it, unpacks to
        over 8 GB or 100 times its size, or holds no SavedModel. Nothing is left behind.
    """
    folder = cache_folder() / "savedmodels" / hash_file(archive, "sha256").removeprefix("sha256:")
    if not _whole(folder):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder.parent) as beside:
                draft = Path(beside, "draft")
                _extract(archive, draft)
                _rename(draft, folder)
        except OSError as error:
            reason = error.strerror or str(error)
            raise WeightsError(f"{archive.name} cannot be unpacked ({reason}).") from error
    return _root(folder, archive)


def _tensorflow_hub() -> Any:  # noqa: ANN401 (it has no types)
    with warnings.catch_warnings():
        # tensorflow_hub 0.16 compares versions with pkg_resources, which says that it will go.
        warnings.filterwarnings("ignore", message=".*pkg_resources")
        import tensorflow_hub
    return tensorflow_hub


def _whole(folder: Path) -> bool:
    """Tell whether every file that was unpacked is still there in its length."""
    try:
        sizes = json.loads((folder / _LIST).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def _rename(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        # Another process may have unpacked the same archive meanwhile.
        if not _whole(folder):
            raise


def _root(folder: Path, archive: Path) -> Path:
    """Find the SavedModel at the top of what was unpacked, or in its only folder."""
    inside = [place for place in folder.iterdir() if place.is_dir()]
    for place in (folder, *(inside if len(inside) == 1 else [])):
        if (place / SAVED_MODEL).is_file():
            return place
    raise WeightsError(f"{archive.name} holds no {SAVED_MODEL}, so it is no SavedModel.")


def _extract(archive: Path, draft: Path) -> None:
    """Write the files of an archive into the new folder `draft`, and the list of their sizes."""
    draft.mkdir()
    try:
        with archive.open("rb") as packed, _unzipped(packed) as plain:
            metered = cast(IO[bytes], _Metered(plain, archive, draft))
            with tarfile.open(fileobj=metered, mode="r|") as tar:
                for count, member in enumerate(tar):
                    _check(member, archive, count)
                    tar.extract(member, draft, filter="data")
    except tarfile.FilterError as error:
        raise WeightsError(f"{archive.name} was not unpacked: {error}.") from error
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise WeightsError(
            f"{archive.name} is no whole tar.gz archive ({error}); fetch it again."
        ) from error
    files = [path for path in draft.rglob("*") if path.is_file()]
    sizes = {path.relative_to(draft).as_posix(): path.stat().st_size for path in files}
    (draft / _LIST).write_text(json.dumps(sizes), encoding="utf-8")


def _unzipped(packed: IO[bytes]) -> IO[bytes]:
    # Some servers unpack the gzip layer on the way, so that a plain tar file arrives.
    zipped = packed.read(2) == b"\x1f\x8b"
    packed.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=packed)) if zipped else packed


def _check(member: tarfile.TarInfo, archive: Path, count: int) -> None:
    if not (member.isdir() or member.isreg()) or member.issparse():
        raise WeightsError(
            f"{archive.name} was not unpacked: {member.name} is a link or a device, not a file."
        )
    if count >= MAX_MEMBERS:
        raise WeightsError(f"{archive.name} was not unpacked: it holds over {MAX_MEMBERS:,} files.")


class _Metered:
    """Counts what comes out of an archive, so that nothing larger than the limits is written."""

    def __init__(self, stream: IO[bytes], archive: Path, folder: Path) -> None:
        self._stream, self._archive, self._count = stream, archive, 0
        by_ratio = max(RATIO_FROM_BYTES, MAX_RATIO * archive.stat().st_size)
        self._limit = min(MAX_BYTES, by_ratio, shutil.disk_usage(folder).free)

    def read(self, size: int) -> bytes:
        """Read from the archive."""
        data = self._stream.read(size)
        self._count += len(data)
        if self._count > self._limit:
            raise WeightsError(
                f"{self._archive.name} was not unpacked: it grows to more than "
                f"{self._limit / 1e6:,.0f} MB; unpack it yourself if you trust it."
            )
        return data
