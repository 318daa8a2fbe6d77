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


@dataclass(frozen=True)
class Found:
    """A weight file on this machine; `verified` where its checksum is the published one."""

    file: WeightFile
    path: Path
    sha256: str
    verified: bool


def matches(path: Path, checksum: str) -> bool:
    """Tell whether `path` has `checksum` (`sha256:…`, `md5:…` or `git-blob-sha1:…`)."""
    return hash_file(path, checksum.partition(":")[0]) == checksum.lower()


def inspect(file: WeightFile, path: Path) -> Found:
    """Hash a file and compare it with the published checksum."""
    sha256 = published = hash_file(path, "sha256")
    if not file.checksum.startswith("sha256:"):
        published = hash_file(path, file.checksum.partition(":")[0])
    return Found(file, path, sha256.removeprefix("sha256:"), published == file.checksum.lower())


def hash_file(path: Path, algorithm: str) -> str:
    """Hash a file as `algorithm:hex digest`."""
    try:
        with path.open("rb") as stream:
            blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
            digest = (lambda: blob) if algorithm == "git-blob-sha1" else algorithm
            return f"{algorithm}:{hashlib.file_digest(stream, digest).hexdigest()}"
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error


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


def difference(found: Found) -> str:
    """Say how a file's checksum differs from the published one."""
    actual = hash_file(found.path, found.file.checksum.partition(":")[0])
    return f"its checksum is {actual}, the published one {found.file.checksum}"


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
