"""The recording around a row: what part of it the map shows, and its spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedviz import audio
from embedviz.data import ByteArray
from embedviz.errors import EmbedvizError
from embedviz.served.rows import Row
from embedviz.spectrogram import FFT_SAMPLES, FLOOR_DB, MOST_FRAMES, spectrogram

AROUND_S = 4.0
"""On both sides of the row."""
LONGEST_S = 60.0
"""Of a longer row the beginning is shown."""


@dataclass(frozen=True)
class Around:
    """What the picture of the recording around a row shows, to half a pixel."""

    start_s: float
    stop_s: float
    bands_hz_max: float
    """Frequencies are linear from 0 at the bottom to here at the top."""
    frames: int
    bands: int

    @classmethod
    def of(cls, row: Row) -> Around:
        """Measure the picture without drawing it.

        Raises
        ------
        EmbedvizError
            The set does not know the recording, or the row lies beyond its end.
        """
        start_s, stop_s = row.seconds(AROUND_S)
        stop_s, rate_hz = min(stop_s, start_s + LONGEST_S), row.source.rate_hz
        samples = round(stop_s * rate_hz) - round(start_s * rate_hz)
        if samples < 1:
            raise EmbedvizError(f"{row.recording} has no sound around this row.")
        # As `spectrogram` does, whose first use takes a second to load.
        hop = max(FFT_SAMPLES // 4, -(-max(samples, FFT_SAMPLES) // (MOST_FRAMES - 1)))
        return cls(start_s, stop_s, rate_hz / 2, samples // hop + 1, FFT_SAMPLES // 2 + 1)


def levels(row: Row) -> ByteArray:
    """Give the picture (frames, bands): 255 at the loudest, 0 at 80 dB below.

    Raises
    ------
    EmbedvizError
        The recording is not there, not this workspace's to read, or cannot be decoded.
    """
    extent = Around.of(row)
    samples, rate_hz = audio.read(
        row.file(),
        start_s=extent.start_s,
        stop_s=extent.stop_s,
        channel=row.embedding_set.provenance.channel,
    )
    found = spectrogram(samples, rate_hz).levels_db
    picture: ByteArray = np.rint(255 * (1 - found / FLOOR_DB)).astype(np.uint8)
    return picture
