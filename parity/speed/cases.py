"""What is compared, and the ratio that we want."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedviz.model import Per
from parity.speed import official

Work = Callable[[Sequence[Path]], object]
"""Embeds all of these WAV files."""
KERAS_2 = {"TF_USE_LEGACY_KERAS": "1"}


@dataclass(frozen=True)
class Case:
    """One way of asking a model and its official code."""

    model: str
    variant: str | None
    checkpoint: str
    """Which of the reference's official files; see `parity.reference`."""
    files: int
    file_s: float
    """The length of each WAV file, in seconds."""
    per: Per
    words: str
    target: float
    """How many times faster ours should be."""
    official: Callable[[Path], Work]
    """The folder of the official file -> the official code's work."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that the official process needs."""
    precision: str = "float32"
    """Ours; the official code has float32 alone."""

    @property
    def name(self) -> str:
        """The model, and the precision where it is another."""
        return self.model if self.precision == "float32" else f"{self.model} {self.precision}"

    @property
    def heard_s(self) -> float:
        """Seconds of sound in all files."""
        return self.files * self.file_s


CASES = (
    Case(
        "yamnet", None, "official", 1, 120.0, "window", "a file of 2 minutes", 3.0,
        official.yamnet, KERAS_2,
    ),
    Case(
        "vggish", "raw", "official", 1, 60.0, "window", "a file of 1 minute", 1.5,
        official.vggish, KERAS_2,
    ),
    Case(
        "pann", "cnn14", "cnn14", 1, 40.0, "window", "a file of 40 s, its seconds in a batch", 1.5,
        official.pann_windows,
    ),
    Case(
        "pann", "cnn14", "cnn14", 20, 1.0, "window", "20 clips of 1 s, one by one", 3.0,
        official.pann_clips,
    ),
    Case(
        "kumar", None, "official", 1, 60.0, "window", "a file of 1 minute", 1.3, official.kumar,
    ),
    Case(
        "passt", "full", "swa", 2, 10.0, "recording", "2 scenes of 10 s", 3.0,
        official.passt_scenes,
    ),
    Case(
        "passt", "full", "swa", 1, 3.0, "window", "timestamps of 3 s", 6.0,
        official.passt_timestamps,
    ),
    Case(
        "openl3", "mel256_music_512", "mel256_music", 1, 3.0, "window", "a file of 3 s", 1.0,
        official.openl3, KERAS_2,
    ),
    Case(
        "openl3", "mel256_music_512", "mel256_music", 1, 3.0, "window", "a file of 3 s", 1.7,
        official.openl3, KERAS_2, "bfloat16",
    ),
)  # fmt: skip
