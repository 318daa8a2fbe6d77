"""Judging a bundle, by anybody, with the rules of the two programs that read it.

The rules are those of the readers: the page at projector.tensorflow.org and TensorBoard's plugin.
Nothing here uses the code that writes bundles, so a mistake there is found here; what the writer
says that it changed is told as it says it.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from embedviz.projector.changes import CHANGES, read_changes
from embedviz.projector.check_bookmarks import check_bookmarks
from embedviz.projector.check_metadata import check_metadata, check_rows
from embedviz.projector.check_sprite import Grid, check_sprite
from embedviz.projector.check_tensors import Shape, check_bytes, check_tsv
from embedviz.projector.configs import CONFIG_JSON, CONFIG_PBTXT, Entry, local_path, read_configs
from embedviz.projector.files import BundleFiles, open_bundle
from embedviz.projector.findings import Finding, Notes, Report

__all__ = ["Finding", "Report", "validate_bundle"]

_TENSORBOARD_ROWS = 100_000
_BY_HAND = Entry(config="", name="tensors", shape=(), tensor="tensors.tsv", metadata="metadata.tsv")
# A damaged zip fails in any of these ways, an encrypted one with a RuntimeError.
_UNREADABLE = (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile)

Result = TypeVar("Result")


def validate_bundle(path: Path) -> Report:
    """Tell what would go wrong with a bundle in the Embedding Projector and in TensorBoard.

    Parameters
    ----------
    path
        A folder, a zip, or a `projector_config.json` inside a folder. Large files are read in
        pieces, a zip is not unpacked, and nothing outside the bundle is touched.

    Returns
    -------
    Report
        Findings in plain sentences, among them a note of each thing that the writer changed, and
        a summary such as `1 embedding, 240 points of 1024 dimensions, sprite 16 x 16 cells of 64
        px: it will open.`

    Raises
    ------
    BundleError
        If there is nothing at `path`, it is no bundle at all, or a zip would unpack to far more
        than any bundle.
    """
    notes = Notes()
    with open_bundle(path) as files:
        found = _Judge(files, notes).judge()
    findings = notes.findings
    errors = sum(finding.level == "error" for finding in findings)
    return Report(findings, f"{_contents(found)}: {_verdict(errors)}")


@dataclass(frozen=True)
class _Found:
    """One embedding as a reader would find it; None where it could not be read."""

    shape: Shape | None
    grid: Grid | None

    def __str__(self) -> str:
        if self.shape is None:
            return "vectors that cannot be read"
        points = f"{self.shape.rows:,} points of {self.shape.dims} dimensions"
        return points if self.grid is None else f"{points}, sprite {self.grid}"


class _Judge:
    """Applies every rule to every file once, whichever of the two configs names it."""

    def __init__(self, files: BundleFiles, notes: Notes) -> None:
        self._files, self._notes = files, notes
        self._results: dict[Hashable, Any] = {}

    def judge(self) -> dict[str, _Found]:
        """Give what there is by name, and note what is wrong with it."""
        found: dict[str, _Found] = {}
        for entry in self._entries():
            now = self._judge_entry(entry)
            before = found.setdefault(entry.name, now)
            if before.shape and now.shape and before.shape != now.shape:
                self._notes.error(
                    entry.config,
                    f"{entry.name} has {now.shape.rows:,} points of {now.shape.dims} dimensions "
                    f"here and {before.shape.rows:,} of {before.shape.dims} in the other config; "
                    "write both from the same rows.",
                )
        self._tell_changes()
        return found

    def _tell_changes(self) -> None:
        try:
            changes = read_changes(self._files)
        except _UNREADABLE as problem:
            self._notes.warning(
                CHANGES, f"It cannot be read ({problem}), so what was changed cannot be told."
            )
            return
        for change in changes:
            self._notes.note(change.where, change.message)

    def _entries(self) -> list[Entry]:
        sizes = [self._files.size(name) for name in (CONFIG_JSON, CONFIG_PBTXT)]
        if any(size is not None for size in sizes):
            try:
                return read_configs(self._files, self._notes)
            except _UNREADABLE as problem:
                self._notes.error(CONFIG_JSON, f"The configs cannot be read ({problem}).")
                return []
        if self._files.size(_BY_HAND.tensor) is None:
            self._notes.error(
                CONFIG_JSON,
                f"There is neither this config nor {CONFIG_PBTXT} nor a {_BY_HAND.tensor}; the "
                "projector has nothing to open.",
            )
            return []
        self._notes.warning(
            CONFIG_JSON, "There is no config; the files can only be loaded by hand, one by one."
        )
        return [_BY_HAND]

    def _judge_entry(self, entry: Entry) -> _Found:
        shape = self._shape(entry)
        if entry.metadata and (name := self._path(entry, entry.metadata)):
            rows = self._read(
                name, lambda stream: check_metadata(stream, name, self._notes), "metadata"
            )
            if rows is not None and shape is not None:
                check_rows(rows, shape.rows, name, self._notes)
        if shape and entry.for_tensorboard and shape.rows > _TENSORBOARD_ROWS:
            self._notes.warning(
                entry.config,
                f"{entry.name} has {shape.rows:,} points; TensorBoard shows the first "
                f"{_TENSORBOARD_ROWS:,} only. Export fewer, chosen evenly.",
            )
        return _Found(shape, self._extras(entry, shape))

    def _shape(self, entry: Entry) -> Shape | None:
        if not self._has_sense(entry):
            return None
        name = self._path(entry, entry.tensor)
        if name is None:
            return None
        if entry.tensor.endswith(".bytes"):
            size = self._files.size(name) or 0
            return self._read(
                name,
                lambda stream: check_bytes(stream, size, entry.shape, name, self._notes),
                ("bytes", entry.shape),
            )
        shape = self._read(
            name,
            lambda stream: check_tsv(
                stream, name, self._notes, for_tensorboard=entry.for_tensorboard
            ),
            "vectors",
        )
        if shape is not None and entry.shape and entry.shape != (shape.rows, shape.dims):
            self._notes.warning(
                entry.config,
                f"The shape of {entry.name} says {list(entry.shape)}, {name} holds "
                f"[{shape.rows}, {shape.dims}]; correct the config.",
            )
        return shape

    def _has_sense(self, entry: Entry) -> bool:
        binary = entry.tensor.endswith(".bytes")
        needs_shape = binary or entry.config == CONFIG_JSON
        if not entry.tensor and entry.for_tensorboard:
            self._notes.warning(
                entry.config,
                f"{entry.name!r} has no tensor_path, so TensorBoard looks for it in a checkpoint.",
            )
        elif not entry.tensor:
            self._notes.error(entry.config, f"{entry.name!r} has no tensorPath; add it.")
        elif needs_shape and (len(entry.shape) != 2 or min(entry.shape) < 2):
            self._notes.error(
                entry.config,
                f"The shape of {entry.name!r} is {list(entry.shape)}; the projector leaves out "
                "what is not at least 2 points of 2 dimensions, as [points, dimensions].",
            )
            return False
        elif binary and entry.for_tensorboard:
            self._notes.warning(
                entry.config,
                f"{entry.name!r} is binary, which TensorBoard only guesses at; name a .tsv here.",
            )
        return bool(entry.tensor)

    def _extras(self, entry: Entry, shape: Shape | None) -> Grid | None:
        points = shape.rows if shape else None
        if entry.bookmarks and (saved := self._path(entry, entry.bookmarks)):
            size = self._files.size(saved) or 0
            self._read(
                saved,
                lambda stream: check_bookmarks(stream, size, shape, saved, self._notes),
                ("bookmarks", shape),
            )
        if not entry.sprite or (sheet := self._path(entry, entry.sprite)) is None:
            return None
        return self._read(
            sheet,
            lambda stream: check_sprite(stream, entry.cell, points, sheet, self._notes),
            ("sprite", entry.cell, points),
        )

    def _path(self, entry: Entry, path: str) -> str | None:
        return local_path(entry, path, self._files, self._notes)

    def _read(
        self, name: str, check: Callable[[IO[bytes]], Result], kind: Hashable
    ) -> Result | None:
        """Check a file once for what it is said to be."""
        key = (name, kind)
        if key not in self._results:
            try:
                with self._files.open(name) as stream:
                    self._results[key] = check(stream)
            except _UNREADABLE as problem:
                self._notes.error(name, f"It cannot be read ({problem}); write or pack it again.")
                self._results[key] = None
        result: Result | None = self._results[key]
        return result


def _contents(found: Mapping[str, _Found]) -> str:
    if len(found) == 1:
        return f"1 embedding, {next(iter(found.values()))}"
    parts = "; ".join(f"{name}: {one}" for name, one in found.items())
    return f"{len(found)} embeddings ({parts})" if found else "No embeddings"


def _verdict(errors: int) -> str:
    if not errors:
        return "it will open."
    return f"it will not open as it should, {errors} {'error' if errors == 1 else 'errors'}."
