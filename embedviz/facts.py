"""What is known about a model before any of its weights are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class WeightFile:
    """One official file: where it is published and how to know that it arrived whole."""

    name: str
    url: str
    checksum: str
    """The published checksum as `algorithm:hex digest`, for example `sha256:13c3…`."""
    size_bytes: int | None = None
    optional: bool = False
    """True where the model works without the file and only adds columns with it."""
    variants: tuple[str, ...] = ()
    """The variants that need the file; empty where all do."""

    def serves(self, variant: str) -> bool:
        """Tell whether `variant` uses this file."""
        return not self.variants or variant in self.variants


@dataclass(frozen=True)
class Facts:
    """The facts of one model; importing them loads no framework."""

    name: str
    title: str
    group: Literal["General", "Bioacoustics", "Baseline"]
    hears: str
    """One sentence on what the model listens for, shown on its card."""
    paper: str
    licence: str
    home: str
    rate_hz: int
    window_s: float
    """Seconds of sound that one window stands for."""
    window_samples: int
    """Samples that the front end reads for one window (frames overlap its end a little)."""
    hop_s: float
    tail: Literal["drop", "pad"]
    """What the reference does with sound after the last whole window."""
    patch_frames: int
    bands_hz: tuple[float, ...]
    """Centre frequency in Hz of each band of a patch, lowest first."""
    patch_range: tuple[float, float]
    """Values shown as darkest and brightest in pictures of patches."""
    patch_unit: str
    variants: Mapping[str, int]
    """Variant name -> length of its vector; the first is the default."""
    files: tuple[WeightFile, ...] = ()
    precisions: tuple[str, ...] = ("float32",)
    notes: str = ""
    """Choices made where reference behaviours differ, and other words for the card."""

    @property
    def default_variant(self) -> str:
        """The variant used when none is named."""
        return next(iter(self.variants))

    def files_for(self, variant: str) -> tuple[WeightFile, ...]:
        """Give the official files that `variant` uses, optional ones included."""
        return tuple(file for file in self.files if file.serves(variant))


@dataclass(frozen=True)
class Check:
    """One published expectation of a model's output and whether these weights meet it."""

    sentence: str
    passed: bool
