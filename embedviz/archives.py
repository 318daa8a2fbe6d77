"""Zip archives of recordings, unpacked without trusting anything that they say.

An archive can name files outside its folder, hide a terabyte in a kilobyte or break off halfway.
So bytes are counted as they are written, into a folder beside the wanted one, which takes its
final name only when it is complete.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shutil
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from embedviz.audio import sha256
from embedviz.errors import RecordingError

MAX_FILES = 20_000
MAX_BYTES = 20_000_000_000
MAX_RATIO = 200  # bytes unpacked for each byte of the archive
RATIO_FROM_BYTES = 100_000_000  # silence packs well, so a small archive may have any ratio

_CHUNK_BYTES = 2**20
_LIST = ".unpacked.json"
_ENCRYPTED_FLAG, _UTF8_FLAG = 0x1, 0x800
_NESTED = "is an archive inside the archive; unpack it and add it itself"
_BAD_NAME = (errno.EINVAL, errno.ENAMETOOLONG, errno.EILSEQ)


@dataclass(frozen=True)
class Unpacked:
    """The files that came out of an archive, sorted, and why others did not."""

    files: tuple[Path, ...]
    failures: Mapping[str, str]
    """Name inside the archive -> one sentence."""


class _LeftOut(Exception):
    """One member cannot be unpacked; the message goes on from its name."""


def unpack(archive: Path, folder: Path, *, digest: str | None = None) -> Unpacked:
    """Unpack the zip file `archive` into `folder`, or find it unpacked there already.

    `folder` appears only when it is complete. Names that lead out of it, links, devices, encrypted
    or damaged members, archives in the archive and names that differ only in case are left out,
    each with a sentence; folders, hidden files and `__MACOSX` are skipped. `digest` is the
    archive's SHA-256 where the caller knows it.

    Raises
    ------
    RecordingError
        If the archive is damaged, holds over 20,000 files, unpacks to over 20 GB, 200 times its
        size or the free disk, or if `folder` holds something else. Nothing is left behind.
    """
    digest = digest or sha256(archive)
    if found := _find(folder, digest):
        return found
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RecordingError(
            f"{archive.name} cannot be unpacked: {folder} holds something else; remove it first."
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
            draft = Path(beside, "draft")
            _fill(draft, archive, digest)
            _rename(draft, folder)
    except OSError as error:
        message = f"{archive.name} cannot be unpacked ({error.strerror or error})."
        raise RecordingError(message) from error
    if found := _find(folder, digest):
        return found
    raise RecordingError(f"{archive.name} cannot be unpacked: {folder} changed meanwhile.")


def _find(folder: Path, digest: str) -> Unpacked | None:
    """Give what an earlier call left in `folder`; a folder that lost files since is removed."""
    try:
        listed = json.loads((folder / _LIST).read_text(encoding="utf-8"))
        if listed["sha256"] != digest:
            return None
        sizes = {folder / name: size for name, size in listed["files"].items()}
    except (OSError, ValueError, KeyError):
        return None
    if any(not path.is_file() or path.stat().st_size != size for path, size in sizes.items()):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return Unpacked(tuple(sizes), listed["failures"])


def _rename(draft: Path, folder: Path) -> None:
    try:
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except OSError:
        # Another process may have unpacked the same archive meanwhile; the caller looks.
        if not (folder / _LIST).exists():
            raise


def _fill(draft: Path, archive: Path, digest: str) -> None:
    """Write the members of `archive`, and their list, into the new folder `draft`."""
    draft.mkdir()
    try:
        with zipfile.ZipFile(archive) as bundle:
            members = [info for info in bundle.infolist() if not _is_skipped(info)]
            _check_declared(members, archive, draft)
            sizes, failures = _write_all(bundle, members, archive, draft)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise RecordingError(
            f"{archive.name} is not a whole zip archive ({str(error).strip(' .')}); "
            "copy it again from its source."
        ) from error
    found = {"sha256": digest, "files": dict(sorted(sizes.items())), "failures": failures}
    (draft / _LIST).write_text(json.dumps(found), encoding="utf-8")


def _write_all(
    bundle: zipfile.ZipFile, members: list[zipfile.ZipInfo], archive: Path, draft: Path
) -> tuple[dict[str, int], dict[str, str]]:
    """Give the size in bytes of each file written, and a sentence for each one left out."""
    sizes: dict[str, int] = {}
    failures: dict[str, str] = {}
    taken: dict[str, str] = {}
    folders: set[str] = set()
    written = 0
    for info in members:
        name = "/".join(_split(_name(info)))
        try:
            _check_member(info)
            _take(name, taken, folders)
            for count in _write(bundle, info, draft / name):
                written += count
                _check_size(written, archive)
            sizes[name] = (draft / name).stat().st_size
        except _LeftOut as reason:
            shown = re.sub(r"[\x00-\x1f\x7f]", "?", _name(info))
            failures[shown] = f"{shown} {reason}."
    return sizes, failures


def _write(bundle: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> Iterator[int]:
    """Write one member, giving the bytes of each chunk; one that fails is removed again."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file, bundle.open(info) as source:
            while chunk := source.read(_CHUNK_BYTES):
                if file.tell() == 0 and chunk.startswith(b"PK\x03\x04"):
                    raise _LeftOut(_NESTED)
                file.write(chunk)
                yield len(chunk)
    except _LeftOut:
        target.unlink(missing_ok=True)
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        target.unlink(missing_ok=True)
        raise _LeftOut(f"is damaged ({str(error).strip(' .')})") from error
    except OSError as error:
        if error.errno not in _BAD_NAME:
            raise
        raise _LeftOut("is left out: this computer cannot store its name") from error


