"""The figures as an aligned table with what they mean, and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from embedviz.bench.measured import Measured, Setting

HEADINGS = (
    "model",
    "end to end",
    "graph alone",
    "ratio",
    "network alone",
    "bfloat16 cosine",
    "speed",
    "weights",
)
LEGEND = (
    "Hours of sound a minute: end to end from a 44.1 kHz 16-bit WAV file to rows; the traced graph "
    "(front end and network) on the same windows, already cut; and the network on their patches. "
    "The ratio is end to end over the graph alone, above 1 where the pipeline computes the frames "
    "that overlapping windows share once."
)
COSINE_LEGEND = (
    "bfloat16 cosine: the smallest between the vectors of bfloat16 and of float32, on the same "
    "windows; speed: bfloat16 over float32, graph alone."
)


def lines(setting: Setting, found: Sequence[Measured]) -> list[str]:
    """Give the lines to print."""
    said = [described(setting), "", *_aligned([HEADINGS, *map(_cells, found)]), ""]
    for sentence in _legend(found):
        said += textwrap.wrap(sentence, 100)
    return said


def _legend(found: Sequence[Measured]) -> Iterator[str]:
    yield LEGEND
    rounded = [measured.rounded for measured in found if measured.rounded]
    if rounded:
        yield COSINE_LEGEND
    if any(entry.times_as_fast is None for entry in rounded):
        yield (
            "The speed of bfloat16 was not measured: this device has no arithmetic for it, and the "
            "cosines come from emulation."
        )
    if any(measured.weights == "random" for measured in found):
        yield (
            "Random weights, where the official ones are not on this machine, are as fast; their "
            "cosines tell only about the size of rounding."
        )


def described(setting: Setting) -> str:
    """Say in one line what was measured on."""
    cores = f"{setting.cores} core{'s' if setting.cores != 1 else ''}"
    threads = f"{setting.threads}" if setting.threads else "one a core"
    cards = ", ".join(setting.cards) or "no graphics card"
    return (
        f"{setting.processor}, {cores}; {cards}; threads: {threads}; {setting.precision}; "
        f"embedviz {setting.embedviz}, TensorFlow {setting.tensorflow}"
    )


def as_json(setting: Setting, found: Sequence[Measured]) -> str:
    """Give everything as JSON."""
    plain = asdict(setting) | {"models": [measured.plain() for measured in found]}
    return json.dumps(plain, indent=2) + "\n"


def hours(measured: Measured, seconds: float) -> str:
    """Give hours of sound a minute with about three digits."""
    value = measured.hours_per_minute(seconds)
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _cells(measured: Measured) -> tuple[str, ...]:
    rounded = measured.rounded
    fast = rounded.times_as_fast if rounded else None
    return (
        measured.model,
        hours(measured, measured.end_to_end_s),
        hours(measured, measured.graph_s),
        f"{measured.ratio:.2f}",
        hours(measured, measured.network_s),
        f"{rounded.smallest_cosine:.5f}" if rounded else "-",
        f"{fast:.2f}" if fast is not None else "not measured" if rounded else "-",
        {"none": "none needed"}.get(measured.weights, measured.weights),
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align names to the left and numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if column in (0, last) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
