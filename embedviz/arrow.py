"""Vectors and pictures as columns of Arrow tables, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedviz.data import FloatArray


def vectors_column(vectors: FloatArray) -> pa.FixedSizeListArray:
    """Give vectors (N, D) as a fixed-size list of float32, which other programs read as such."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])


def bytes_column(rows: npt.NDArray[Any]) -> pa.FixedSizeBinaryArray:
    """Give the bytes of every row of an array (N, …) as one value."""
    rows = np.ascontiguousarray(rows)
    width = math.prod(rows.shape[1:]) * rows.itemsize
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(width), len(rows), [None, pa.py_buffer(rows)]
    )


def rows_of_bytes(
    column: pa.FixedSizeBinaryArray, dtype: type, shape: tuple[int, ...]
) -> np.ndarray:
    """Give what `bytes_column` took: an array (N, *shape), without a copy."""
    width = column.type.byte_width
    start, stop = column.offset * width, (column.offset + len(column)) * width
    return np.frombuffer(column.buffers()[1], np.uint8)[start:stop].view(dtype).reshape(-1, *shape)
