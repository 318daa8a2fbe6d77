"""The options of a foreign SavedModel, as they stand in its variant."""

from __future__ import annotations

import math
from dataclasses import dataclass

from embedviz.errors import ModelError
from embedviz.facts import Framing

KEYS = "rate, window, hop, output, signature"


@dataclass(frozen=True)
class Options:
    """What the user said about a SavedModel; None where it is left to what the model shows."""

    rate_hz: int | None = None
    window_s: float | None = None
    hop_s: float | None = None
    output: str | None = None
    """The index or name of the output that holds the vectors."""
    signature: str | None = None
    """The name of the signature or member to call; None for the model itself."""


def read(variant: str | None) -> Options:
    """Read options written as `rate=16000,window=0.96,hop=0.48,output=1`.

    Rate in Hz, window and hop in seconds.

    Raises
    ------
    ModelError
        If an option is unknown, given twice or no sensible value.
    """
    told: dict[str, str] = {}
    for part in filter(None, (variant or "").replace(" ", "").split(",")):
        key, equals, value = part.partition("=")
        if not (equals and value) or key not in KEYS.split(", ") or key in told:
            raise ModelError(f"Found the option {part!r}; wanted {KEYS}, each once, as key=value.")
        told[key] = value
    rate = _number(told, "rate")
    if rate is not None and not (rate == round(rate) and 1000 <= rate <= 1_000_000):
        raise ModelError(f"Found rate={told['rate']}; wanted whole samples per second from 1000.")
    return Options(
        rate_hz=None if rate is None else round(rate),
        window_s=_number(told, "window"),
        hop_s=_number(told, "hop"),
        output=told.get("output"),
        signature=told.get("signature"),
    )


def write(
    rate_hz: int, framing: Framing, output: str | None = None, signature: str | None = None
) -> str:
    """Write every option that a result depends on, those left to their defaults too."""
    told = {
        "rate": str(rate_hz),
        "window": f"{framing.window_s:.9g}",
        "hop": f"{framing.hop_s:.9g}",
        "output": output,
        "signature": signature,
    }
    return ",".join(f"{key}={value}" for key, value in told.items() if value is not None)


def _number(told: dict[str, str], key: str) -> float | None:
    if key not in told:
        return None
    try:
        number = float(told[key])
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise ModelError(f"Found {key}={told[key]}; wanted a positive number.")
    return number
