"""Names for the sets of one bundle: what the projector's list of tensors shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from embedviz.data import EmbeddingSet


def set_names(sets: Sequence[EmbeddingSet]) -> dict[str, EmbeddingSet]:
    """Name each set by its model, with the variant; the second of a name gets a number.

    Sets made with weights that are not the published ones say so in their name.
    """
    named: dict[str, EmbeddingSet] = {}
    seen: Counter[str] = Counter()
    for one in sets:
        made = one.provenance
        parts = [made.model]
        if made.variant != "default":
            parts.append(made.variant)
        if not made.verified:
            parts.append("unverified")
        name = "-".join(parts)
        seen[name] += 1
        named[name if seen[name] == 1 else f"{name}-{seen[name]}"] = one
    return named
