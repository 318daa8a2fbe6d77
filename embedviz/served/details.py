"""Everything that is known of one row, for the panel beside the map."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import pandas as pd
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from embedviz import figures
from embedviz.errors import EmbedvizError
from embedviz.served.answers import tag_of, tagged
from embedviz.served.around import Around
from embedviz.served.rows import Row
from embedviz.soundfiles import open_sound
from embedviz.titles import receiver


def details(request: Request) -> Response:
    """Say what is known of a row, whether it can be heard and what its pictures show."""
    row = Row.of(request)
    content = bytes(JSONResponse(_facts(row)).body)
    return tagged(request, lambda: content, "application/json", state=tag_of(content))


def _facts(row: Row) -> dict[str, Any]:
    embedding_set = row.embedding_set
    values = embedding_set.table.iloc[row.index]
    source = embedding_set.provenance.recordings.get(row.recording)
    why = _why_silent(row)
    return {
        "recording": row.recording,
        "start_s": float(values["start_s"]),
        "stop_s": float(values["stop_s"]),
        "duration_s": source and source.duration_s,
        "rate_hz": source and source.rate_hz,
        "columns": [{"name": str(name), "value": _plain(value)} for name, value in values.items()],
        "heard": not why,
        "why": why,
        "patch": _patch(row),
        "receiver": receiver(embedding_set.provenance),
        "around": None if why else _around(row),
    }


def _why_silent(row: Row) -> str:
    """Say why a row cannot be heard; nothing where it can."""
    try:
        with open_sound(row.file(), row.recording):
            return ""
    except EmbedvizError as error:
        return str(error)


def _around(row: Row) -> dict[str, Any] | None:
    try:
        return asdict(Around.of(row))
    except EmbedvizError:
        return None


def _patch(row: Row) -> dict[str, Any] | None:
    """Say what the row's thumbnail shows."""
    made, thumbnails = row.embedding_set.provenance, row.embedding_set.thumbnails
    if thumbnails is None:
        return None
    start_s, stop_s = figures.patch_span(row.embedding_set, row.index)
    frames, bands = thumbnails.shape[1:]
    low, high = made.patch_range
    return {
        "start_s": start_s,
        "stop_s": stop_s,
        "frames": frames,
        "bands": bands,
        "bands_hz": _bands_hz(made.bands_hz, bands),
        "low": low,
        "high": high,
        "unit": made.patch_unit,
    }


def _bands_hz(centres_hz: tuple[float, ...], bands: int) -> list[float]:
    """Give the frequencies of a thumbnail's bands, each the mean of the model's own beside it."""
    if not centres_hz:
        return []
    places = np.linspace(0, bands - 1, len(centres_hz))
    return [float(hz) for hz in np.interp(np.arange(bands), places, centres_hz)]


def _plain(value: object) -> str | int | float:
    """Give a value of the table as text or number; nothing where it is missing."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return int(value)
    if pd.isna(cast(Any, value)):
        return ""
    if isinstance(value, float | np.floating) and math.isfinite(value):
        # By its shortest text, so that 0.1 in float32 does not become 0.10000000149.
        return float(str(value))
    return str(value)
