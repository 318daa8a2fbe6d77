"""The log-mel baseline of units whose recordings can still be read: what a spectrogram knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedviz import audio
from embedviz.data import FloatArray, Provenance, Recording
from embedviz.errors import EmbedvizError, EvaluationError
from embedviz.evaluation.pooled import pooled
from embedviz.evaluation.results import IntArray, Units

MODEL, TITLE = "logmel", "Log-mel"

_BORDER_S = 1e-3
"""Starts and stops that lie closer are the same."""
_AT_ONCE = 100
"""Recordings whose pictures are in memory together."""

Find = Callable[[str], Path]
Progress = Callable[[int, int], None]


def logmel_vectors(
    provenance: Provenance,
    units: Units,
    *,
    pooling: str,
    find: Find | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """Hear the recordings of units again, with log-mel.

    Parameters
    ----------
    provenance
        Says where the recordings lie and which channel was heard.
    units
        U rows or recordings.
    pooling
        `window` takes the mean of the log-mel windows whose middle a unit holds, or the window
        nearest to its own middle; anything else pools all windows of the recording like that.
    find
        Gives the path of a recording by its name; by default the one that the set remembers.
    progress
        Called with (recordings heard, recordings); raising from it stops the work.

    Returns
    -------
    FloatArray
        (U, 192), or (U, 384) for `mean+std`.

    Raises
    ------
    EvaluationError
        If not every recording can be heard as it was.
    """
    names = list(dict.fromkeys(units.recording))
    places = [_place(provenance, name, find) for name in names]
    vectors, recording, middle_s = _heard(places, provenance, progress)
    rows, unit = [], []
    ends = np.searchsorted(recording, np.arange(len(names) + 1))
    number = {name: place for place, name in enumerate(names)}
    for one, (name, start_s, stop_s) in enumerate(
        zip(units.recording, units.start_s, units.stop_s, strict=True)
    ):
        begin, end = ends[number[name]], ends[number[name] + 1]
        if pooling == "window":
            inside = _inside(middle_s[begin:end], start_s, stop_s)
            begin, end = begin + inside.start, begin + inside.stop
        rows.append(np.arange(begin, end))
        unit.append(np.full(end - begin, one))
    return pooled(
        vectors[np.concatenate(rows)],
        np.concatenate(unit),
        len(units.recording),
        pooling=pooling,
    )


def _inside(middle_s: npt.NDArray[np.float64], start_s: float, stop_s: float) -> slice:
    """Give the windows with their middle inside, or the one nearest to the middle."""
    first, last = np.searchsorted(middle_s, [start_s + _BORDER_S, stop_s - _BORDER_S])
    if first >= last:
        first = int(np.abs(middle_s - (start_s + stop_s) / 2).argmin())
        last = first + 1
    return slice(int(first), int(last))


def _place(provenance: Provenance, name: str, find: Find | None) -> Recording:
    """Find a recording and check that its bytes are those that were heard."""
    source = provenance.recordings.get(name)
    if source is None or (find is None and not source.path):
        raise EvaluationError(f"it is not known where {name} lies.")
    try:
        path = find(name) if find else Path(source.path)
        if source.sha256 and audio.sha256(path) != source.sha256:
            raise EvaluationError(f"{name} has changed since it was embedded.")
        return audio.inspect(path, name=name)
    except EvaluationError:
        raise
    except EmbedvizError as error:
        raise EvaluationError(f"{name} cannot be read: {error}") from error


def _heard(
    recordings: Sequence[Recording], provenance: Provenance, progress: Progress | None
) -> tuple[FloatArray, IntArray, npt.NDArray[np.float64]]:
    """Give the windows of all recordings, the number of their recording, and their middles."""
    from embedviz.embed import embed
    from embedviz.models import load_model

    model = load_model(MODEL)
    number = {one.name: place for place, one in enumerate(recordings)}
    tell = progress or (lambda done, total: None)
    vectors, recording, middle_s = [], [], []
    for first in range(0, len(recordings), _AT_ONCE):
        part = recordings[first : first + _AT_ONCE]
        found = embed(
            part,
            model,
            channel=provenance.channel,
            progress=lambda now, before=first: tell(  # type: ignore[misc]
                before + now.recordings_done, len(recordings)
            ),
        )
        for name, why in found.provenance.failures.items():
            raise EvaluationError(f"{name} cannot be heard: {why}")
        table = found.table
        vectors.append(found.vectors)
        recording.append(table["recording"].map(number).to_numpy(np.int64))
        middle_s.append((table["start_s"] + table["stop_s"]).to_numpy(np.float64) / 2)
    return np.concatenate(vectors), np.concatenate(recording), np.concatenate(middle_s)
