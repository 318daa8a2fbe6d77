"""Coordinates written into the parts of a set, one part in memory at a time.

The index names the map last. A set whose parts were being rewritten when the process was killed
has no map, whatever some of its parts hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedviz import partfiles
from embedviz.data import FloatArray, Projection
from embedviz.errors import SetError
from embedviz.partitioned import Partitioned, open_partitioned
from embedviz.partitions import INDEX
from embedviz.storage import Folder, folder
from embedviz.store import AXES, KEY, ROW_GROUP
from embedviz.unpacked import Progress


def write_projection(
    partitioned: Partitioned,
    projection: Projection,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Write `x`, `y` (, `z`) into every part; each is rewritten whole or not at all.

    Parameters
    ----------
    projection
        Of all rows, in their order.
    out
        Another folder or address, which holds nothing yet; None rewrites the parts where they are.
    progress
        Called with (parts done, parts); raising from it stops between two parts.

    Raises
    ------
    SetError
        If the rows are others, or the parts cannot be written.
    """
    rows = partitioned.rows
    if len(projection.coordinates) != rows:
        raise SetError(f"{rows:,} rows do not fit {len(projection.coordinates):,} points.")
    before = partitioned.shelf
    if open_partitioned(partitioned.where.address).state != before.state:
        raise SetError(f"{partitioned.where.address} has changed meanwhile; project it again.")
    source, target = partitioned.where, partitioned.where if out is None else folder(out)
    if out is not None and target.names():
        raise SetError(f"{target.address} holds something already; choose another --out.")
    index = json.loads(source.read(INDEX) or b"{}")
    index.pop("projection", None)
    made = projection.to_json()
    try:
        if out is None:
            target.write(INDEX, _json(index))
        start = 0
        for done, (name, count) in enumerate(partitioned.rows_of.items(), start=1):
            places = projection.coordinates[start : start + count]
            target.write(name, _with_places(source, name, places, made))
            start += count
            if progress is not None:
                progress(done, len(partitioned.rows_of))
        target.write(INDEX, _json({**index, "projection": made}))
    except OSError as problem:
        raise SetError(
            f"{target.address} could not be written: {problem.strerror or problem}."
        ) from problem
    if out is None:
        # The vectors are the same: what was unpacked of them need not be again.
        before.renamed(open_partitioned(source.address).state)


def _with_places(source: Folder, name: str, places: FloatArray, made: Mapping[str, Any]) -> bytes:
    """Give the bytes of a part with other coordinates."""
    table = partfiles.table(source, name)
    if len(table) != len(places):
        raise SetError(f"{source.address}/{name} has changed meanwhile; project the set again.")
    info = {**json.loads(table.schema.metadata[KEY]), "projection": made}
    table = table.drop_columns([axis for axis in AXES if axis in table.column_names])
    for axis, values in zip(AXES, places.T, strict=False):
        table = table.append_column(axis, pa.array(np.ascontiguousarray(values)))
    table = table.replace_schema_metadata({**table.schema.metadata, KEY: json.dumps(info).encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", row_group_size=ROW_GROUP)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _json(values: object) -> bytes:
    return json.dumps(values, sort_keys=True, ensure_ascii=False, indent=1).encode()
