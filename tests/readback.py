"""A bundle's files read as the projector's page reads them, mistakes included."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from embedviz.projector.validate import validate_bundle


def page_lines(data: bytes, chunk: int = 1_000_000) -> list[str]:
    """Read lines as the page does: in pieces that are decoded by themselves."""
    lines, kept, offset = [], "", 0
    while True:
        parts = data[offset : offset + chunk].decode("utf-8", "replace").split("\n")
        offset += chunk
        first = kept + parts[0]
        if len(parts) == 1:
            assert offset <= len(data), "the page would never stop reading"
            kept = first
            continue
        lines += [first, *parts[1:-1]]
        kept = parts[-1]
        if offset >= len(data) - 1:
            return [*lines, kept] if kept else lines


def page_number(text: str) -> float:
    """What the page takes a text for; NaN where it is no number."""
    try:
        return 0.0 if not text.strip() else float(text.replace("_", "x").replace("nan", "x"))
    except ValueError:
        return {"Infinity": math.inf}.get(text.strip(), math.nan)


def page_vectors(data: bytes) -> np.ndarray:
    """The points that the page finds in `tensors.tsv`."""
    points, dims = [], None
    for line in page_lines(data):
        if not line.strip():
            continue
        row = line.strip().split("\t")
        if math.isnan(page_number(row[0])) or dims == len(row) - 1:
            row = row[1:]
        points.append([page_number(cell) for cell in row])
        dims = dims or len(row)
        assert dims == len(row) > 1
    return np.array(points).astype(np.float32)


def page_metadata(data: bytes) -> list[dict[str, object]]:
    """The rows that the page finds in `metadata.tsv`, numbers where it sees numbers."""
    lines = [line for line in page_lines(data) if line.strip()]
    names = lines.pop(0).split("\t") if "\t" in lines[0] else ["label"]
    rows = [dict(zip(names, line.split("\t"), strict=True)) for line in lines]
    for row in rows:
        for name, cell in row.items():
            assert cell != "", "the page would hold a null here"
            number = page_number(cell)
            row[name] = cell if math.isnan(number) else number
    return rows


def errors(path: Path) -> list[str]:
    return [f.message for f in validate_bundle(path).findings if f.level == "error"]


def with_labels(embedding_set, **columns):
    """The same rows with other label columns."""
    table = embedding_set.table.drop(columns="label").assign(**columns)
    made = replace(embedding_set.provenance, label_columns=tuple(columns))
    return replace(embedding_set, table=table, provenance=made)
