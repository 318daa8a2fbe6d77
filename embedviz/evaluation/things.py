"""What vectors may know beside the label: recording, folder, site, and how the sound was recorded.

Each is found once for the units of an evaluation, together with how well it alone tells the label:
a label that a site gives away can be learnt without hearing a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from embedviz.data import TIME_COLUMNS, EmbeddingSet
from embedviz.errors import EvaluationError
from embedviz.evaluation.asked import dealt, drawn_classes, time_blocks
from embedviz.evaluation.folds import joined_groups, make_folds
from embedviz.evaluation.loudness import Find, Loudness, Progress, measured
from embedviz.evaluation.results import IntArray, Task, Units
from embedviz.evaluation.ties import told_by_number, told_by_value

PLACES = frozenset(
    {"site", "location", "station", "place", "recorder", "device", "microphone", "hydrophone"}
    | {"sensor", "deployment", "individual", "animal", "speaker"}
    | {"day", "date", "night", "session", "year", "season"}
)
"""Columns of these names are looked at, whether or not they are the group column."""


@dataclass(frozen=True)
class Thing:
    """Something that U units have and that is not their label."""

    what: str
    """As in `Confound`."""
    said: str
    """What it is called in a sentence."""
    kind: str
    """`classes` or `number`."""
    values: npt.NDArray[np.float64]
    """(U,) the number of the class, or the number itself."""
    fold: IntArray
    """(U,) the fold in which vectors are asked for it; -1 for units that are not asked."""
    groups: IntArray
    """(U,) what an interval draws together."""
    tied_to_label: float
    """Balanced accuracy of the label as it alone tells it, on recordings that were not counted."""

    @property
    def classes(self) -> int:
        """The number of classes that are asked for."""
        return len(np.unique(self.values[self.fold >= 0]))


@dataclass(frozen=True)
class Things:
    """All that could be found, and sentences on what could not."""

    found: tuple[Thing, ...]
    notes: tuple[str, ...] = ()


def things(
    embedding_set: EmbeddingSet,
    units: Units,
    task: Task,
    *,
    find: Find | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Things:
    """Find what the vectors of some units may know beside the label.

    Recordings are asked for by other times of the same recordings, and only where they have
    several units; everything else by other recordings. What has one value alone is left out, and
    so are folders that merely spell the label.

    Parameters
    ----------
    embedding_set
        Knows the recordings and columns of the units.
    find, progress
        As for `embedviz.evaluation.loudness.measured`, which reads every recording once.
    """
    recordings = _recording_groups(embedding_set, units)
    sound = measured(
        embedding_set.provenance,
        units.recording,
        units.start_s,
        units.stop_s,
        find=find,
        progress=progress,
    )
    found = [_recording(units, recordings, seed)]
    named = {"folder": ("the folder", _folders(embedding_set, units, task))}
    for column in _columns(embedding_set, task):
        named[column] = (f"the {column}", _values(embedding_set, units, column))
    for what, (said, values) in named.items():
        found.append(_classes(what, said, values, units, recordings, seed))
    for what, said, number in _numbers(sound):
        found.append(_number(what, said, number, units, recordings, seed))
    return Things(tuple(thing for thing in found if thing is not None), sound.notes)


def _recording_groups(embedding_set: EmbeddingSet, units: Units) -> IntArray:
    """Give the number of each unit's recording (U,); copies of a file are one."""
    known = embedding_set.provenance.recordings
    checksums = [known[name].sha256 if name in known else "" for name in units.recording]
    return joined_groups(units.recording, checksums)


def _numbers(sound: Loudness) -> list[tuple[str, str, npt.NDArray[np.float64]]]:
    """Give what each number is, what it is called, and the number (U,).

    Shares of clipped samples span decades, and so do frequencies to the ear: these are logarithms.
    """
    return [
        ("loudness", "the loudness", sound.level_db),
        ("signal to noise", "the signal-to-noise ratio", sound.signal_to_noise_db),
        ("clipping", "the clipping", np.log10(sound.clipped + 1e-5)),
        ("bandwidth", "the bandwidth", np.log2(np.maximum(sound.bandwidth_hz, 1.0))),
    ]


