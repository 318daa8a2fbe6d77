"""What `torch.save` writes, written without PyTorch: for random weights in the official formats.

Real PyTorch reads these files back, with and without `weights_only`.
"""

import struct
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
MACHINE = {
    "protocol_version": PROTOCOL,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}

STORAGES = {
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


@dataclass
class Raw:
    """A part of the pickle given as instructions: one that leaves one value on the stack."""

    instructions: bytes


def write_torch_zip(path: Path, obj: object, *, compression: int = zipfile.ZIP_STORED) -> None:
    """Write `obj` as PyTorch has since 1.6.

    `obj` is made of dicts (OrderedDict stays one), lists, tuples, numbers, truth values, texts,
    None and NumPy arrays, which become tensors; an array that occurs twice shares one storage.
    """
    pickler = _Pickler(python2=False, view_metadata=False)
    pickled = pickler.dumps(obj)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        for key, array in pickler.arrays.items():
            archive.writestr(f"archive/data/{key}", _bytes_of(array))
        archive.writestr("archive/version", "3\n")


def write_torch_legacy(path: Path, obj: object, *, python2: bool = False) -> None:
    """Write `obj` as PyTorch did before 1.6, or as PyTorch 0.2 did under Python 2.

    The latter has byte strings for texts, ordered dicts as lists of pairs and `_rebuild_tensor`.
    """
    pickler = _Pickler(python2=python2, view_metadata=True)
    with path.open("wb") as file:
        file.write(_Pickler(python2, True).dumps(MAGIC))
        file.write(_Pickler(python2, True).dumps(PROTOCOL))
        file.write(_Pickler(python2, True).dumps(MACHINE))
        file.write(pickler.dumps(obj))
        file.write(_Pickler(python2, True).dumps(list(pickler.arrays)))
        for array in pickler.arrays.values():
            _write_storage(file, array)


def _write_storage(file: BinaryIO, array: np.ndarray) -> None:
    file.write(struct.pack("<q", array.size))
    file.write(_bytes_of(array))


def _bytes_of(array: np.ndarray) -> memoryview:
    return memoryview(array.reshape(-1).view(np.uint8))


class _Pickler:
    """Pickle protocol 2, as much of it as weight files need, with arrays as tensors."""

    def __init__(self, python2: bool, view_metadata: bool) -> None:
        self._python2 = python2
        self._view_metadata = view_metadata
        self._keys: dict[int, str] = {}
        self._kept: list[np.ndarray] = []  # so that no id is used twice
        self.arrays: dict[str, np.ndarray] = {}

    def dumps(self, obj: object) -> bytes:
        return b"\x80\x02" + self._any(obj) + b"."

    def _any(self, obj: object) -> bytes:
        match obj:
            case None:
                return b"N"
            case Raw():
                return obj.instructions
            case bool():
                return b"\x88" if obj else b"\x89"
            case int():
                return self._int(obj)
            case float():
                return b"G" + struct.pack(">d", obj)
            case str():
                return self._text(obj)
            case np.ndarray():
                return self._tensor(obj)
            case OrderedDict():
                return self._ordered_dict(obj)
            case dict():
                return b"}(" + self._entries(obj) + b"u"
            case list():
                return b"](" + b"".join(map(self._any, obj)) + b"e"
            case tuple():
                return b"(" + b"".join(map(self._any, obj)) + b"t"
        raise TypeError(f"no weight file holds a {type(obj)}")

    def _int(self, number: int) -> bytes:
        if -(2**31) <= number < 2**31:
            return b"J" + struct.pack("<i", number)
        data = number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8a" + bytes([len(data)]) + data

    def _text(self, text: str) -> bytes:
        data = text.encode()
        if self._python2 and len(data) < 256:
            return b"U" + bytes([len(data)]) + data
        return (b"T" if self._python2 else b"X") + struct.pack("<I", len(data)) + data

    def _entries(self, entries: dict) -> bytes:
        return b"".join(self._any(key) + self._any(value) for key, value in entries.items())

    def _ordered_dict(self, entries: OrderedDict) -> bytes:
        name = b"ccollections\nOrderedDict\n"
        if self._python2:
            return name + b"(" + self._any([[*pair] for pair in entries.items()]) + b"tR"
        # Modules put the versions of their layers into an attribute of the dict.
        metadata = b"}" + self._any("_metadata") + name + b")R" + b"s"
        return name + b")R(" + self._entries(entries) + b"u" + metadata + b"b"

    def _tensor(self, array: np.ndarray) -> bytes:
        storage = self._storage(array)
        strides = [int(np.prod(array.shape[axis + 1 :], dtype=int)) for axis in range(array.ndim)]
        place = storage + self._any(0) + self._any(array.shape) + self._any(tuple(strides))
        if self._python2:
            return b"ctorch._utils\n_rebuild_tensor\n(" + place + b"tR"
        hooks = b"ccollections\nOrderedDict\n)R"
        return b"ctorch._utils\n_rebuild_tensor_v2\n(" + place + b"\x89" + hooks + b"tR"

    def _storage(self, array: np.ndarray) -> bytes:
        if id(array) not in self._keys:
            self._keys[id(array)] = key = str(len(self._keys))
            self._kept.append(array)
            little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
            self.arrays[key] = np.ascontiguousarray(little)
        kind = f"ctorch\n{STORAGES[array.dtype.name]}\n".encode()
        identity = self._any("storage") + kind + self._any(self._keys[id(array)])
        identity += self._any("cpu") + self._any(array.size)
        return b"(" + identity + (b"N" if self._view_metadata else b"") + b"tQ"
