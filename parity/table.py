"""The table of agreements: a line while it runs, Markdown for the README, JSON for others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from parity.comparison import Agreement

HEADINGS = (
    "model (variant), per",
    "reference",
    "largest feature error",
    "largest vector error",
    "limit",
    "smallest cosine",
    "",
)


def line(row: Agreement) -> str:
    """Say one row in words, as soon as it is known."""
    name = f"{row.model} {row.variant} per {_per(row)}"
    if row.fault:
        return f"FAIL  {name}: {row.fault}"
    return (
        f"{_verdict(row):5} {name}: vectors {row.vector_error:.1e} of {row.vector_limit:g}, "
        f"features {_features(row)}, {row.rows} rows of {row.sounds} sounds, "
        f"spread {_spread(row)}"
    )


def markdown(rows: Sequence[Agreement]) -> str:
    """Give the table as the README shows it."""
    cells = [HEADINGS, ("---",) * len(HEADINGS), *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    return "\n".join(
        "| "
        + " | ".join(
            "-" * width if cell == "---" else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        )
        + " |"
        for row in cells
    )


def as_json(rows: Sequence[Agreement]) -> str:
    """Give the rows as JSON; numbers that are not finite become null."""
    plain = [
        {
            key: None if isinstance(value, float) and abs(value) == float("inf") else value
            for key, value in asdict(row).items()
        }
        | {"passed": row.passed}
        for row in rows
    ]
    return json.dumps(plain, indent=1, allow_nan=False) + "\n"


def _cells(row: Agreement) -> tuple[str, ...]:
    name = f"{row.model} ({row.variant}), {_per(row)}"
    reference = f"{row.reference}; {row.versions}" if row.versions else row.reference
    if row.fault:
        return (name, reference, "", "", f"{row.vector_limit:g}", "", f"fail: {row.fault}")
    return (
        name,
        reference,
        _features(row),
        f"{row.vector_error:.1e}",
        f"{row.vector_limit:g}",
        _cosine(row.cosine),
        _verdict(row),
    )


def _per(row: Agreement) -> str:
    return f"{row.per} s" if row.per[:1].isdigit() else row.per


def _spread(row: Agreement) -> str:
    # One sound alone has no distance to another.
    return "-" if row.spread == float("inf") else f"{row.spread:.2f}"


def _features(row: Agreement) -> str:
    if row.feature_error is None:
        return "-"
    return f"{row.feature_error:.1e} {row.feature_unit} of {row.feature_limit:g}"


def _cosine(value: float) -> str:
    # 1 - 1e-12 would read as 1.000000000000; the distance says more.
    return f"1 - {1 - value:.0e}" if 0 < 1 - value < 1e-4 else f"{value:.6f}"


def _verdict(row: Agreement) -> str:
    return "pass" if row.passed else "FAIL"
