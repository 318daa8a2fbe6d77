"""NumPy's files as sets: `.npy` with a table beside it, `.npz` with its labels inside or beside.

Nothing is unpickled, and what a file says of its size is checked before memory is taken for it.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from embedviz.data import EmbeddingSet
from embedviz.errors import SetError
from embedviz.imported import MOST_NUMBERS, check_size, imported_set
from embedviz.imports.tables import beside, read_rows

Array = npt.NDArray[Any]

NAMES = ("embeddings", "embedding", "vectors", "vector", "features", "x")
"""What arrays of vectors are usually called, most likely first."""

_MOST_ARRAYS = 1000
_UNREADABLE = (ValueError, EOFError, OSError, RuntimeError, NotImplementedError, zlib.error)


def read_arrays(path: Path, table: Path | None = None) -> EmbeddingSet:
    """Give the vectors of a `.npy` or `.npz` file and the rows that describe them.

    Parameters
    ----------
    path
        One array (N, D) of real numbers; in a `.npz` the only one, or one of the names in
        `NAMES`. Its arrays (N,) become columns.
    table
        CSV or TSV, one row a vector; None takes the one of the same name beside the file.

    Raises
    ------
    SetError
        If there are no vectors, or rows that do not fit, or Python objects in place of numbers.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                vectors, columns = _unpacked(path)
            else:
                file.seek(0)
                vectors, columns = _array(file, path.stat().st_size, path.name), {}
    except (zipfile.BadZipFile, *_UNREADABLE) as problem:
        raise SetError(f"{path.name} cannot be read ({_said(problem)}).") from problem
    if vectors.ndim != 2:
        raise SetError(
            f"{path.name} holds an array of shape {vectors.shape}; wanted one row a vector."
        )
    found = pd.DataFrame(columns, index=range(len(vectors)))
    table = table or beside(path)
    if table is not None:
        found = found.assign(**dict(read_rows(table, len(vectors)).items()))  # type: ignore[arg-type]
    return imported_set(path.stem, vectors, found)


def _unpacked(path: Path) -> tuple[Array, Mapping[str, Array]]:
    """Give the vectors of a `.npz`, and its other arrays that have as many rows."""
    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > _MOST_ARRAYS or sum(e.file_size for e in entries) > 9 * MOST_NUMBERS:
            raise SetError(f"{path.name} unpacks to more than can be imported; take a part of it.")
        for entry in entries:
            if not entry.filename.endswith(".npy"):
                continue
            with archive.open(entry) as member:
                name = entry.filename.removesuffix(".npy")
                arrays[name] = _array(member, entry.file_size, f"{path.name}: {name}")
    tables = {name: array for name, array in arrays.items() if array.ndim == 2}
    usual = [name for wanted in NAMES for name in tables if name.casefold() == wanted]
    if not usual and len(tables) != 1:
        raise SetError(
            f"{path.name} holds {len(tables)} arrays with rows ({', '.join(tables) or 'none'}); "
            f"call the one of vectors {NAMES[0]}."
        )
    vectors = tables[[*usual, *tables][0]]
    fitting = {n: a for n, a in arrays.items() if a.shape == (len(vectors),)}
    return vectors, {name: _column(array) for name, array in fitting.items()}


def _array(file: IO[bytes], size: int, where: str) -> Array:
    """Read one array whose file has `size` bytes."""
    version = np.lib.format.read_magic(file)
    header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if header is None:
        raise SetError(f"{where} is of version {version} of NumPy's format; save it again.")
    shape, by_column, dtype = header(file)
    if dtype.hasobject:
        raise SetError(
            f"{where} holds Python objects, which could run code when they are read; save plain "
            "numbers or texts."
        )
    count = math.prod(shape)
    if len(shape) == 2:
        check_size(shape[0], shape[1], where)
    if count < 0 or count * dtype.itemsize > size or min(shape, default=0) < 0:
        raise SetError(f"{where} is cut short: it lacks a part of its {count:,} values.")
    data = bytearray(count * dtype.itemsize)
    at, view = 0, memoryview(data)
    while at < len(data) and (block := file.read(min(len(data) - at, 1 << 24))):
        view[at : at + len(block)] = block
        at += len(block)
    if at < len(data):
        raise SetError(f"{where} is cut short: it lacks a part of its {count:,} values.")
    values = np.frombuffer(data, dtype)
    return values.reshape(shape[::-1]).T if by_column else values.reshape(shape)


def _column(values: Array) -> Array:
    if values.dtype.kind in "fiub":
        return values
    texts = values.astype(str) if values.dtype.kind != "S" else np.char.decode(values, "utf-8")
    return texts.astype(object)


def _said(problem: BaseException) -> str:
    return str(problem).splitlines()[0].rstrip(".") if str(problem) else type(problem).__name__
