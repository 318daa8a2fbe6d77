"""Official files on disk: hashed, moved in one step, remembered in sidecars."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from embedviz.errors import WeightsError
from embedviz.facts import WeightFile

SAVED_MODEL = "saved_model.pb"
"""The file that makes a folder a TensorFlow SavedModel."""


@dataclass(frozen=True)
class Found:
    """A weight file, or an unpacked SavedModel in its place, on this machine."""

    file: WeightFile
    path: Path
    sha256: str
    """Of the file's bytes; for a folder see `hash_folder`."""
    verified: bool
    """Whether its checksum is the published one; where none is published, whether embedviz itself
    downloaded exactly these bytes from the official address (see `fetched`)."""


def matches(path: Path, checksum: str) -> bool:
    """Tell whether `path` has `checksum` (`sha256:…`, `md5:…` or `git-blob-sha1:…`)."""
    return hash_file(path, checksum.partition(":")[0]) == checksum.lower()


def inspect(file: WeightFile, path: Path) -> Found:
    """Hash a file or folder and compare it with the published checksum, if there is one."""
    if path.is_dir():
        return Found(file, path, hash_folder(path), verified=False)
    sha256 = published = hash_file(path, "sha256")
    if file.checksum and not file.checksum.startswith("sha256:"):
        published = hash_file(path, file.checksum.partition(":")[0])
    verified = file.checksum is not None and published == file.checksum.lower()
    return Found(file, path, sha256.removeprefix("sha256:"), verified)


def hash_file(path: Path, algorithm: str) -> str:
    """Hash a file as `algorithm:hex digest`."""
    try:
        with path.open("rb") as stream:
            blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
            digest = (lambda: blob) if algorithm == "git-blob-sha1" else algorithm
            return f"{algorithm}:{hashlib.file_digest(stream, digest).hexdigest()}"
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error


def hash_folder(folder: Path) -> str:
    """Give the SHA-256 that identifies an unpacked SavedModel, however it came here.

    It is taken over the lines `digest  name` that `sha256sum assets/* saved_model.pb variables/*`
    prints: the files that TensorFlow reads, sorted by name. Whatever else lies in the folder does
    not change it.
    """
    parts = [folder / SAVED_MODEL, *folder.glob("variables/**/*"), *folder.glob("assets/**/*")]
    names = sorted(part.relative_to(folder).as_posix() for part in parts if part.is_file())
    lines = [f"{hash_file(folder / name, 'sha256')[7:]}  {name}\n" for name in names]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def record(file: WeightFile, path: Path) -> dict[str, Any]:
    """Give what a sidecar must say for its checksum to hold for the file as it is now."""
    stat = path.stat()
    return {"size_bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns, "checksum": file.checksum}


def sidecar(path: Path) -> dict[str, Any]:
    """Read the sidecar of a weight file; empty where there is none."""
    with suppress(OSError, ValueError, TypeError):  # missing or torn: the file is hashed again
        return dict(json.loads(path.with_name(f"{path.name}.json").read_bytes()))
    return {}


def write_sidecar(found: Found, record: dict[str, Any]) -> None:
    """Write the sidecar of a weight file where its folder can be written."""
    text = json.dumps(record | {"sha256": found.sha256, "checksum_matches": found.verified})
    # Without it, in a folder that cannot be written, the file is hashed at every load.
    with suppress(OSError), staging(found.path.parent) as place:
        (place / "sidecar").write_text(text)
        (place / "sidecar").replace(found.path.with_name(f"{found.path.name}.json"))


def accepted(found: Found) -> bool:
    """Tell whether exactly these bytes were added with `--unverified`."""
    known = sidecar(found.path)
    return known.get("sha256") == found.sha256 and known.get("checksum_matches") is False


def fetched(found: Found) -> bool:
    """Tell whether embedviz downloaded exactly these bytes, for which no checksum is published."""
    known = sidecar(found.path)
    return (
        found.file.checksum is None
        and known.get("sha256") == found.sha256
        and known.get("checksum_matches") is True
    )


def described(file: WeightFile) -> str:
    """Give the name, size and address of an official file."""
    size = f"{file.size_bytes / 1e6:.3g} MB" if file.size_bytes else "size not published"
    return f"{file.name} ({size}, {file.url})"


def difference(found: Found) -> str:
    """Say what keeps a file from counting as the published one."""
    published = found.file.checksum
    if published is None:
        known = sidecar(found.path)
        if known.get("checksum_matches") and known.get("sha256") != found.sha256:
            return "its bytes have changed since it was downloaded"
        return "no checksum is published, so only what embedviz downloads itself counts as official"
    actual = hash_file(found.path, published.partition(":")[0])
    return f"its checksum is {actual}, the published one {published}"


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Lend a place for partial files in `folder`, where a move into it is atomic."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".partial-") as place:
        yield Path(place)


def keep(found: Found, partial: Path, folder: Path) -> Found:
    """Give a whole file its final name in one step, and its sidecar."""
    now = record(found.file, partial)
    kept = replace(found, path=partial.replace(folder / found.file.name))
    write_sidecar(kept, now)
    return kept
