"""Parquet with a column of vectors as a set; embedviz's own files as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from embedviz.data import EmbeddingSet
from embedviz.errors import SetError
from embedviz.imported import MOST_NUMBERS, MOST_ROWS, check_size, imported_set
from embedviz.imports.arrays import NAMES
from embedviz.store import KEY, THRIFT, read_set

_BROKEN = (OSError, pa.ArrowException, KeyError, TypeError, ValueError, AttributeError)
_INDEX = "__index_level_"  # what pandas calls a table's row numbers


def read_parquet(path: Path) -> EmbeddingSet:
    """Give the set of a Parquet file.

    A column of lists of numbers, all of one length, holds the vectors: the only such column, or
    one of the names in `NAMES`. Plain columns of text and numbers describe the rows; columns of
    anything else are left out.

    Raises
    ------
    SetError
        If it cannot be read or has no such column.
    """
    try:
        with pq.ParquetFile(path, **THRIFT) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
            if KEY in (schema.metadata or {}):
                return read_set(path)
            column = _vector_column(schema, path.name)
            _refuse_large(file, rows, path.name)
            plain = [f.name for f in schema if _is_plain(f.type) and not f.name.startswith(_INDEX)]
            table = file.read([column, *plain])
        vectors = _vectors(table.column(column), path.name)
        columns = pd.DataFrame({name: _column(table.column(name)) for name in plain})
    except _BROKEN as problem:
        raise SetError(f"{path.name} is no Parquet file that can be read: {problem}.") from problem
    columns.index = pd.RangeIndex(len(vectors))
    return imported_set(path.stem, vectors, columns)


def is_own(path: Path) -> bool:
    """Tell whether embedviz wrote a Parquet file; one that cannot be read is nobody's."""
    try:
        with pq.ParquetFile(path, **THRIFT) as file:
            return KEY in (file.schema_arrow.metadata or {})
    except _BROKEN:
        return False


def _is_vectors(kind: pa.DataType) -> bool:
    is_list = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not any(is_kind(kind) for is_kind in is_list):
        return False
    inside = kind.value_type
    return bool(pa.types.is_integer(inside) or pa.types.is_floating(inside))


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    refused = (pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_null)
    fixed = pa.types.is_fixed_size_binary(kind)
    return not (fixed or any(is_kind(kind) for is_kind in refused))


def _vector_column(schema: pa.Schema, where: str) -> str:
    found: list[str] = [field.name for field in schema if _is_vectors(field.type)]
    usual = [name for wanted in NAMES for name in found if name.casefold() == wanted]
    if not usual and len(found) != 1:
        raise SetError(
            f"{where} has {len(found)} columns of lists of numbers ({', '.join(found) or 'none'}); "
            f"call the one of vectors {NAMES[1]}."
        )
    return [*usual, *found][0]


def _refuse_large(file: pq.ParquetFile, rows: int, where: str) -> None:
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    most = max((sum(_values(group, c) for group in groups) for c in _columns(file)), default=0)
    if rows > MOST_ROWS or most > MOST_NUMBERS:
        raise SetError(
            f"{where} has {rows:,} rows and up to {most:,} values in a column; up to "
            f"{MOST_ROWS:,} and {MOST_NUMBERS:,} can be imported, so take a part of it."
        )


def _columns(file: pq.ParquetFile) -> range:
    return range(file.metadata.num_columns)


def _values(group: pq.RowGroupMetaData, column: int) -> int:
    return int(group.column(column).num_values)


def _vectors(column: pa.ChunkedArray, where: str) -> np.ndarray[Any, Any]:
    """Give (N, D) numbers of a column of lists."""
    if column.null_count:
        raise SetError(f"{where} has {column.null_count:,} rows without a vector; leave them out.")
    chunks = []
    dims = -1
    for chunk in column.chunks:
        lengths = np.diff(chunk.offsets.to_numpy()) if hasattr(chunk, "offsets") else None
        found = {chunk.type.list_size} if lengths is None else set(np.unique(lengths).tolist())
        if len(found | ({dims} if dims >= 0 else set())) > 1:
            raise SetError(f"The vectors of {where} have different lengths; all need the same.")
        dims = next(iter(found), dims)
        numbers = chunk.flatten()
        if numbers.null_count:
            raise SetError(f"{where} has vectors with missing numbers; leave those rows out.")
        chunks.append(numbers.to_numpy(zero_copy_only=False))
    check_size(len(column), max(dims, 0), where)
    return np.concatenate(chunks).reshape(-1, dims)


def _column(values: pa.ChunkedArray) -> pd.Series:
    found: pd.Series = values.to_pandas()
    if pd.api.types.is_numeric_dtype(found):
        return found
    return found.map(lambda value: "" if pd.isna(value) else str(value)).astype(str)
