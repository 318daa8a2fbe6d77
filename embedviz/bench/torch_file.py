"""Tensors by name as `torch.save` writes them, without PyTorch."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from embedviz.data import FloatArray


def write_state_dict(path: Path, tensors: Mapping[str, FloatArray]) -> None:
    """Write float32 tensors as PyTorch has since 1.6: a zip archive of a pickle and of storages."""
    # Protocol 2, an empty dict, a mark; then the entries, which are set, and the end.
    entries = (
        _text(name) + _tensor(key, array.shape) for key, (name, array) in enumerate(tensors.items())
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}(" + b"".join(entries) + b"u.")
        for key, array in enumerate(tensors.values()):
            archive.writestr(f"archive/data/{key}", np.ascontiguousarray(array, "<f4").tobytes())
        archive.writestr("archive/version", "3\n")


def _tensor(key: int, shape: tuple[int, ...]) -> bytes:
    """Give the call that rebuilds a tensor from a storage of its own."""
    strides = tuple(int(np.prod(shape[axis + 1 :], dtype=int)) for axis in range(len(shape)))
    size = int(np.prod(shape, dtype=int))
    words = _text("storage") + b"ctorch\nFloatStorage\n" + _text(str(key)) + _text("cpu")
    storage = b"(" + words + _number(size) + b"tQ"
    place = storage + _number(0) + _numbers(shape) + _numbers(strides)
    no_gradient, no_hooks = b"\x89", b"ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + place + no_gradient + no_hooks + b"tR"


def _text(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _number(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)


def _numbers(numbers: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_number, numbers)) + b"t"
