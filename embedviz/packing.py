"""Columns, coordinates and sets of rows as bytes that a browser reads without parsing them.

Packed values: four bytes (little-endian) hold the length of a JSON header, which follows, padded
with spaces so that the values behind it, little-endian too, start at a multiple of 8.

    {"kind": "numbers", "dtype": "float64", "count": N, "min": 0.0, "max": 9.6, "unit": "s"}
    {"kind": "names", "dtype": "uint8", "count": N, "names": [...], "counts": [...]}
    {"kind": "points", "dtype": "float32", "count": N * dims, "dims": 2}

A set of rows is one bit a row, the first row the lowest bit of the first byte.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from embedviz.data import FloatArray
from embedviz.errors import EmbedvizError

UNKNOWN = "unknown"
"""Stands for a name that is missing or empty."""
UNITS = {"start_s": "s", "stop_s": "s", "padding_s": "s"}

RowArray = npt.NDArray[np.int32]


def is_numeric(column: pd.Series[Any]) -> bool:
    """Tell whether a column is shown as numbers: yes and no are names."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def pack_column(column: pd.Series[Any]) -> bytes:
    """Pack a column of a table: numbers as numbers, all else, yes and no too, as names."""
    if not is_numeric(column):
        return pack_names(column)
    unit = UNITS.get(str(column.name), "")
    # A window an hour into a recording needs more digits than float32 has.
    dtype = np.float32 if column.dtype == np.float32 and not unit else np.float64
    return pack_numbers(column.to_numpy(dtype, na_value=np.nan), unit)


def pack_numbers(values: npt.ArrayLike, unit: str = "") -> bytes:
    """Pack numbers (N,), NaN where one is missing: float32 as it is, all else as float64."""
    numbers = np.asarray(values)
    if numbers.dtype != np.float32:
        numbers = numbers.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
    return _packed({"kind": "numbers", "min": low, "max": high, "unit": unit}, numbers)


def pack_names(values: pd.Series[Any]) -> bytes:
    """Pack names (N,): each once, sorted, and a code for every row."""
    # The codes of missing values are -1, which below is the last of the words.
    codes, found = pd.factorize(values)
    words = [*map(_word, found), UNKNOWN]
    names = sorted(set(words))
    places = {name: place for place, name in enumerate(names)}
    codes = np.array([places[word] for word in words])[codes]
    counts = np.bincount(codes, minlength=len(names))
    if not counts[places[UNKNOWN]]:
        codes = codes - (codes > places[UNKNOWN])
        counts = np.delete(counts, places[UNKNOWN])
        names.remove(UNKNOWN)
    header = {"kind": "names", "names": names, "counts": counts.tolist()}
    return _packed(header, codes.astype(np.min_scalar_type(max(len(names) - 1, 0))))


def pack_points(coordinates: FloatArray) -> bytes:
    """Pack coordinates (N, dims), point after point."""
    points = np.asarray(coordinates, np.float32)
    return _packed({"kind": "points", "dims": points.shape[1]}, points.reshape(-1))


def pack_rows(flags: npt.ArrayLike) -> bytes:
    """Pack which rows are chosen, (N,) true or false: 100,000 rows are 12.5 kB."""
    return np.packbits(np.asarray(flags, dtype=bool), bitorder="little").tobytes()


def unpack_rows(bits: bytes, count: int) -> RowArray:
    """Give the chosen ones of `count` rows, ascending.

    Raises
    ------
    EmbedvizError
        The bits are those of another number of rows.
    """
    wanted = -(-count // 8)
    if len(bits) != wanted:
        raise EmbedvizError(
            f"A selection of {count:,} rows, one bit a row, has exactly {wanted:,} B; "
            f"{'more' if len(bits) > wanted else 'less'} was given."
        )
    flags = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")
    if flags[count:].any():
        raise EmbedvizError(f"Rows beyond the last one, {count - 1}, are chosen.")
    return np.flatnonzero(flags[:count]).astype(np.int32)


def _word(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return str(value) or UNKNOWN


def _packed(header: dict[str, Any], values: npt.NDArray[Any]) -> bytes:
    described = header | {"dtype": values.dtype.name, "count": len(values)}
    text = json.dumps(described, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-(4 + len(text)) % 8)
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return b"".join([struct.pack("<I", len(text)), text, little.tobytes()])
