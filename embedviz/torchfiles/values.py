"""What the pickle of a weight file describes, and the arrays that this becomes.

Nothing here does anything by itself: a tensor is a place in a storage until the storages have been
read. Whatever takes memory beyond the file's own bytes is counted against a budget, for a file of
a kilobyte can name one storage a million times.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

DAMAGED = "is damaged or cut short; fetch it again"
_MAX_DIMENSIONS = 32
_MAX_DEPTH = 64


class Refused(Exception):
    """Why a file is not read; the sentence goes on from the file's name."""

    def __init__(self, reason: str = DAMAGED) -> None:
        super().__init__(reason)


class Budget:
    """Memory that a file may still claim beyond its own bytes, so that copies cannot multiply."""

    def __init__(self, count: int) -> None:
        self._left = count

    def spend(self, count: int) -> None:
        """Take `count` bytes.

        Raises
        ------
        Refused
            If there are not so many left.
        """
        self._left -= count
        if self._left < 0:
            raise Refused("unpacks to far more than its own size; it was not read")


@dataclass(frozen=True, eq=False)
class Name:
    """A listed name that the file mentions, `module.name`."""

    text: str


@dataclass(frozen=True, eq=False)
class Storage:
    """A run of elements of one kind, whose bytes lie elsewhere in the file."""

    kind: str
    """A NumPy type such as "f4", or "bfloat16"."""
    key: str
    count: int
    """Elements in the file under `key`."""
    start: int
    size: int
    """The elements meant: `size` of them from `start` on."""


@dataclass(eq=False)
class Tensor:
    """A tensor's place in its storage, in elements."""

    storage: Storage | None
    offset: int = 0
    shape: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()


@dataclass(eq=False)
class NumpyType:
    """A NumPy element type such as "i8", and its byte order."""

    code: str
    is_big_endian: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type itself."""
        return np.dtype(self.code).newbyteorder(">" if self.is_big_endian else "<")


@dataclass(eq=False)
class NumpyArray:
    """An array that was pickled by NumPy; None until its state is set."""

    array: Array | None = None


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Give an array without elements.

    Raises
    ------
    Refused
        If its other axes are longer than any real ones.
    """
    if math.prod(size for size in shape if size) > 2**40:
        raise Refused("holds a tensor of impossible shape; it was not read")
    return np.empty(shape, dtype)


def is_sizes(values: object) -> bool:
    """Whether this is a tuple of a few whole numbers, none negative."""
    return (
        isinstance(values, tuple)
        and len(values) <= _MAX_DIMENSIONS
        and all(type(value) is int and 0 <= value < 2**62 for value in values)
    )


def plain(tree: object, storages: Mapping[str, Array], budget: Budget) -> Any:  # noqa: ANN401
    """Give what a pickle described, with the arrays in place; what it shares stays shared.

    Parameters
    ----------
    tree
        What `machine.load` gave.
    storages
        The elements of each storage, flat, by key.

    Raises
    ------
    Refused
        If it holds more than containers, numbers, texts and arrays, or a tensor that does not lie
        in its storage.
    """
    return _Tree(storages, budget).plain(tree)


class _Tree:
    """Turns what the pickle described into plain values."""

    def __init__(self, storages: Mapping[str, Array], budget: Budget) -> None:
        self._storages = storages
        self._budget = budget
        self._given: set[str] = set()
        self._done: dict[int, Any] = {}

    def plain(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401
        """Give the value with arrays for tensors; what the pickle shares stays shared."""
        if value is None or isinstance(value, bool | int | float | str | bytes):
            return value
        if depth > _MAX_DEPTH:
            raise Refused("is nested deeper than any weight file; it was not read")
        # The tree lives as long as this object, so an id names one value only.
        if id(value) not in self._done:
            self._done[id(value)] = self._convert(value, depth + 1)
        return self._done[id(value)]

    def _convert(self, value: object, depth: int) -> Any:  # noqa: ANN401
        match value:
            case dict():
                return {key: self.plain(entry, depth) for key, entry in value.items()}
            case list():
                return [self.plain(entry, depth) for entry in value]
            case tuple():
                return tuple(self.plain(entry, depth) for entry in value)
            case Tensor(storage=Storage() as storage):
                return self._tensor(value, storage)
            case NumpyArray(array=np.ndarray() as array):
                self._budget.spend(array.nbytes)
                return np.array(array, array.dtype.newbyteorder("="), order="C")
            case Storage() | Name() | NumpyType():
                raise Refused("holds more than tensors, numbers and names; it was not read")
        raise Refused

    def _tensor(self, tensor: Tensor, storage: Storage) -> Array:
        """Give the tensor's elements; only the first that fills its storage needs no copy."""
        whole = self._storages[storage.key]
        flat = whole[storage.start : storage.start + storage.size]
        shape, strides, count = tensor.shape, tensor.strides, math.prod(tensor.shape)
        if count == 0:
            return empty(shape, np.dtype("f4" if storage.kind == "bfloat16" else storage.kind))
        reach = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        if tensor.offset + reach >= len(flat):
            raise Refused("holds a tensor that reaches outside its storage; it was not read")
        as_it_is = storage.kind not in ("bfloat16", "b1") and storage.key not in self._given
        if as_it_is and count == len(whole) and _is_contiguous(shape, strides):
            self._given.add(storage.key)
            return whole.reshape(shape)
        self._budget.spend(count * max(flat.itemsize, 4))
        steps = [
            stride * flat.itemsize if size > 1 else 0
            for size, stride in zip(shape, strides, strict=True)
        ]
        view = np.lib.stride_tricks.as_strided(flat[tensor.offset :], shape, steps)
        return _copy(view, storage.kind)


def _copy(view: Array, kind: str) -> Array:
    """Give the elements in row order; those of two kinds were read as other numbers."""
    if kind == "bfloat16":
        wide: Array = view.astype(np.uint32, order="C")
        wide <<= 16  # bfloat16 is the upper half of a float32
        return wide.view(np.float32)
    return np.array(view != 0 if kind == "b1" else view, order="C")


def _is_contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    step = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size > 1 and stride != step:
            return False
        step *= size
    return True
