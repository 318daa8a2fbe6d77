"""Sounds for a page: short compressed clips of as many rows as fit into a budget.

MP3, because every browser plays it. At variable bit rate LAME says how much silence it added, so
that a decoded clip has the length that it went in with.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile as sf

from embedviz.clips import Find, sounds
from embedviz.data import EmbeddingSet, FloatArray
from embedviz.onefile.code import in_file

LONGEST_S = 10.0
"""Of longer sounds the beginning is kept."""
RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000)
"""What MP3 knows, as far as it is needed here."""
# From 0, the best, to 1: about 55 kbit/s at 32 kHz, 30 at 16 kHz.
COMPRESSION = 0.7
_TRIED = 64
_CURVE_BITS = 10

Tell = Callable[[float], None]
"""Is told the share that is done, 0 to 1."""
Order = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sounds:
    """MP3 files of rows."""

    clips: dict[int, bytes] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """Name of a recording that could not be read -> why."""
    cut_short: bool = False
    """Whether some clips are only the beginning of their row's sound."""


def compressed(
    embedding_set: EmbeddingSet, budget_bytes: int, *, find: Find | None, tell: Tell
) -> Sounds:
    """Compress rows until the budget is spent, spread evenly over recordings and the map."""
    if budget_bytes <= 0:
        return Sounds()
    order = evenly(embedding_set)
    failures: dict[str, str] = {}

    def clips(rows: Order, done: int, total: int) -> dict[int, bytes]:
        found = {}
        for row, clip in sounds(
            embedding_set, rows.tolist(), failures=failures, find=find, longest_s=LONGEST_S
        ):
            found[row] = mp3(clip)
            tell(min((done + len(found)) / total, 1.0))
        return found

    tried = clips(order[:_TRIED], 0, len(order))
    if not tried:
        # Perhaps only these cannot be read.
        tried = clips(order[_TRIED : 2 * _TRIED], 0, len(order))
    mean = sum(map(in_file, tried.values())) / max(len(tried), 1)
    count = min(len(order), round(1.05 * budget_bytes / mean)) if tried else 0
    rest = np.array([row for row in order[:count] if row not in tried], np.int64)
    found = {**tried, **clips(rest, len(tried), count)}
    kept: dict[int, bytes] = {}
    spent = 0
    for row in order.tolist():
        size = in_file(found.get(row, b""))
        if row in found and spent + size <= budget_bytes:
            kept[row] = found[row]
            spent += size
    spans_s = embedding_set.table["stop_s"] - embedding_set.table["start_s"]
    rows = list(kept)
    return Sounds(kept, failures, bool((spans_s.iloc[rows] > LONGEST_S).any()))


def mp3(clip: BinaryIO) -> bytes:
    """Compress a WAV file."""
    samples, rate_hz = sf.read(clip, dtype="float32")
    wanted_hz = next((rate for rate in RATES_HZ if rate >= rate_hz), RATES_HZ[-1])
    if wanted_hz != rate_hz:
        import soxr

        samples = soxr.resample(samples, rate_hz, wanted_hz, quality="HQ")
    content = io.BytesIO()
    with sf.SoundFile(
        content,
        "w",
        wanted_hz,
        1,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=COMPRESSION,
        bitrate_mode="VARIABLE",
    ) as file:
        file.write(samples)
    return content.getvalue()


def evenly(embedding_set: EmbeddingSet) -> Order:
    """Order rows so that the first ones, however many, are spread over recordings and the map.

    First comes one row of every recording, then one more, two more, four more, each time between
    those before; within such a round neighbours on the map come far apart.
    """
    rounds = _rounds(embedding_set.table["recording"].to_numpy())
    projection = embedding_set.projection
    points = np.zeros((len(rounds), 2)) if projection is None else projection.coordinates
    along = np.lexsort((_curve(points), rounds))
    turns = np.empty(len(rounds), np.int64)
    for number in range(int(rounds.max(initial=0)) + 1):
        members = along[rounds[along] == number]
        turns[members] = _turns(len(members))
    return np.lexsort((turns, rounds))


def _rounds(recordings: npt.NDArray[Any]) -> Order:
    """Give for each row the round in which its recording sends it."""
    _, codes, counts = np.unique(recordings.astype(str), return_inverse=True, return_counts=True)
    by_recording = np.argsort(codes, kind="stable")
    turns = np.concatenate([np.empty(0, np.int64), *(_turns(count) for count in counts.tolist())])
    rounds = np.empty(len(codes), np.int64)
    # Turn 0, turn 1, turns 2 and 3, turns 4 to 7, ...
    rounds[by_recording] = np.frexp(turns.astype(float))[1]
    return rounds


def _turns(count: int) -> Order:
    """Give each of `count` places in a line its turn, so that the first turns lie far apart."""
    bits = max(count - 1, 0).bit_length()
    numbers = np.arange(1 << bits)
    places = np.zeros_like(numbers)
    for bit in range(bits):
        places |= ((numbers >> bit) & 1) << (bits - 1 - bit)
    turns = np.empty(count, np.int64)
    turns[places[places < count]] = np.arange(count)
    return turns


def _curve(points: FloatArray | npt.NDArray[np.float64]) -> Order:
    """Give each point's place along a line that fills the map (Morton's)."""
    low, high = points.min(axis=0, initial=np.inf), points.max(axis=0, initial=-np.inf)
    scaled = (points - low) / np.where(high > low, high - low, 1) * ((1 << _CURVE_BITS) - 1)
    cells = scaled.astype(np.int64)
    dims = cells.shape[1]
    along = np.zeros(len(cells), np.int64)
    for bit in range(_CURVE_BITS):
        for axis in range(dims):
            along |= ((cells[:, axis] >> bit) & 1) << (bit * dims + axis)
    return along
