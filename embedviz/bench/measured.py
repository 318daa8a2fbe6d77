"""What was measured: values that a process can hand to another as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

ROUNDS = 3
"""The ways take turns, and the best round of each counts."""
STEPS = 3 + 3 * ROUNDS
"""How often progress on a model is told."""
SECONDS_AN_HOUR, SECONDS_A_MINUTE = 3600.0, 60.0


@dataclass(frozen=True)
class Ask:
    """What one process is asked to measure."""

    model: str
    precision: str = "float32"
    seconds: float | None = None
    """Of sound; None for as much as takes some seconds."""
    threads: int | None = None
    """Of TensorFlow; None for as many as it takes by itself, one a core."""


@dataclass(frozen=True)
class Setting:
    """What it was measured on."""

    processor: str
    cores: int
    cards: tuple[str, ...]
    threads: int
    """0 where TensorFlow chose."""
    precision: str
    embedviz: str
    tensorflow: str


Weights = Literal["official", "unverified", "random", "none"]
"""Of `unverified` files the checksums are not the published ones."""


@dataclass(frozen=True)
class Rounded:
    """bfloat16 beside float32 on the same windows."""

    windows: int
    smallest_cosine: float
    mean_cosine: float
    times_as_fast: float | None
    """Seconds of the bare graph in float32 over those in bfloat16; None where the device would
    only emulate it."""


@dataclass(frozen=True)
class Measured:
    """How long a model took for one recording; the best of several rounds."""

    model: str
    variant: str
    precision: str
    weights: Weights
    heard_s: float
    """Seconds of sound."""
    windows: int
    end_to_end_s: float
    """From the WAV file to rows: decoding, resampling, cutting, network, pictures, cache."""
    graph_s: float
    """The traced graph, front end and network, on the same windows, already cut."""
    network_s: float
    """The network on the same windows' patches."""
    rounded: Rounded | None = None
    """None where the model offers float32 alone."""

    @property
    def ratio(self) -> float:
        """End to end over the bare graph, as speeds: 1 if all around it costs nothing."""
        return self.graph_s / self.end_to_end_s

    def hours_per_minute(self, seconds: float) -> float:
        """Give hours of sound a minute where `seconds` were taken."""
        return self.heard_s / SECONDS_AN_HOUR / (seconds / SECONDS_A_MINUTE)

    def plain(self) -> dict[str, Any]:
        """Give everything as JSON holds it, with the figures that follow from it."""
        return asdict(self) | {
            "end_to_end_hours_per_minute": self.hours_per_minute(self.end_to_end_s),
            "graph_hours_per_minute": self.hours_per_minute(self.graph_s),
            "network_hours_per_minute": self.hours_per_minute(self.network_s),
            "end_to_end_over_graph": self.ratio,
        }


def from_plain(given: Mapping[str, Any]) -> Measured:
    """Give what `Measured.plain` was made of."""
    known = {name: given[name] for name in Measured.__dataclass_fields__}
    rounded = known.pop("rounded")
    return Measured(**known, rounded=Rounded(**rounded) if rounded else None)
