"""What a reference is: how it is asked, what it answers, and how close we must come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
MODELS = (
    "vggish",
    "yamnet",
    "openl3",
    "pann",
    "passt",
    "kumar",
    "efficientat",
    "efficientat_real",
    "humpback",
)


@dataclass(frozen=True)
class Answer:
    """What a reference says of one sound."""

    variant: str
    name: str
    """Words for the sound, for example `sweep, 31,999 samples`."""
    per: str
    """`window`, `recording` or a number of seconds, as `Model.embed` takes it."""
    sound: Floats
    """(n,) at the model's rate."""
    vectors: npt.NDArray[np.generic]
    """(rows, D)."""
    features: npt.NDArray[np.generic] | None = None
    """(rows, frames, bands)."""


@dataclass(frozen=True)
class Reference:
    """One official implementation."""

    model: str
    code: str
    """What computes the answers, in words."""
    packages: tuple[str, ...]
    """The distributions whose versions the table names."""
    rate_hz: int
    checkpoints: Mapping[str, tuple[str, ...]]
    """Name of a set of official files -> the variants that are loaded from it."""
    limits: Mapping[str, float]
    """`per` -> largest row-wise relative L2 error of a vector; `""` for all others."""
    feature_limit: float
    feature_unit: str
    answers: Callable[[Path, str, np.random.Generator], Iterable[Answer]]
    """(folder, checkpoint, rng): write random official files into the folder, then answer."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that its process needs."""

    def limit(self, variant: str, per: str) -> float:
        """Give the largest error allowed."""
        return self.limits.get(variant, self.limits.get(per, self.limits[""]))


def reference(model: str) -> Reference:
    """Give the reference of a model; importing it loads no framework."""
    found: Reference = import_module(f"parity.{model}").REFERENCE
    return found
