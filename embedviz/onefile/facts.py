"""What the page must know of a set beside its rows: how to draw it, and what to say about it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

import embedviz
from embedviz import packing, palette
from embedviz.data import EmbeddingSet, Projection
from embedviz.onefile.pictures import PALETTE_AT, Pictures, palette_chunk
from embedviz.onefile.sounds import LONGEST_S, Sounds
from embedviz.titles import axis_titles, model_title, receiver

METHODS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
UNVERIFIED = "These points were made with weights that are not the published ones."
LICENCE = (
    "embedviz does not know under which licence the recordings are, and grants none; "
    "ask those who made them before you pass this file on."
)


def facts(
    embedding_set: EmbeddingSet,
    projection: Projection,
    *,
    title: str,
    colour: str | None,
    dark: bool | None,
    neighbours: int,
    drawn: Pictures | None,
    heard: Sounds,
    sentences: Sequence[str],
) -> dict[str, Any]:
    """Give everything but the rows as plain values; parts are called by the names of `parts`."""
    made = embedding_set.provenance
    names = columns(embedding_set)
    first = colour if colour in names else names[0]
    return {
        "title": title,
        "dark": dark,
        "line": summary(embedding_set, projection),
        "warning": "" if made.verified else UNVERIFIED,
        "notes": [*sentences, LICENCE],
        "map": {
            "count": len(embedding_set),
            "total": len(embedding_set),
            "maps": [_map(title, embedding_set, projection)],
            "colour": {"name": first, "title": first, "shown": None},
            "size": None,
            "palette": {
                "light": palette.category_colours(palette.MOST_CATEGORIES, palette.LIGHT),
                "dark": palette.category_colours(palette.MOST_CATEGORIES, palette.DARK),
                "other": palette.OTHER,
            },
            "panel": True,
        },
        "neighbours": neighbours,
        "sounds": {"count": len(heard.clips), "why": _why(embedding_set, heard)},
        "pictures": None if drawn is None else drawn.layout,
        "palettes": _palettes(),
        "patch": None if drawn is None else _patch(embedding_set, drawn),
        "receiver": receiver(made),
        "recordings": {
            name: [source.duration_s, source.rate_hz] for name, source in made.recordings.items()
        },
    }


def columns(embedding_set: EmbeddingSet) -> list[str]:
    """Name the columns of the table, the most telling first."""
    table = embedding_set.table
    first = [*embedding_set.label_columns, "top_class", "recording", "start_s", "stop_s"]
    known = [str(name) for name in table.columns]
    return list(dict.fromkeys([*(name for name in first if name in table), *known]))


def summary(embedding_set: EmbeddingSet, projection: Projection) -> str:
    """Say in a line what the map shows."""
    recordings = embedding_set.table["recording"].nunique()
    points = f"{len(embedding_set):,} point" + ("" if len(embedding_set) == 1 else "s")
    of = f"{recordings:,} recording" + ("" if recordings == 1 else "s")
    method = METHODS.get(projection.method, projection.method)
    model = model_title(embedding_set.provenance)
    return f"{model} · {points} of {of} · {method} · made with embedviz {embedviz.__version__}"


def sentences(
    embedding_set: EmbeddingSet, drawn: Pictures | None, heard: Sounds, budget_mb: float
) -> tuple[str, ...]:
    """Say what is in the file and what did not fit."""
    found = [_heard(embedding_set, heard, budget_mb)]
    if heard.cut_short:
        found.append(f"Of longer sounds the first {LONGEST_S:g} s are in the file.")
    if heard.failures:
        count, why = len(heard.failures), next(iter(heard.failures.values()))
        which = "One recording" if count == 1 else f"{count:,} recordings"
        found.append(f"{which} could not be read: {why}")
    if embedding_set.thumbnails is None:
        found.append("The set was made without pictures.")
    elif drawn is None:
        found.append("So many pictures do not fit into the file; it has none.")
    elif (drawn.frames, drawn.bands) != embedding_set.thumbnails.shape[1:]:
        frames, bands = embedding_set.thumbnails.shape[1:]
        found.append(
            f"To fit, the pictures have {drawn.frames} x {drawn.bands} pixels instead of "
            f"{frames} x {bands}."
        )
    elif drawn.shades < 256:
        found.append(f"To fit, the pictures have {drawn.shades} shades instead of 256.")
    return tuple(found)


def _heard(embedding_set: EmbeddingSet, heard: Sounds, budget_mb: float) -> str:
    count, rows = len(heard.clips), len(embedding_set)
    if count == 0:
        return "No sounds are in the file."
    if count == rows:
        return f"The sounds of all {rows:,} points are in the file."
    if heard.failures:
        return f"The sounds of {count:,} of {rows:,} points are in the file."
    return f"The sounds of {count:,} of {rows:,} points fit into {budget_mb:g} MB."


def _why(embedding_set: EmbeddingSet, heard: Sounds) -> str:
    """Say why a point cannot be heard."""
    if not heard.clips:
        return "This file holds no sounds."
    return (
        "The sound of this point is not in the file, which holds those of "
        f"{len(heard.clips):,} of {len(embedding_set):,} points."
    )


def _map(title: str, embedding_set: EmbeddingSet, projection: Projection) -> dict[str, Any]:
    return {
        "title": f"Map of {title}: {len(embedding_set):,} points",
        "heading": None,
        "points": "points",
        "axes": axis_titles(projection),
        "columns": [
            _column(number, name, embedding_set.table[name])
            for number, name in enumerate(columns(embedding_set))
        ],
        "numbers": None,
        "names": [],
        "guests": [],
    }


def _column(number: int, name: str, values: pd.Series[Any]) -> dict[str, str]:
    kind = "numbers" if packing.is_numeric(values) else "names"
    return {"name": name, "title": name, "kind": kind, "url": f"column-{number}"}


def _palettes() -> dict[str, Any]:
    """Give what is written into a sheet to colour it, and where."""
    return {
        "at": PALETTE_AT,
        "light": base64.b64encode(palette_chunk("inverted grey")).decode(),
        "dark": base64.b64encode(palette_chunk("magma")).decode(),
    }


def _patch(embedding_set: EmbeddingSet, drawn: Pictures) -> dict[str, Any]:
    """Say what a row's picture shows; `window_s` is None where it shows exactly the row's span."""
    made = embedding_set.provenance
    low, high = made.patch_range
    bands_hz: list[float] = []
    if made.bands_hz:
        places = np.linspace(0, drawn.bands - 1, len(made.bands_hz))
        bands_hz = np.interp(np.arange(drawn.bands), places, made.bands_hz).tolist()
    return {
        "frames": drawn.frames,
        "bands": drawn.bands,
        "bands_hz": bands_hz,
        "low": low,
        "high": high,
        "unit": made.patch_unit,
        "window_s": made.window_s if made.per in ("window", made.window_s) else None,
    }
