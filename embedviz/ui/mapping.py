"""The map of a set that lies in a file: read what a map needs, write the rest through.

Neither the pictures of a set nor two copies of its vectors are ever in memory at once.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedviz.atomic import written_whole
from embedviz.data import TIME_COLUMNS, EmbeddingSet, Projection, Provenance
from embedviz.errors import SetError
from embedviz.store import AXES, KEY, THRIFT


def without_pictures(path: Path) -> EmbeddingSet:
    """Read times and vectors of a set that this app has written.

    Raises
    ------
    SetError
        It cannot be read.
    """
    try:
        table = pq.read_table(path, columns=[*TIME_COLUMNS, "embedding"], **THRIFT)
    except (OSError, pa.ArrowException) as error:
        raise SetError(f"{path.name} cannot be read: {error}.") from error
    vectors = table.column("embedding").combine_chunks()
    return EmbeddingSet(
        table=table.select(TIME_COLUMNS).replace_schema_metadata(None).to_pandas(),
        vectors=vectors.flatten().to_numpy().reshape(-1, vectors.type.list_size),
        provenance=Provenance.from_json(json.loads(table.schema.metadata[KEY])),
    )


def write_mapped(path: Path, projection: Projection, target: Path) -> None:
    """Copy the set at `path` to `target` with its map; it appears whole or not at all.

    Raises
    ------
    SetError
        One cannot be read, or the other not be written.
    """
    try:
        with pq.ParquetFile(path, **THRIFT) as made, written_whole(target) as file:
            schema = _schema(made.schema_arrow, projection)
            start = 0
            with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                for number in range(made.num_row_groups):
                    rows = made.read_row_group(number)
                    places = projection.coordinates[start : start + len(rows)]
                    for axis, values in zip(AXES, places.T, strict=False):
                        rows = rows.append_column(axis, pa.array(np.ascontiguousarray(values)))
                    writer.write_table(rows.cast(schema), row_group_size=len(rows))
                    start += len(rows)
    except OSError as error:
        why = error.strerror or error
        raise SetError(f"{target.name} could not be written: {why}.") from error


def _schema(made: pa.Schema, projection: Projection) -> pa.Schema:
    info = {**json.loads(made.metadata[KEY]), "projection": projection.to_json()}
    axes = [pa.field(axis, pa.float32()) for axis in AXES[: projection.dims]]
    return pa.schema([*made, *axes], {**made.metadata, KEY: json.dumps(info).encode()})