def _columns(embedding_set: EmbeddingSet, task: Task) -> list[str]:
    """Give the columns that say where, when or by whom a recording was made."""
    chosen = [task.group, *(name for name in embedding_set.label_columns if _is_place(name))]
    left_out = {*TIME_COLUMNS, task.label}
    kept = [name for name in chosen if name in embedding_set.table and name not in left_out]
    return list(dict.fromkeys(kept))


def _is_place(column: str) -> bool:
    return column.lower().removesuffix("_id").removesuffix(" id").rstrip("s") in PLACES


def _values(embedding_set: EmbeddingSet, units: Units, column: str) -> list[str]:
    """Give the value of a column for each unit: that of its row, else of its recording's first."""
    table = embedding_set.table
    words = table[column].astype("string").fillna("").tolist()
    names, starts = table["recording"].tolist(), table["start_s"].to_numpy(float).round(3).tolist()
    of_row = dict(zip(zip(names, starts, strict=True), words, strict=True))
    of_recording: dict[str, str] = {}
    for name, word in zip(names, words, strict=True):
        if word:
            of_recording.setdefault(name, word)
    return [
        of_row.get((name, round(start, 3))) or of_recording.get(name, "")
        for name, start in zip(units.recording, units.start_s, strict=True)
    ]


def _folders(embedding_set: EmbeddingSet, units: Units, task: Task) -> list[str]:
    """Give the folder of each unit's recording, without the parts that spell its label."""
    known = embedding_set.provenance.recordings
    folders = []
    for name, label in zip(units.recording, units.truth.tolist(), strict=True):
        path = PurePosixPath(name.replace("\\", "/"))
        if path.parent == PurePosixPath() and name in known:
            path = PurePosixPath(known[name].path.replace("\\", "/"))
        spelt = _plain(task.classes[label]) if label >= 0 else ""
        folders.append("/".join(part for part in path.parent.parts if _plain(part) != spelt))
    return folders


def _plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


def _recording(units: Units, recordings: IntArray, seed: int) -> Thing | None:
    """Ask for recordings by blocks of time."""
    fold = time_blocks(recordings, np.array(units.start_s), np.array(units.stop_s))
    tied = told_by_value(recordings, units.truth, fold)
    fold = drawn_classes(recordings, fold, seed)
    values = recordings.astype(np.float64)
    thing = Thing("recording", "the recording", "classes", values, fold, recordings, tied)
    return thing if thing.classes > 1 else None


def _classes(
    what: str, said: str, values: Sequence[str], units: Units, recordings: IntArray, seed: int
) -> Thing | None:
    """Ask for the values of a column by other recordings, or say nothing where that cannot be."""
    named = np.array(values, dtype=str)
    kinds, codes = np.unique(named, return_inverse=True)
    if len(kinds) < 2:
        return None
    known = named != ""
    fold = np.full(len(named), -1, np.int64)
    try:
        fold[known] = make_folds(codes[known], recordings[known], seed=seed)
    except EvaluationError:
        return None
    labelled = np.where(known, units.truth, -1)
    tied = told_by_value(codes, labelled, _folds_of_label(labelled, recordings, seed))
    values_ = codes.astype(np.float64)
    return Thing(what, said, "classes", values_, drawn_classes(codes, fold, seed), recordings, tied)


def _number(
    what: str,
    said: str,
    values: npt.NDArray[np.float64],
    units: Units,
    recordings: IntArray,
    seed: int,
) -> Thing | None:
    """Ask for a number by other recordings."""
    known = np.isfinite(values)
    if len(np.unique(recordings[known])) < 4 or np.ptp(values[known]) < 1e-6:
        return None
    labelled = np.where(known, units.truth, -1)
    tied = told_by_number(values, labelled, _folds_of_label(labelled, recordings, seed))
    fold = dealt(recordings, known, seed)
    return Thing(what, said, "number", values, fold, recordings, tied)


def _folds_of_label(truth: IntArray, recordings: IntArray, seed: int) -> IntArray:
    """Deal recordings into folds for the label (U,); all -1 where that cannot be."""
    fold = np.full(len(truth), -1, np.int64)
    used = np.flatnonzero(truth >= 0)
    try:
        fold[used] = make_folds(truth[used], recordings[used], seed=seed)
    except EvaluationError:
        return fold
    return fold
