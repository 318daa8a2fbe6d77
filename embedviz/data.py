"""The words of embedviz as types: recording, embedding set, projection.

One row order everywhere: `table`, `vectors` and `thumbnails` of a set, points on screen,
cells of a sprite sheet and lines of `metadata.tsv` all mean the same window at the same index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from embedviz.errors import SetError

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]

TIME_COLUMNS = ("recording", "start_s", "stop_s")
RESERVED_COLUMNS = (
    *TIME_COLUMNS,
    "padding_s",
    "top_class",
    "embedding",
    "thumbnail",
    "x",
    "y",
    "z",
)


@dataclass(frozen=True)
class Recording:
    """One audio file on disk; `name` is unique within a set and uses forward slashes."""

    name: str
    path: Path
    duration_s: float
    rate_hz: int
    channels: int
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """What a set remembers of one recording, so that its windows can be heard later."""

    path: str
    sha256: str
    duration_s: float
    rate_hz: int
    channels: int


@dataclass(frozen=True)
class Provenance:
    """How the rows of a set were made; stored as JSON beside them."""

    model: str
    variant: str
    weights: Mapping[str, str]
    """Weight file name -> SHA-256 of the file that was used."""
    verified: bool
    """False if a weight file was not the published one; everything made from it says so."""
    rate_hz: int
    window_s: float
    hop_s: float
    per: str | float
    """`window`, `recording` or seconds per row."""
    precision: str
    version: str
    channel: int | None = None
    """The channel heard, counted from 1; None where channels were mixed by their mean."""
    bands_hz: tuple[float, ...] = ()
    """Centre frequency in Hz of each row of a thumbnail's bands, lowest first."""
    patch_range: tuple[float, float] = (0.0, 1.0)
    """The patch values that thumbnails show as 0 and 255."""
    patch_unit: str = ""
    recordings: Mapping[str, Source] = field(default_factory=dict)
    label_columns: tuple[str, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    """Recording name -> the sentence that says why it has no rows."""
    members: tuple[str, ...] = ()
    """Of an ensemble: the models whose vectors are joined; thumbnails are those of the first."""
    sampled_from: int | None = None
    """Of how many rows these are a sample; None where they are all."""

    @property
    def title(self) -> str:
        """A short name: the model, its variant where it is not implied, and unverified weights."""
        name = self.model if self.variant in ("", "default") else f"{self.model} ({self.variant})"
        return name if self.verified else f"{name}, unverified weights"

    def to_json(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Provenance:
        """Read what `to_json` gave; keys written by a newer version are left aside."""
        known = {f.name for f in fields(cls)}
        kept = {key: value for key, value in values.items() if key in known}
        kept["recordings"] = {
            name: Source(**source) for name, source in kept.get("recordings", {}).items()
        }
        for key in ("bands_hz", "patch_range", "label_columns", "members"):
            if key in kept:
                kept[key] = tuple(kept[key])
        return cls(**kept)


@dataclass(frozen=True)
class Projection:
    """Coordinates (N, 2 or 3) of a set's rows and how they were found."""

    method: str
    coordinates: FloatArray
    settings: Mapping[str, Any]
    explained_variance: tuple[float, ...] = ()
    """For PCA: the share of variance along each axis, 0 to 1."""

    @property
    def dims(self) -> int:
        """The number of axes, 2 or 3."""
        return int(self.coordinates.shape[1])

    def to_json(self) -> dict[str, Any]:
        """Give how the coordinates were found, as plain values for JSON."""
        return {
            "method": self.method,
            "settings": dict(self.settings),
            "explained_variance": list(self.explained_variance),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any], coordinates: FloatArray) -> Projection:
        """Read what `to_json` gave of these coordinates."""
        return cls(
            method=values["method"],
            coordinates=coordinates,
            settings=values["settings"],
            explained_variance=tuple(values["explained_variance"]),
        )


@dataclass(frozen=True)
class EmbeddingSet:
    """N rows, each one window (or stretch) of a recording heard by one model."""

    table: pd.DataFrame
    """`recording`, `start_s`, `stop_s`, the label columns, then what the model adds."""
    vectors: FloatArray
    """(N, D)"""
    provenance: Provenance
    thumbnails: ByteArray | None = None
    """(N, frames, bands): the model's own patches, `patch_range` mapped to 0..255."""
    projection: Projection | None = None

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        rows = len(self.table)
        missing = [name for name in TIME_COLUMNS if name not in self.table]
        if missing:
            raise SetError(f"The table lacks the columns {', '.join(missing)}.")
        if self.vectors.ndim != 2 or len(self.vectors) != rows:
            raise SetError(f"{rows} rows do not fit vectors of shape {self.vectors.shape}.")
        if self.thumbnails is not None and len(self.thumbnails) != rows:
            raise SetError(f"{rows} rows do not fit {len(self.thumbnails)} thumbnails.")
        if self.projection is not None and len(self.projection.coordinates) != rows:
            raise SetError(f"{rows} rows do not fit {len(self.projection.coordinates)} points.")

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.table)

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The label columns that the table holds."""
        return tuple(name for name in self.provenance.label_columns if name in self.table)

    def with_projection(self, projection: Projection) -> EmbeddingSet:
        """Give the same rows with other coordinates."""
        return replace(self, projection=projection)
