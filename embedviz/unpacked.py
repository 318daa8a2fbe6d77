"""Arrays too large for memory, unpacked once into the cache folder and mapped from there.

cache_folder()/unpacked/<source>/<state>/<array>.npy, where the source is an address and the state
tells what lay there then. What an earlier state left is deleted when a new one is unpacked.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from embedviz.atomic import written_whole
from embedviz.errors import SetError
from embedviz.folders import cache_folder

Progress = Callable[[int, int], None]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Shelf:
    """Where the arrays of one source in one state lie."""

    source: str
    state: str

    @property
    def folder(self) -> Path:
        """The folder of its arrays; it need not be there."""
        return _folder(self.source) / _digest(self.state)

    def array(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
        blocks: Callable[[], Iterable[Array]],
        progress: Progress | None = None,
    ) -> Array:
        """Give an array of N rows that stays on the disk; made of `blocks` where it is not there.

        Parameters
        ----------
        name
            Of the array.
        shape, dtype
            (N, ...) and the type of a number.
        blocks
            Gives the rows in order, some at a time.
        progress
            Called with (rows done, N); raising from it leaves nothing behind.

        Raises
        ------
        SetError
            If the disk is too full, or the blocks are not N rows.
        """
        path = self.folder / f"{name}.npy"
        found = _mapped(path, shape, np.dtype(dtype))
        if found is None:
            self._drop_others()
            _refuse_full_disk(path, shape, np.dtype(dtype))
            with written_whole(path) as file:
                _write(file, shape, np.dtype(dtype), blocks(), progress)
            found = _mapped(path, shape, np.dtype(dtype))
        if found is None:
            raise SetError(f"{path} was deleted while it was read; try again.")
        return found

    def renamed(self, state: str) -> None:
        """Keep the arrays for another state of the source, which holds the same ones."""
        target = Shelf(self.source, state).folder
        with suppress(OSError):  # without it they are unpacked again
            self.folder.rename(target)

    def _drop_others(self) -> None:
        here = _folder(self.source)
        for folder in here.iterdir() if here.is_dir() else []:
            if folder != self.folder:
                # Whoever has it open keeps what is mapped.
                shutil.rmtree(folder, ignore_errors=True)


def _folder(source: str) -> Path:
    return cache_folder() / "unpacked" / _digest(source)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _mapped(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
    """Open a finished array; None where there is none, or none of these rows."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    # A plain array over the same pages: what is computed from it is no map of a file any more.
    return np.asarray(found) if found.shape == shape and found.dtype == dtype else None


def _refuse_full_disk(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    needed = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    cache_folder().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache_folder()).free
    if needed > free:
        raise SetError(
            f"Opening this set needs {needed / 1e9:.1f} GB for {path.stem} in {cache_folder()}, "
            f"where {free / 1e9:.1f} GB are free; let EMBEDVIZ_CACHE name a larger disk."
        )


def _write(
    file: IO[bytes],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    blocks: Iterable[Array],
    progress: Progress | None,
) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(file, header)
    done = 0
    for block in blocks:
        if block.shape[1:] != shape[1:]:
            raise SetError(f"Rows of shape {block.shape[1:]} follow rows of shape {shape[1:]}.")
        file.write(np.ascontiguousarray(block, dtype=dtype).data)
        done += len(block)
        if progress is not None:
            progress(done, shape[0])
    if done != shape[0]:
        raise SetError(f"{done:,} rows were read where {shape[0]:,} were expected; try again.")
