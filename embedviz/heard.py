"""What a model gives back for a stretch of sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from embedviz.data import ByteArray, FloatArray

TextArray = npt.NDArray[np.str_]
Column = TextArray | FloatArray
"""A column of the table, (N,)."""


@dataclass(frozen=True)
class Heard:
    """N rows that a model heard, in order of time.

    A window's patch ends at `stop_s + padding_s` and begins a window's length before that, which
    may be before the recording. The patch of a pooled row shows `start_s` to `stop_s`, its frames
    averaged down to the number of one window's frames; that of a recording heard in one pass
    shows every frame.
    """

    vectors: FloatArray
    """(N, D)"""
    start_s: npt.NDArray[np.float64]
    """(N,)"""
    stop_s: npt.NDArray[np.float64]
    """(N,) where the row's sound ends; never beyond the end of the recording."""
    padding_s: npt.NDArray[np.float64]
    """(N,) seconds that the model heard after `stop_s`: zeros, or the sound mirrored."""
    patches: FloatArray | ByteArray
    """(N, frames, bands) the time-frequency pictures that the network received."""
    scores: FloatArray | None = None
    """(N, classes) class scores from 0 to 1, for models that have them."""
    columns: Mapping[str, Column] = field(default_factory=dict)
    """More columns of the table, for example `top_class`, each (N,)."""

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.vectors)

    def __getitem__(self, rows: slice) -> Heard:
        """Give some of the rows."""
        return Heard(
            vectors=self.vectors[rows],
            start_s=self.start_s[rows],
            stop_s=self.stop_s[rows],
            padding_s=self.padding_s[rows],
            patches=self.patches[rows],
            scores=None if self.scores is None else self.scores[rows],
            columns={name: column[rows] for name, column in self.columns.items()},
        )


def joined(parts: Iterable[Heard]) -> Heard:
    """Join parts of one recording in order; there must be at least one."""
    listed = list(parts)
    first = listed[0]
    return Heard(
        vectors=np.concatenate([part.vectors for part in listed]),
        start_s=np.concatenate([part.start_s for part in listed]),
        stop_s=np.concatenate([part.stop_s for part in listed]),
        padding_s=np.concatenate([part.padding_s for part in listed]),
        patches=np.concatenate([part.patches for part in listed]),
        scores=None
        if first.scores is None
        else np.concatenate([part.scores for part in listed if part.scores is not None]),
        columns={
            name: np.concatenate([part.columns[name] for part in listed]) for name in first.columns
        },
    )
