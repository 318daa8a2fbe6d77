"""A browser session's own folder: what it uploaded and the sets it made, behind a secret token.

cache_folder()/workspaces/<token>/uploads/   recordings and tables, folders kept
cache_folder()/workspaces/<token>/incoming/  files that a browser is sending, see `incoming`
cache_folder()/workspaces/<token>/sent/      those that have come, for a browser that asks again
cache_folder()/workspaces/<token>/sets/      <name>.parquet
cache_folder()/workspaces/<token>/making/    sets that are being written
cache_folder()/workspaces/<token>/labels/    what was labelled on the map, see `relabelling`
cache_folder()/workspaces/<token>/queries/   clips that were asked for, see `query`
cache_folder()/demo/demo.parquet             the demo set, readable from every workspace
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from embedviz.data import EmbeddingSet
from embedviz.errors import EmbedvizError
from embedviz.folders import cache_folder, demo_set_path
from embedviz.ui.filing import place
from embedviz.ui.filing import safe_name as safe_name
from embedviz.ui.opensets import opened
from embedviz.ui.relabelling import newest
from embedviz.wording import numbered

LIFETIME_S = 7 * 24 * 3600
"""Seconds that an untouched workspace is kept."""
DEMO = "demo"
"""The name of the set that every workspace can read."""
QUERY = "query~"
"""What the name of a clip that was asked for begins with; no set's own name can."""
CHUNK_BYTES = 1 << 20

_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
_SET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_QUERY_NAME = re.compile(rf"{QUERY}[0-9a-f]{{16}}")


@dataclass(frozen=True)
class Workspace:
    """The folder that a token opens; `Workspace.create` and `Workspace.open` make it."""

    token: str
    folder: Path

    @classmethod
    def create(cls) -> Workspace:
        """Make an empty workspace under a new token."""
        token = secrets.token_urlsafe(16)
        folder = _workspaces() / token
        for part in (folder, folder / "uploads", folder / "sets"):
            part.mkdir(mode=0o700, parents=True)
        return cls(token, folder)

    @classmethod
    def open(cls, token: str) -> Workspace:
        """Find the workspace of `token`.

        Raises
        ------
        EmbedvizError
            The token is none, or its workspace has been deleted.
        """
        if not _TOKEN.fullmatch(token) or not (_workspaces() / token).is_dir():
            days = LIFETIME_S // (24 * 3600)
            raise EmbedvizError(
                f"This workspace is gone; after {days} days without a visit one is deleted."
            )
        return cls(token, _workspaces() / token)

    @property
    def uploads(self) -> Path:
        """The folder of uploaded files."""
        return self.folder / "uploads"

    @property
    def queries(self) -> Path:
        """The folder of clips that were asked for and of what a model heard in them."""
        return self.folder / "queries"

    def labels(self, name: str) -> Path:
        """Give the folder of the labels that were set on the set `name`."""
        self.set_path(name)
        return self.folder / "labels" / name

    def touch(self) -> None:
        """Start the lifetime anew."""
        os.utime(self.folder)

    def delete(self) -> None:
        """Delete everything in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def set_names(self) -> list[str]:
        """Name the sets that can be opened: one's own, newest first, then the demo."""
        own = [path for path in (self.folder / "sets").glob("*.parquet") if _is_set(path.stem)]
        own.sort(key=lambda path: (-path.stat().st_mtime_ns, path.stem))
        demo = [DEMO] if self.set_path(DEMO).is_file() else []
        return [path.stem for path in own] + demo

    def set_path(self, name: str) -> Path:
        """Give where the set `name` lies or will lie.

        Raises
        ------
        EmbedvizError
            The name could lead out of the workspace.
        """
        if name == DEMO:
            return demo_set_path()
        if _QUERY_NAME.fullmatch(name):
            return self.queries / f"{name.removeprefix(QUERY)}.parquet"
        if not _SET_NAME.fullmatch(name):
            raise EmbedvizError(
                f"{name!r} cannot name a set: letters, digits, dots, hyphens and underscores can."
            )
        return self.folder / "sets" / f"{name}.parquet"

    def unused_set_name(self, title: str) -> str:
        """Make a name for a new set out of any words; no set has it yet."""
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
        stem = re.sub(r"[^A-Za-z0-9._]+", "-", plain).strip("-._")[:90] or "set"
        return next(
            name for name in numbered(stem) if name != DEMO and not self.set_path(name).exists()
        )

    def open_set(self, name: str) -> EmbeddingSet:
        """Give the set `name` with the labels that were set on it in this workspace.

        Raises
        ------
        EmbedvizError
            There is no such set, or it cannot be read.
        """
        return opened(self.set_path(name), self._stamp(name), newest(self.labels(name)))

    def state(self, name: str) -> str:
        """Give a short text that changes whenever the set `name` or its labels change.

        Raises
        ------
        EmbedvizError
            There is no such set.
        """
        version = newest(self.labels(name))
        return f"{self._stamp(name):x}" + (f"-{version.state}" if version else "")

    def _stamp(self, name: str) -> int:
        try:
            return self.set_path(name).stat().st_mtime_ns
        except OSError:
            raise EmbedvizError(f"There is no set {name!r} in this workspace.") from None

    def save(self, name: str, content: BinaryIO) -> Path:
        """Write an uploaded file under `uploads`, in chunks.

        Parameters
        ----------
        name
            The browser's name for the file, with its folders where a folder was uploaded.
        content
            Read to its end.

        Returns
        -------
        Path
            Where it lies. The same file sent twice is kept once; another file of the same name
            gets a number.
        """
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as part:
            try:
                shutil.copyfileobj(content, part, CHUNK_BYTES)
                part.close()
                return self.adopt(name, Path(part.name))
            finally:
                Path(part.name).unlink(missing_ok=True)

    def adopt(self, name: str, part: Path) -> Path:
        """Move a complete file of this workspace under `uploads` and give where it lies.

        It gets its name as in `save`; where the same file lies there already, `part` stays.
        """
        target = self.uploads / safe_name(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        return place(part, target)


def sweep() -> int:
    """Delete the workspaces that nobody touched for `LIFETIME_S` seconds and count them."""
    oldest = time.time() - LIFETIME_S
    stale = [folder for folder in _folders() if folder.stat().st_mtime < oldest]
    for folder in stale:
        shutil.rmtree(folder, ignore_errors=True)
    return len(stale)


def _is_set(name: str) -> bool:
    return name != DEMO and _SET_NAME.fullmatch(name) is not None


def _workspaces() -> Path:
    return cache_folder() / "workspaces"


def _folders() -> list[Path]:
    if not _workspaces().is_dir():
        return []
    return [folder for folder in _workspaces().iterdir() if _TOKEN.fullmatch(folder.name)]
