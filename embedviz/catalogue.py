"""All models with the state of their weights, for the command line and the Models page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from embedviz import frozen, models, weights
from embedviz.errors import WeightsError
from embedviz.facts import Facts, WeightFile
from embedviz.weightfiles import accepted

MOST_LISTED = 3
"""Variants that the table names; `embedviz models --json` names all."""


def catalogue() -> list[dict[str, Any]]:
    """Give every model's facts as plain values, with `state` of each weight file."""
    return [_entry(models.facts(name)) for name in models.names()]


def ready(facts: Facts, variant: str | None = None) -> bool:
    """Tell whether every file that the variant needs is here."""
    chosen = models.checked_variant(facts, variant)
    return all(
        file.optional or weights.state(facts, file) is not None for file in facts.files_for(chosen)
    )


def download_bytes(facts: Facts, variant: str | None = None) -> int:
    """Give the bytes that `embedviz weights fetch` would still download."""
    chosen = models.checked_variant(facts, variant)
    return sum(
        file.size_bytes or 0
        for file in facts.files_for(chosen)
        if weights.state(facts, file) is None
    )


def file_state(facts: Facts, file: WeightFile) -> str:
    """Give `missing`, `ready`, `unverified` (as accepted by hand) or `damaged`.

    Ready is the published file, or embedviz's own download where no checksum is published.
    """
    found = weights.state(facts, file)
    if found is None:
        return "missing"
    if found.verified:
        return "ready"
    return "unverified" if accepted(found) else "damaged"


def megabytes(size_bytes: int | None) -> str:
    """Give a size as people read it."""
    if not size_bytes:
        return "size unknown"
    if size_bytes < 1_000_000:
        return f"{max(1, round(size_bytes / 1000))} kB"
    return f"{size_bytes / 1_000_000:.0f} MB"


def _entry(facts: Facts) -> dict[str, Any]:
    return {
        "name": facts.name,
        "title": facts.title,
        "group": facts.group,
        "hears": facts.hears,
        "rate_hz": facts.rate_hz,
        "window_s": facts.window_s,
        "hop_s": facts.hop_s,
        "variants": dict(facts.variants),
        "precisions": list(facts.precisions),
        "licence": facts.licence,
        "paper": facts.paper,
        "home": facts.home,
        "notes": facts.notes,
        "ready": ready(facts),
        "files": [
            {
                "name": file.name,
                "url": file.url,
                "checksum": file.checksum,
                "size_bytes": file.size_bytes,
                "optional": file.optional,
                "state": file_state(facts, file),
            }
            for file in facts.files
        ],
    }


def lines(entries: Sequence[dict[str, Any]]) -> list[str]:
    """Give the catalogue as a table of text."""
    rows = [("model", "rate", "window / hop", "vector", "weights", "licence")]
    for entry in entries:
        variants = ", ".join(
            str(size) if name == "default" else f"{size} {name}"
            for name, size in entry["variants"].items()
        )
        if len(entry["variants"]) > MOST_LISTED:
            sizes = " or ".join(map(str, sorted(set(entry["variants"].values()))))
            variants = f"{sizes}, {len(entry['variants'])} variants"
        needed = "ready" if entry["ready"] else "not here yet"
        rows.append(
            (
                entry["name"],
                f"{entry['rate_hz'] / 1000:g} kHz",
                f"{entry['window_s']:.3g} / {entry['hop_s']:.3g} s",
                variants,
                needed if entry["files"] else "none needed",
                entry["licence"],
            )
        )
    return _aligned(rows)


def weight_lines() -> list[str]:
    """Give one line per weight file: model, file, state, size, address."""
    return _aligned(
        [
            (name, file.name, file_state(facts, file), megabytes(file.size_bytes), file.url)
            for name in models.names()
            for facts in [models.facts(name)]
            for file in facts.files
        ]
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def verified(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Check weights by their checksums and by whatever output is published for them.

    Where nothing is published the first result is kept, and later ones are compared with it.

    Parameters
    ----------
    names
        The models to check; all whose weights are here if empty.

    Yields
    ------
    tuple
        `ok`, `FAILED` or `unverified` (a file that was accepted by hand), and a sentence.

    Raises
    ------
    WeightsError
        If a named model's weights are not here or damaged, or there is nothing to check at all.
    """
    chosen = list(names) or [
        name for name in models.names() if models.facts(name).files and ready(models.facts(name))
    ]
    if not chosen:
        raise WeightsError(
            "No weights are here to verify; get some with `embedviz weights fetch NAME`."
        )
    for name in chosen:
        facts = models.facts(name)
        if not any(ready(facts, variant) for variant in facts.variants):
            weights.find(facts, facts.default_variant)  # says what is missing
        for file in facts.files:
            found = weights.state(facts, file)
            if found is not None:
                yield _verdict(name, found)
        for variant in facts.variants:
            if ready(facts, variant):
                model = models.load_model(name, variant)
                for check in models.smoke_test(model) or [frozen.check(model)]:
                    yield "ok" if check.passed else "FAILED", f"{name}: {check.sentence}"


def _verdict(name: str, found: weights.Found) -> tuple[str, str]:
    file = f"{name}: {found.file.name}"
    if found.file.checksum is None:
        if found.verified:
            return "ok", f"{file} is as it was downloaded (no checksum is published)"
        return "unverified", f"{file} was accepted by hand; no checksum is published"
    if found.verified:
        return "ok", f"{file} is the published file"
    return "unverified", f"{file} is not the published file, as accepted"
