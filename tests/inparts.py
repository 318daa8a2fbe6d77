"""Sets in parts as `embedviz embed --engine ray` leaves them, for the tests that need some."""

from __future__ import annotations

import json
from dataclasses import replace

from embedviz.partitions import INDEX, part_name
from embedviz.storage import folder
from embedviz.store import write_set


def part(found, rows: slice, **changes):
    """Some rows of a set as a set of their own, which knows only their recordings."""
    table = found.table[rows].reset_index(drop=True)
    heard = {name: found.provenance.recordings[name] for name in table["recording"].unique()}
    return replace(
        found,
        table=table,
        vectors=found.vectors[rows],
        thumbnails=None if found.thumbnails is None else found.thumbnails[rows],
        provenance=replace(found.provenance, recordings=heard, **changes),
    )


def write_parts(where, sets, failures=None, *, scratch):
    """Write sets as the parts of a finished folder or address."""
    place = folder(where)
    listed = []
    for number, one in enumerate(sets):
        write_set(one, scratch / "one.parquet")
        place.write(part_name(number), (scratch / "one.parquet").read_bytes())
        counts = {"rows": len(one), "recordings": len(one.provenance.recordings), "seconds": 1.0}
        listed.append({"name": part_name(number), **counts})
    index = {"format": 1, "parts": listed, "failures": failures or {}, "plan": "0" * 64}
    place.write(INDEX, json.dumps(index).encode())
    return where
