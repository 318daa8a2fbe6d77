"""Plain NumPy arrays and numbers in a weight file, without NumPy's own unpickling.

Training scripts (PANNs' among them) store the state of their sampler beside the weights, and an
array of indexes there must not make the weights unreadable. Only numbers, truth values and texts
of fixed length: an array of objects would be a pickle within the pickle.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from embedviz.torchfiles.values import (
    Array,
    Budget,
    NumpyArray,
    NumpyType,
    Refused,
    empty,
    is_sizes,
)

_NUMBER_BYTES = 128  # about what the description of one number takes


def _no_bytes(arguments: tuple[Any, ...], _: Budget) -> bytes:
    """Stand for `bytes()`: how Python 3 writes the bytes of an empty array for Python 2."""
    if arguments:
        raise Refused
    return b""


def _encode(arguments: tuple[Any, ...], budget: Budget) -> bytes:
    """Stand for `_codecs.encode(text, "latin1")`: how Python 3 writes bytes for Python 2."""
    match arguments:
        case (str(text), "latin1" | "latin-1"):
            budget.spend(len(text))
            return _latin1(text)
    raise Refused


def _latin1(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise Refused from None


def _type(arguments: tuple[Any, ...], _: Budget) -> NumpyType:
    match arguments:
        case (str(code), *_) if re.fullmatch(r"b1|[iu][1248]|f[248]|[SU][1-9]\d{0,4}", code):
            return NumpyType(code)
    raise Refused("holds a NumPy array that is not of plain numbers; it was not read")


def _new_array(arguments: tuple[Any, ...], _: Budget) -> NumpyArray:
    return NumpyArray()


def _scalar(arguments: tuple[Any, ...], budget: Budget) -> object:
    match arguments:
        case (NumpyType() as kind, (str() | bytes()) as raw):
            budget.spend(_NUMBER_BYTES + len(raw))
            return array((), kind, False, raw, budget).item()
    raise Refused("holds a NumPy number that is not plain; it was not read")


def array(shape: object, kind: NumpyType, fortran: bool, raw: object, budget: Budget) -> Array:
    """Give the array as a view of its bytes; Python 2 wrote those as text.

    Raises
    ------
    Refused
        If the bytes are not as many as shape and type need.
    """
    if isinstance(raw, str):
        budget.spend(len(raw))
    data = _latin1(raw) if isinstance(raw, str) else raw
    if not isinstance(shape, tuple) or not is_sizes(shape) or not isinstance(data, bytes):
        raise Refused
    if math.prod(shape) * kind.dtype.itemsize != len(data):
        raise Refused("holds a NumPy array of impossible shape; it was not read")
    if not data:
        return empty(shape, kind.dtype)
    if kind.code == "b1":
        budget.spend(len(data))
        flat: Array = np.frombuffer(data, np.uint8) != 0
    else:
        flat = np.frombuffer(data, kind.dtype)
    if kind.code[0] == "U" and flat.view(kind.dtype.str[0] + "u4").max() > 0x10FFFF:
        raise Refused
    return flat.reshape(shape, order="F" if fortran else "C")


CALLS: dict[str, Callable[[tuple[Any, ...], Budget], object]] = {
    "_codecs.encode": _encode,
    "__builtin__.bytes": _no_bytes,
    "numpy.dtype": _type,
    **{
        f"numpy.{core}.multiarray.{name}": function
        for core in ("core", "_core")  # before and since NumPy 2
        for name, function in (("_reconstruct", _new_array), ("scalar", _scalar))
    },
}
