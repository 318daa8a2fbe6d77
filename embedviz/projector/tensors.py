"""Vectors as the two files that the projector and TensorBoard read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson

from embedviz.data import FloatArray
from embedviz.projector.contents import TENSORS_BYTES, TENSORS_TSV

_BLOCK_NUMBERS = 1 << 20
_TABS = bytes.maketrans(b",", b"\t")
_ODD = np.array([0x15AE43FD], np.uint32).view(np.float32)[0]
"""7.038531e-26, which that text does not give."""


def write_tensors(
    vectors: FloatArray,
    folder: Path,
    wrote: Callable[[int], None],
    *,
    digits: int | None = None,
) -> None:
    """Write vectors (N, D) as `tensors.tsv` and `tensors.bytes`, in blocks of 4 MB.

    `wrote` hears the number of rows of each finished block. Both files hold the same float32: the
    bytes little-endian, the text in the fewest digits that read back as the same number. By default
    these are the vectors to the last bit; with `digits` they are rounded to so many significant
    digits.
    """
    rows = max(1, _BLOCK_NUMBERS // vectors.shape[1])
    with (folder / TENSORS_TSV).open("wb") as text, (folder / TENSORS_BYTES).open("wb") as raw:
        for first in range(0, len(vectors), rows):
            block = np.ascontiguousarray(vectors[first : first + rows], dtype=np.float32)
            if digits is not None:
                block = rounded(block, digits)
            text.write(_tsv(block))
            raw.write(block.astype("<f4", copy=False).tobytes())
            wrote(len(block))


def rounded(values: FloatArray, digits: int) -> FloatArray:
    """Give the float32 nearest to each value written with so many significant digits."""
    exact = values.astype(np.float64)
    with np.errstate(divide="ignore"):
        place = np.where(exact == 0, 0, np.floor(np.log10(np.abs(exact))))
    scale = 10.0 ** (digits - 1 - place)
    # Rounding up the largest float32 would make it infinite.
    most = np.finfo(np.float32).max
    return np.clip(np.rint(exact * scale) / scale, -most, most).astype(np.float32)


def _tsv(block: FloatArray) -> bytes:
    rows = [orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY) for row in block]
    text = b"\n".join([*rows, b""]).translate(_TABS, b"[]")
    # Readers go through float64. Of all float32 this one alone then comes back as its neighbour,
    # because its shortest text lies too near to the middle between the two.
    return (
        text.replace(b"7.038531e-26", b"7.0385307e-26") if (np.abs(block) == _ODD).any() else text
    )