def _name(info: zipfile.ZipInfo) -> str:
    if not info.flag_bits & _UTF8_FLAG:
        with contextlib.suppress(UnicodeError):  # macOS writes UTF-8 without saying so
            return info.filename.encode("cp437").decode("utf-8")
    return info.filename


def _split(name: str) -> list[str]:
    # Some Windows archivers separate with backslashes; read that way, their tricks show as well.
    return [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]


def _leads_out(name: str) -> bool:
    return bool(re.match(r"[/\\]|[A-Za-z]:", name)) or ".." in _split(name)


def _is_skipped(info: zipfile.ZipInfo) -> bool:
    name, parts = _name(info), _split(_name(info))
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not parts or name.endswith(("/", "\\")) or (hidden and not _leads_out(name))


def _check_declared(members: list[zipfile.ZipInfo], archive: Path, draft: Path) -> None:
    if len(members) > MAX_FILES:
        raise RecordingError(
            f"{archive.name} holds {len(members):,} files, more than {MAX_FILES:,}; split it."
        )
    total, free = sum(info.file_size for info in members), shutil.disk_usage(draft).free
    _check_size(total, archive)
    if total > free:
        raise RecordingError(
            f"{archive.name} unpacks to {total / 1e9:,.1f} GB and {free / 1e9:,.1f} GB are free; "
            "make room first."
        )


def _check_size(count: int, archive: Path) -> None:
    if count > MAX_BYTES:
        raise RecordingError(
            f"{archive.name} unpacks to more than {MAX_BYTES / 1e9:,.1f} GB; split it."
        )
    if count > max(RATIO_FROM_BYTES, MAX_RATIO * archive.stat().st_size):
        raise RecordingError(
            f"{archive.name} unpacks to more than {MAX_RATIO} times its size, as recordings do not;"
            " unpack it yourself if you trust it."
        )


def _check_member(info: zipfile.ZipInfo) -> None:
    name, kind = _name(info), stat.S_IFMT(info.external_attr >> 16)
    if _leads_out(name):
        raise _LeftOut("is left out: its name leads out of the archive")
    if re.search(r"[\x00-\x1f\x7f]", info.orig_filename):
        raise _LeftOut("is left out: its name holds control characters")
    if kind not in (0, stat.S_IFREG):
        raise _LeftOut("is left out: it is a link or a device, not a file")
    if info.flag_bits & _ENCRYPTED_FLAG:
        raise _LeftOut("is encrypted; unpack the archive yourself and add the files")
    if name.lower().endswith(".zip"):
        raise _LeftOut(_NESTED)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Python's bzip2 and LZMA readers would hold whatever one block unpacks to.
        raise _LeftOut("is packed in an unusual way; pack it again with Deflate")


def _take(name: str, files: dict[str, str], folders: set[str]) -> None:
    """Claim `name` and the folders above it, as file systems that ignore case see them."""
    plain = unicodedata.normalize("NFC", name).casefold()
    parts = [part.rstrip(" .") or part for part in plain.split("/")]
    *above, key = ("/".join(parts[:end]) for end in range(1, len(parts) + 1))
    other = next((files[place] for place in (key, *above) if place in files), None)
    if other is not None or key in folders:
        raise _LeftOut(f"is left out: it would take the place of {other or 'a folder'}")
    files[key] = name
    folders.update(above)
