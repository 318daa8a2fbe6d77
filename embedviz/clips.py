"""Rows as sound files: a zip with one WAV a row and a table that says what each one is.

night 1_12.48-13.44s.wav   the samples between start and stop at the recording's own rate
clips.csv                  the file of each row, and the row's columns
not-read.txt               what could not be read, and why; only where there is such a thing
"""

from __future__ import annotations

import io
import math
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import pandas as pd

from embedviz.atomic import written_whole
from embedviz.cutting import Window, cut
from embedviz.data import EmbeddingSet
from embedviz.errors import EmbedvizError, RecordingError, SetError

Find = Callable[[int], Path]
"""Gives the file of a row's recording, or raises `EmbedvizError`."""
Progress = Callable[[int, int], None]
"""Is told the rows done and all rows; raising from it stops the work."""

TABLE, PROBLEMS = "clips.csv", "not-read.txt"
LONGEST_STEM_BYTES = 120
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*/\\]')


@dataclass(frozen=True)
class Clips:
    """What was written."""

    written: int
    """Rows with a clip."""
    failures: Mapping[str, str]
    """Name of a recording -> the sentence that says why rows of it have none."""


def write_clips(
    embedding_set: EmbeddingSet,
    rows: Sequence[int],
    out: Path,
    *,
    find: Find | None = None,
    progress: Progress | None = None,
) -> Clips:
    """Write the sounds of rows, each as the one channel that the model was given.

    A recording that cannot be read is named in the result; the others go on.

    Parameters
    ----------
    find
        See `Find`; None looks where the recordings were when the set was made.
    progress
        See `Progress`.

    Raises
    ------
    EmbedvizError
        If not one row's sound could be read, or the file cannot be written.
    """
    chosen = list(dict.fromkeys(int(row) for row in rows))
    if not chosen:
        raise SetError("No rows were given; there is nothing to write.")
    names = _names(embedding_set.table, chosen)
    failures: dict[str, str] = {}
    written: set[int] = set()
    try:
        with written_whole(out) as file, zipfile.ZipFile(file, "w") as archive:
            for row, clip in sounds(embedding_set, chosen, find=find, failures=failures):
                _add(archive, names[row], clip)
                written.add(row)
                if progress is not None:
                    progress(len(written), len(chosen))
            if not written:
                first = next(iter(failures.values()), "")
                raise RecordingError(f"Not one of {len(chosen):,} sounds could be read. {first}")
            kept = {row: names[row] if row in written else "" for row in chosen}
            _add_tables(archive, embedding_set.table, kept, failures)
    except OSError as error:
        raise SetError(f"{out} could not be written: {error.strerror or error}.") from error
    return Clips(len(written), failures)


def sounds(
    embedding_set: EmbeddingSet,
    rows: Sequence[int],
    *,
    failures: dict[str, str],
    find: Find | None = None,
    longest_s: float = math.inf,
) -> Iterator[tuple[int, BinaryIO]]:
    """Give rows with their sound as a WAV file, recording by recording.

    Parameters
    ----------
    failures
        Gets the name of each recording that rows cannot be read of, and why.
    find
        See `Find`; None looks where the recordings were when the set was made.
    longest_s
        Only the beginning of longer sounds is given.
    """
    table, channel = embedding_set.table, embedding_set.provenance.channel
    starts, stops = table["start_s"].to_numpy(float), table["stop_s"].to_numpy(float)
    for recording, own in _by_recording(table, rows).items():
        windows = [
            Window(row, starts[row], min(stops[row], starts[row] + longest_s)) for row in own
        ]
        try:
            path = _located(embedding_set, recording, own[0], find)
            for window, clip in cut(path, windows, channel=channel):
                yield window.row, clip
        except RecordingError as error:
            sentence = str(error)
            failures[recording] = sentence if recording in sentence else f"{recording}: {sentence}"


def _located(embedding_set: EmbeddingSet, recording: str, row: int, find: Find | None) -> Path:
    try:
        if find is not None:
            return find(row)
    except EmbedvizError as error:
        raise RecordingError(str(error)) from error
    source = embedding_set.provenance.recordings.get(recording)
    if source is None:
        raise RecordingError(f"The set does not say where {recording} lies.")
    return Path(source.path)


def _by_recording(table: pd.DataFrame, rows: Sequence[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row, recording in zip(rows, table["recording"].iloc[list(rows)], strict=True):
        found.setdefault(str(recording), []).append(row)
    return found


def _names(table: pd.DataFrame, rows: Sequence[int]) -> dict[int, str]:
    """Name the file of each row: its recording without folders, and its seconds."""
    names: dict[int, str] = {}
    taken: set[str] = {TABLE, PROBLEMS}
    chosen = table.iloc[list(rows)]
    for row, recording, start_s, stop_s in zip(
        rows, chosen["recording"], chosen["start_s"], chosen["stop_s"], strict=True
    ):
        stem = f"{_safe(str(recording))}_{start_s:.2f}-{stop_s:.2f}s"
        name, number = f"{stem}.wav", 1
        # Some file systems do not tell letters' cases apart.
        while name.casefold() in taken:
            number += 1
            name = f"{stem} ({number}).wav"
        taken.add(name.casefold())
        names[row] = name
    return names


def _safe(recording: str) -> str:
    stem = _UNSAFE.sub("_", PurePosixPath(recording.replace("\\", "/")).stem).strip(" .")
    return stem.encode(errors="replace")[:LONGEST_STEM_BYTES].decode(errors="ignore") or "recording"


def _add(archive: zipfile.ZipFile, name: str, clip: BinaryIO) -> None:
    entry = zipfile.ZipInfo(name)
    entry.file_size = clip.seek(0, io.SEEK_END)
    clip.seek(0)
    with archive.open(entry, "w") as target:
        shutil.copyfileobj(clip, target)


def _add_tables(
    archive: zipfile.ZipFile,
    table: pd.DataFrame,
    files: Mapping[int, str],
    failures: Mapping[str, str],
) -> None:
    """Add the table of the rows, and the list of what is missing."""
    kept = table.iloc[list(files)].reset_index(drop=True)
    name = "file" if "file" not in kept else "clip file"
    column = pd.Series(list(files.values()), name=name)
    text = pd.concat([column, kept], axis=1).to_csv(index=False)
    archive.writestr(TABLE, text, zipfile.ZIP_DEFLATED)
    if failures:
        lines = "".join(f"{sentence}\n" for sentence in failures.values())
        archive.writestr(PROBLEMS, lines, zipfile.ZIP_DEFLATED)
