"""What is known about a model before any of its weights are loaded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal


@dataclass(frozen=True)
class WeightFile:
    """One official file: where it is published and how to know that it arrived whole."""

    name: str
    url: str
    checksum: str | None
    """The published checksum as `algorithm:hex digest`, for example `sha256:13c3…`; None where
    none is published: then only a download from `url` counts as the official file."""
    size_bytes: int | None = None
    optional: bool = False
    """True where the model works without the file and only adds columns with it."""
    variants: tuple[str, ...] = ()
    """The variants that need the file; empty where all do."""
    example: bool = False
    """True for a sound whose published output `weights verify` repeats; no model reads it."""

    def serves(self, variant: str) -> bool:
        """Tell whether `variant` uses this file."""
        return not self.variants or variant in self.variants


@dataclass(frozen=True)
class Framing:
    """How a recording is cut into windows, as the model's reference cuts it.

    Window `i` starts at sample `round(i * hop)` of the recording with `lead_samples` put in front
    and `trail_samples` behind.
    """

    window_s: float
    """Seconds of sound that one window stands for."""
    window_samples: int
    """Samples that the front end reads for one window (frames may overlap its end a little)."""
    hop_s: float
    tail: Literal["drop", "pad"]
    """Sound after the last whole window is left out, or zeros are appended to take it in."""
    lead_samples: int = 0
    trail_samples: int = 0
    edges: Literal["zeros", "reflect"] = "zeros"
    """What stands in front of and behind the recording."""


@dataclass(frozen=True)
class Clip:
    """How a whole recording is heard in one pass, where the reference does so."""

    shortest_samples: int
    """Shorter sound fails in the reference and is refused here."""
    longest_s: float = math.inf
    beyond: Framing | None = None
    """The windows whose mean stands for a recording longer than `longest_s`."""


@dataclass(frozen=True)
class Sweep:
    """The geometry of a network that gives one column per step along sound of any length."""

    step_samples: int
    """Samples from one column to the next."""
    context_steps: int
    """Columns beside a part that must be computed with it, so that the parts join exactly."""
    step_frames: int
    """Frames of the patch from one column to the next."""


@dataclass(frozen=True)
class Facts:
    """The facts of one model; importing them loads no framework."""

    name: str
    title: str
    group: Literal["General", "Music", "Bioacoustics", "Baseline"]
    hears: str
    """One sentence on what the model listens for, shown on its card."""
    paper: str
    licence: str
    home: str
    rate_hz: int
    framing: Framing
    """The model's native windows, heard with `per="window"`."""
    patch_frames: int
    """Frames of one window's patch."""
    bands_hz: tuple[float, ...]
    """Centre frequency in Hz of each band of a patch, lowest first."""
    patch_range: tuple[float, float]
    """Values shown as darkest and brightest in pictures of patches."""
    patch_unit: str
    variants: Mapping[str, int]
    """Variant name -> length of its vector; the first is the default."""
    clip: Clip | None = None
    """How `per="recording"` is heard; None: the mean of the windows."""
    sweep: Sweep | None = None
    """For networks whose `build` gives a `Sweeping`."""
    fixed_hop: bool = False
    """True where the network itself sets the distance of its rows."""
    any_window: bool = False
    """True where a stretch of N seconds is heard as one window of N seconds (the network pools
    over time itself); False where it is the mean of the native windows in it."""
    batch: int = 64
    """Native windows that the network hears at once."""
    files: tuple[WeightFile, ...] = ()
    precisions: tuple[str, ...] = ("float32",)
    notes: str = ""
    """Choices made where reference behaviours differ, and other words for the card."""
    differences: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Variant name -> the fields in which it differs from the default variant."""

    @property
    def default_variant(self) -> str:
        """The variant used when none is named."""
        return next(iter(self.variants))

    @property
    def window_s(self) -> float:
        """Seconds of sound that one native window stands for."""
        return self.framing.window_s

    @property
    def hop_s(self) -> float:
        """Seconds between the starts of native windows."""
        return self.framing.hop_s

    def hop_samples(self, hop_s: float | None = None) -> float:
        """Give a hop (the native one for None) in samples, a whole number where it is one."""
        hop = (self.hop_s if hop_s is None else hop_s) * self.rate_hz
        return round(hop) if abs(hop - round(hop)) < 1e-6 else hop

    def of(self, variant: str) -> Facts:
        """Give the facts as they are for `variant`."""
        return replace(self, **self.differences.get(variant, {}))

    def files_for(self, variant: str) -> tuple[WeightFile, ...]:
        """Give the official files that `variant` uses, optional ones included."""
        return tuple(file for file in self.files if file.serves(variant))


@dataclass(frozen=True)
class Check:
    """One published expectation of a model's output and whether these weights meet it."""

    sentence: str
    passed: bool
