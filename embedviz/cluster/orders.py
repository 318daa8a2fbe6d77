"""What the driver and the workers of a cluster tell each other: small values, never vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embedviz.data import Recording
from embedviz.model import Per


@dataclass(frozen=True)
class Order:
    """What every worker of a run does with each shard."""

    variants: Mapping[str, str | None]
    """Model -> the form of its output; None for the model's default."""
    folders: Mapping[str, str]
    """Model -> where its parts go: an absolute path or an address that fsspec knows."""
    precision: str = "float32"
    per: Per = "window"
    hop_s: float | None = None
    channel: int | None = None


@dataclass(frozen=True)
class Task:
    """One shard, and the models whose part of it is missing."""

    shard: int
    recordings: tuple[Recording, ...]
    models: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """How long its recordings are together."""
        return sum(recording.duration_s for recording in self.recordings)


@dataclass(frozen=True)
class Loaded:
    """What a worker says once its models are loaded."""

    node: str
    version: str
    """Of embedviz."""
    asked: Mapping[str, Mapping[str, Any]]
    """Model -> all that decides its vectors: variant, weights, rows, hop, channel, precision."""
