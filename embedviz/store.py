"""Embedding sets at rest: one Parquet file, read by pandas, polars, DuckDB and others as it is.

Columns: `recording`, `start_s`, `stop_s`, the labels, what the model adds, `embedding`
(fixed-size list of float32), `thumbnail` (the patch as bytes, time-major), and after projecting
`x`, `y` (, `z`). The file's metadata key `embedviz` holds JSON with everything else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedviz.arrow import bytes_column, rows_of_bytes, vectors_column
from embedviz.atomic import written_whole
from embedviz.data import EmbeddingSet, Projection, Provenance
from embedviz.errors import SetError

KEY = b"embedviz"
FORMAT = 1
AXES = ("x", "y", "z")
ROW_GROUP = 16_384
THRIFT = {"thrift_string_size_limit": 2**31 - 1, "thrift_container_size_limit": 2**31 - 1}
"""For every reader: what a set of many recordings says of them exceeds Arrow's own limits."""


def write_set(embedding_set: EmbeddingSet, path: Path) -> None:
    """Write a set; the file appears whole or not at all.

    Raises
    ------
    SetError
        If the file cannot be written.
    """
    table = to_arrow(embedding_set)
    try:
        with written_whole(path) as file:
            pq.write_table(table, file, compression="zstd", row_group_size=ROW_GROUP)
    except OSError as error:
        raise SetError(f"{path} could not be written: {error.strerror or error}.") from error


def to_arrow(embedding_set: EmbeddingSet) -> pa.Table:
    """Give the set as an Arrow table with its metadata."""
    info: dict[str, Any] = {"format": FORMAT, **embedding_set.provenance.to_json()}
    table = pa.Table.from_pandas(embedding_set.table, preserve_index=False)
    table = table.append_column("embedding", vectors_column(embedding_set.vectors))
    if embedding_set.thumbnails is not None:
        frames, bands = embedding_set.thumbnails.shape[1:]
        info["thumbnail"] = {"frames": frames, "bands": bands}
        table = table.append_column("thumbnail", bytes_column(embedding_set.thumbnails))
    projection = embedding_set.projection
    if projection is not None:
        info["projection"] = projection.to_json()
        for axis, values in zip(AXES, projection.coordinates.T, strict=False):
            table = table.append_column(axis, pa.array(np.ascontiguousarray(values)))
    return table.replace_schema_metadata(
        {**(table.schema.metadata or {}), KEY: json.dumps(info).encode()}
    )


def read_set(path: str | Path) -> EmbeddingSet:
    """Read a set: a file, or a folder or address of one in parts.

    Of a set in parts, vectors and thumbnails stay on the disk; see `embedviz.partitioned`.

    Raises
    ------
    SetError
        If it is missing, no Parquet file, or none that embedviz wrote.
    """
    from embedviz.partitioned import is_partitioned, open_partitioned

    if is_partitioned(path):
        return open_partitioned(path).embedding_set()
    try:
        table = pq.read_table(path, **THRIFT)
    except FileNotFoundError as error:
        raise SetError(f"There is no file {path}; make it with `embedviz embed`.") from error
    except (OSError, pa.ArrowException) as error:
        raise SetError(f"{path} is no Parquet file that can be read: {error}.") from error
    raw = (table.schema.metadata or {}).get(KEY)
    if raw is None or "embedding" not in table.column_names:
        raise SetError(f"{path} was not written by embedviz; make it with `embedviz embed`.")
    info = json.loads(raw)
    if info.get("format", 0) > FORMAT:
        raise SetError(f"{path} was written by a newer embedviz; update this one to read it.")
    return _from_arrow(table, info)


def _from_arrow(table: pa.Table, info: dict[str, Any]) -> EmbeddingSet:
    embedding = table.column("embedding").combine_chunks()
    dims = embedding.type.list_size
    vectors = embedding.flatten().to_numpy(zero_copy_only=False).reshape(-1, dims)
    axes = [axis for axis in AXES if axis in table.column_names]
    projection = None
    if len(axes) >= 2 and "projection" in info:
        places = [table.column(axis).to_numpy().astype(np.float32) for axis in axes]
        projection = Projection.from_json(info["projection"], np.stack(places, axis=1))
    thumbnails = None
    if "thumbnail" in table.column_names and "thumbnail" in info:
        shape = (info["thumbnail"]["frames"], info["thumbnail"]["bands"])
        chunks = table.column("thumbnail").chunks
        pictures = [rows_of_bytes(chunk, np.uint8, shape) for chunk in chunks]
        thumbnails = np.concatenate([np.zeros((0, *shape), np.uint8), *pictures])
    own = {"embedding", "thumbnail", *AXES}
    scalars = table.select([name for name in table.column_names if name not in own])
    return EmbeddingSet(
        table=scalars.replace_schema_metadata(None).to_pandas(),
        vectors=vectors,
        provenance=Provenance.from_json(info),
        thumbnails=thumbnails,
        projection=projection,
    )
