"""The VGGish embeddings that were released with AudioSet: TFRecords of SequenceExamples.

Each record is a video: `video_id`, `start_time_seconds` and `labels` in its context, and for each
second 128 bytes in its feature list `audio_embedding`, which are VGGish's vectors after PCA and
quantisation. https://research.google.com/audioset/download.html
"""

from __future__ import annotations

import csv
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from embedviz.data import EmbeddingSet
from embedviz.errors import SetError
from embedviz.imported import MOST_ROWS, Made, imported_set, plain
from embedviz.imports.protobuf import submessages, varints
from embedviz.imports.tfrecords import records

MODEL = "audioset-vggish"
DIMS = 128
CLASSES = "class_labels_indices.csv"
"""AudioSet's table of class names: index, mid, display_name."""

_SECOND_S = 1.0
_EMBEDDING, _VIDEO, _START, _LABELS = (
    "audio_embedding",
    "video_id",
    "start_time_seconds",
    "labels",
)
_MOST_LABELS = 1000

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Video:
    name: str
    start_s: float
    labels: tuple[int, ...]
    seconds: bytes
    """128 for each second."""


def read_audioset(
    files: Sequence[Path], *, classes: Path | None = None, progress: Progress | None = None
) -> EmbeddingSet:
    """Give the seconds of all videos of some files, in order, as one set.

    Parameters
    ----------
    files
        TFRecord files.
    classes
        AudioSet's table of class names; None looks for it beside the files. Without one, classes
        are called by their numbers.
    progress
        Called with files read and files in all; raising from it stops the work.

    Raises
    ------
    SetError
        If a file is damaged, or holds something else.
    """
    names = _class_names(classes or _beside(files))
    columns: dict[str, list[str | float]] = {
        name: [] for name in ("recording", "start_s", "stop_s", "label", "labels")
    }
    parts: list[bytes] = []
    for video in _videos(files, progress):
        count = len(video.seconds) // DIMS
        if len(columns["recording"]) + count > MOST_ROWS:
            raise SetError(f"There are more than {MOST_ROWS:,} seconds; name fewer files.")
        parts.append(video.seconds)
        said = [names.get(label, f"class {label}") for label in video.labels] or [""]
        starts = [video.start_s + second * _SECOND_S for second in range(count)]
        columns["recording"] += [video.name] * count
        columns["start_s"] += starts
        columns["stop_s"] += [start + _SECOND_S for start in starts]
        columns["label"] += said[:1] * count
        columns["labels"] += ["; ".join(said)] * count
    vectors = np.frombuffer(b"".join(parts), np.uint8).reshape(-1, DIMS)
    made = Made(labels=("label", "labels"))
    return imported_set(MODEL, vectors, pd.DataFrame(columns), made=made)


def _videos(files: Sequence[Path], progress: Progress | None) -> Iterator[_Video]:
    for done, file in enumerate(files):
        if progress is not None:
            progress(done, len(files))
        for number, record in enumerate(records(file)):
            try:
                video = _video(record, f"{file.stem} {number}")
            except (ValueError, struct.error) as problem:
                raise SetError(
                    f"Record {number} of {file.name} is no SequenceExample ({problem})."
                ) from None
            if video.seconds:
                yield video
            elif number == 0:
                raise SetError(
                    f"{file.name} has no feature list {_EMBEDDING}; wanted the features that were "
                    "released with AudioSet."
                )


def _video(record: bytes, otherwise: str) -> _Video:
    """Read a SequenceExample: field 1 is its context, field 2 its lists of features."""
    context = _entries(part for part in submessages(record, 1))
    lists = _entries(part for part in submessages(record, 2))
    texts = _values(context.get(_VIDEO, b""), 1)
    starts = _values(context.get(_START, b""), 2)
    labels = _values(context.get(_LABELS, b""), 3)
    seconds = [
        value
        for feature in submessages(lists.get(_EMBEDDING, b""), 1)
        for value in _values(feature, 1)
    ]
    uneven = [len(second) for second in seconds if len(second) != DIMS]
    if uneven:
        raise ValueError(f"{uneven[0]} bytes stand for a second, and {DIMS} should")
    start_s = struct.unpack("<f", starts[0][:4])[0] if starts else 0.0
    return _Video(
        name=plain(texts[0].decode("utf-8", "replace")) if texts else otherwise,
        start_s=start_s if np.isfinite(start_s) else 0.0,
        labels=tuple(number for part in labels for number in varints(part))[:_MOST_LABELS],
        seconds=b"".join(seconds),
    )


def _entries(messages: Iterable[bytes]) -> Mapping[str, bytes]:
    """Read maps: field 1 of a message is an entry, with its key in field 1, its value in 2."""
    found = {}
    for message in messages:
        for entry in submessages(message, 1):
            key = b"".join(submessages(entry, 1)).decode("utf-8", "replace")
            found[key] = b"".join(submessages(entry, 2))
    return found


def _values(feature: bytes, kind: int) -> list[bytes]:
    """Give the values of a feature: of bytes (kind 1), or packed floats (2) or integers (3)."""
    return [value for listed in submessages(feature, kind) for value in submessages(listed, 1)]


def _beside(files: Sequence[Path]) -> Path | None:
    folders = [folder for file in files[:1] for folder in (file.parent, file.parent.parent)]
    return next((folder / CLASSES for folder in folders if (folder / CLASSES).is_file()), None)


def _class_names(path: Path | None) -> Mapping[int, str]:
    if path is None:
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return {int(row["index"]): plain(row["display_name"]) for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        raise SetError(
            f"{path.name} is no table of AudioSet's classes; wanted the columns index and "
            "display_name."
        ) from None
