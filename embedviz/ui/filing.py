"""Names from outside as safe paths, and files that find their place beside others."""

from __future__ import annotations

import filecmp
import re
import unicodedata
from itertools import count
from pathlib import Path, PurePosixPath

LONGEST_NAME_BYTES = 200
"""Of one file or folder; common file systems end at 255."""

# Windows refuses these in names, and the folder may be on a shared drive.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')


def safe_name(name: str) -> PurePosixPath:
    r"""Turn a name from outside into a relative path that stays where it is put.

    >>> safe_name("../night 1\\bat?.wav")
    PurePosixPath('night 1/bat_.wav')
    """
    parts = [_safe_part(part) for part in re.split(r"[/\\]", unicodedata.normalize("NFC", name))]
    return PurePosixPath(*[part for part in parts if part] or ["file"])


def place(part: Path, target: Path) -> Path:
    """Move a complete file to `target` or, where another file lies there, beside it.

    Returns
    -------
    Path
        Where it lies. A file that lies there already is kept once; another of the same name
        gives this one a number.
    """
    for number in count(1):
        name = target.name if number == 1 else f"{target.stem} ({number}){target.suffix}"
        candidate = target.with_name(name)
        try:
            # Made first, so that two sessions of one workspace cannot choose the same name.
            candidate.touch(exist_ok=False)
        except FileExistsError:
            if candidate.is_file() and filecmp.cmp(part, candidate, shallow=False):
                return candidate
            continue
        return part.replace(candidate)
    raise AssertionError("numbers do not end")


def _safe_part(part: str) -> str:
    clean = _UNSAFE.sub("_", part).strip().rstrip(".")
    suffix = Path(clean).suffix[:16]
    stem = clean.removesuffix(suffix).encode()[: LONGEST_NAME_BYTES - len(suffix.encode())]
    return stem.decode(errors="ignore") + suffix
