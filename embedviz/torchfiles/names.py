"""What the names in a PyTorch weight file stand for: inert values in place of the real things.

A pickle names functions and has them called. Here a name is only text that is looked up below; the
functions of this module check their arguments and describe a tensor, and nothing else can be
reached. A name that is not listed is refused before anything happens.

The names are those that `torch.save` writes for tensors, parameters and ordered dicts since 2017,
and those of plain NumPy arrays and numbers (see `numpy_values`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from embedviz.torchfiles import numpy_values
from embedviz.torchfiles.values import (
    Budget,
    Name,
    NumpyArray,
    NumpyType,
    Refused,
    Storage,
    Tensor,
    is_sizes,
)

_MAX_ARGUMENTS = 8
_ENTRY_BYTES = 128  # about what one entry of a dict takes


def printable(text: str) -> str:
    """Give a name from a file so that it can stand in a message."""
    shown = text if len(text) <= 100 else f"{text[:100]}..."
    return "".join(c if " " <= c <= "~" else "?" for c in shown)


def look_up(module: object, name: object) -> Name:
    """Give the name that the file mentions.

    Raises
    ------
    Refused
        If it is not one of the listed names.
    """
    text = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else "something"
    if text not in _CALLS and text not in _STORAGES and text != "numpy.ndarray":
        raise Refused(
            f"wants to call {printable(text)} when opened, which no weight file needs; "
            "it was not read"
        )
    return Name(text)


def call(target: object, arguments: object, budget: Budget) -> object:
    """Give what calling a listed name stands for.

    Raises
    ------
    Refused
        If the target or its arguments are not what `torch.save` writes.
    """
    if not isinstance(target, Name) or target.text not in _CALLS:
        raise Refused("wants to call what is no function of a weight file; it was not read")
    if not isinstance(arguments, tuple) or len(arguments) > _MAX_ARGUMENTS:
        raise Refused
    return _CALLS[target.text](arguments, budget)


def set_state(target: object, state: object, budget: Budget) -> None:
    """Set an object's state, as far as one is allowed to have any.

    The attributes of an ordered dict (`_metadata`, the versions of the layers) are left out.

    Raises
    ------
    Refused
        If the target takes no state, or not this one.
    """
    match target, state:
        case dict(), _:
            return
        case Tensor(storage=None), (Storage() as storage, offset, shape, strides):
            whole = _tensor((storage, offset, shape, strides))
            target.storage, target.offset = whole.storage, whole.offset
            target.shape, target.strides = whole.shape, whole.strides
        case NumpyType(), (_, ("<" | ">" | "|") as order, None, None, None, *_):
            target.is_big_endian = order == ">"
        case NumpyArray(array=None), (_, shape, NumpyType() as kind, bool(fortran), raw):
            target.array = numpy_values.array(shape, kind, fortran, raw, budget)
        case NumpyType() | NumpyArray(), _:
            raise Refused("holds a NumPy array that is not of plain numbers; it was not read")
        case _:
            raise Refused


def find_storage(identity: object) -> Storage:
    """Give the storage that a persistent id stands for.

    Raises
    ------
    Refused
        If it stands for anything else.
    """
    if not isinstance(identity, tuple) or len(identity) > _MAX_ARGUMENTS:
        raise Refused("refers to something outside of its pickle; it was not read")
    match identity:
        case ("storage", Name(text), str(key), _, int(count), *view) if text in _STORAGES:
            start, size = _view(view, count)
            if re.fullmatch(r"\w{1,64}", key, re.ASCII) and 0 <= start <= start + size <= count:
                return Storage(_STORAGES[text], key, count, start, size)
            raise Refused("names a storage that no weight file has; it was not read")
        case (str(kind), *_):
            raise Refused(
                f"refers to {printable(kind)!r} outside of its pickle, where a weight file has "
                "only storages; it was not read"
            )
        case _:
            raise Refused("refers to something outside of its pickle; it was not read")


def _view(view: Sequence[object], count: int) -> tuple[int, int]:
    """Give start and size; PyTorch of 2017 saved parts of a storage as (key, start, size)."""
    match view:
        case [] | [None]:
            return 0, count
        case [(str(), int(start), int(size))] if size >= 0:
            return start, size
    raise Refused


def _tensor(arguments: tuple[Any, ...], _: Budget | None = None) -> Tensor:
    if len(arguments) < 4 or not isinstance(arguments[0], Storage):
        raise Refused
    storage, offset, shape, strides, *_rest = arguments  # then gradients and hooks: not ours
    if not (is_sizes((offset,)) and is_sizes(shape) and is_sizes(strides)):
        raise Refused("holds a tensor of impossible shape; it was not read")
    if len(shape) != len(strides):
        raise Refused("holds a tensor of impossible shape; it was not read")
    return Tensor(storage, offset, shape, strides)


def _empty_tensor(arguments: tuple[Any, ...], _: Budget) -> Tensor:
    """Stand for `torch.FloatTensor()`, whose state follows (PyTorch before 0.2)."""
    if arguments:
        raise Refused
    return Tensor(None)


def _parameter(arguments: tuple[Any, ...], _: Budget) -> Tensor:
    if not arguments or not isinstance(arguments[0], Tensor):
        raise Refused
    return arguments[0]


def _ordered_dict(arguments: tuple[Any, ...], budget: Budget) -> dict[Any, Any]:
    """Stand for an ordered dict; Python 2 gives its pairs at once, as lists."""
    filled: dict[Any, Any] = {}
    if arguments:
        if len(arguments) != 1 or not isinstance(arguments[0], list):
            raise Refused
        budget.spend(_ENTRY_BYTES * len(arguments[0]))
        for pair in arguments[0]:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise Refused
            put(filled, *pair)
    return filled


def put(target: dict[Any, Any], key: object, value: object) -> None:
    """Set one entry of a dict.

    Raises
    ------
    Refused
        If the key is no text or usual number: hashing nested tuples can exhaust the stack, and
        chosen large numbers all fall into one slot.
    """
    if not (key is None or isinstance(key, str) or (isinstance(key, int) and abs(key) < 2**31)):
        raise Refused
    target[key] = value


def _size(arguments: tuple[Any, ...], _: Budget) -> tuple[Any, ...]:
    if len(arguments) != 1 or not is_sizes(arguments[0]):
        raise Refused
    return tuple(arguments[0])


_STORAGES = {
    "torch.FloatStorage": "f4",
    "torch.DoubleStorage": "f8",
    "torch.HalfStorage": "f2",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "i8",
    "torch.IntStorage": "i4",
    "torch.ShortStorage": "i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "b1",
}

_CALLS: dict[str, Callable[[tuple[Any, ...], Budget], object]] = {
    "collections.OrderedDict": _ordered_dict,
    "torch.Size": _size,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    **{
        f"torch.{place}{kind}Tensor": _empty_tensor
        for place in ("", "cuda.")
        for kind in ("Float", "Double", "Half", "Long", "Int", "Short", "Char", "Byte")
    },
    **numpy_values.CALLS,
}
