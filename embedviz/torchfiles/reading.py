"""What `torch.save` wrote, as plain NumPy arrays: without PyTorch, without running anything.

Two formats. Since PyTorch 1.6 a zip archive: a pickle `data.pkl` beside one member `data/KEY` for
each storage. Before that one stream: a magic number, a version, facts about the machine, the
pickle, the storages' keys, then for each storage its length and its bytes. In both a tensor is a
place in a storage (offset, shape, strides), so several tensors may share one.

Source: `torch/serialization.py` of PyTorch 2.13.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from embedviz.errors import WeightsError
from embedviz.torchfiles import machine
from embedviz.torchfiles.operands import Source
from embedviz.torchfiles.values import Array, Budget, Refused, Storage, plain

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_CHUNK_BYTES = 2**22
_SLACK_BYTES = 2**22  # so that the limits below do not bind for small files
_COPIES, _PACKING = 3, 4
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


def read_torch(path: Path) -> Any:  # noqa: ANN401 (whatever was saved)
    """Read a file of `torch.save`, of either format, saved under Python 2 or 3.

    Returns
    -------
    Any
        What was saved: dicts (ordered ones too), lists and tuples of NumPy arrays, numbers, truth
        values, texts and None. Tensors and parameters are C-contiguous arrays with memory of their
        own, in their own shape and type; bfloat16 comes as float32. Attributes are left out.

    Raises
    ------
    WeightsError
        If the file cannot be read, is damaged, or holds anything else. Nothing of it is ever run.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            head = file.read(512)
            file.seek(0)
            budget = Budget(_COPIES * size + _SLACK_BYTES)
            if head.startswith(b"PK\x03\x04"):
                return _read_zip(file, size, budget)
            _check_foreign(head)
            return _read_legacy(file, size, budget)
    except Refused as reason:
        raise WeightsError(f"{path.name} {reason}.") from reason
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read ({error.strerror or error}).") from error


def state_dict(path: Path, key: str | None = None) -> dict[str, Array]:
    """Give the tensors of a file by name.

    They are the file's own, or those under its entry `key` or, failing that, `model`. A prefix
    `module.` that all names share (DataParallel's) is taken off, and the counters
    `num_batches_tracked`, which inference does not use, are left out.

    Raises
    ------
    WeightsError
        If `read_torch` does, or if there are no tensors.
    """
    found = read_torch(path)
    if isinstance(found, dict):
        nested = (found.get(name) for name in (key, "model") if name is not None)
        found = next((entry for entry in nested if isinstance(entry, dict)), found)
    if not isinstance(found, dict):
        raise WeightsError(f"{path.name} holds no tensors by name; it is not the official file.")
    tensors = {
        name: value
        for name, value in found.items()
        if isinstance(name, str)
        and isinstance(value, np.ndarray)
        and name.rpartition(".")[2] != "num_batches_tracked"
    }
    if not tensors:
        raise WeightsError(f"{path.name} holds no tensors by name; it is not the official file.")
    if all(name.startswith("module.") for name in tensors):
        return {name.removeprefix("module."): value for name, value in tensors.items()}
    return tensors


def _check_foreign(head: bytes) -> None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        raise Refused("is empty; fetch it again")
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<!--")):
        raise Refused("is a web page, not a weight file; fetch the file itself (the raw file)")
    if start.startswith(b"version https://git-lfs"):
        raise Refused("is a Git LFS pointer, not the weight file; fetch the file itself")
    if head[257:262] == b"ustar":
        raise Refused("is in PyTorch's first format, a tar archive, which is not supported")
    if not head.startswith(b"\x80"):
        raise Refused("is no file that torch.save wrote; it is not the official file")


def _read_zip(file: BinaryIO, size: int, budget: Budget) -> Any:  # noqa: ANN401
    try:
        with zipfile.ZipFile(file) as archive:
            members = _members(archive, size)
            prefix = _prefix(members)
            pickled = members[f"{prefix}/data.pkl"]
            if pickled.file_size > machine.MAX_BYTES:
                raise Refused("holds far more than a weight file does; it was not read")
            order = _byte_order(archive, members.get(f"{prefix}/byteorder"))
            source = Source(io.BytesIO(archive.read(pickled)), pickled.file_size)
            tree, storages = machine.load(source, budget)
            arrays = {
                key: _from_zip(archive, members.get(f"{prefix}/data/{key}"), storage, order)
                for key, storage in storages.items()
            }
    except _ZIP_ERRORS as error:
        raise Refused from error
    return plain(tree, arrays, budget)


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    total = 0
    for info in archive.infolist():
        if info.filename in members:
            raise Refused("holds two members of one name; it was not read")
        if info.flag_bits & 0x1:
            raise Refused("is encrypted; it is not the official file")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused("is packed in a way that PyTorch does not use; it was not read")
        members[info.filename] = info
        total += info.file_size
    if total > _PACKING * size + _SLACK_BYTES:  # torch.save does not compress at all
        raise Refused("unpacks to far more than its own size; it was not read")
    return members


def _prefix(members: Mapping[str, zipfile.ZipInfo]) -> str:
    """Give the one folder of the archive: "archive", or the name under which it was saved."""
    found = [name.partition("/")[0] for name in members if name.partition("/")[2] == "data.pkl"]
    if len(found) != 1:
        raise Refused("is a zip archive, but not one of torch.save; it is not the official file")
    if f"{found[0]}/constants.pkl" in members:
        raise Refused("is a TorchScript program, not a weight file; it was not read")
    return found[0]


def _byte_order(archive: zipfile.ZipFile, member: zipfile.ZipInfo | None) -> str:
    if member is None:  # files before PyTorch 2.1 do not say, and come from little-endian machines
        return "<"
    if member.file_size > len(b"little"):
        raise Refused
    orders = {b"little": "<", b"big": ">"}
    order = archive.read(member)
    if order not in orders:
        raise Refused
    return orders[order]


def _from_zip(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo | None, storage: Storage, order: str
) -> Array:
    stored = _stored_type(storage.kind)
    if member is None or member.file_size != storage.count * stored.itemsize:
        raise Refused("holds fewer bytes, or more, than its tensors need; fetch it again")
    with archive.open(member) as stream:
        flat = _fill(stream.read, storage.count, stored)
        if stream.read(1):  # reading to the end has the checksum compared
            raise Refused
    return flat.byteswap(inplace=True) if order == ">" and stored.itemsize > 1 else flat


def _read_legacy(file: BinaryIO, size: int, budget: Budget) -> Any:  # noqa: ANN401
    def pickled() -> tuple[Any, dict[str, Storage]]:
        left = min(size - file.tell(), machine.MAX_BYTES)
        return machine.load(Source(file, left), budget)

    if pickled()[0] != _MAGIC or pickled()[0] != _PROTOCOL:
        raise Refused("is no file that torch.save wrote; it is not the official file")
    saved_on = pickled()[0]
    if not isinstance(saved_on, dict) or saved_on.get("little_endian") is not True:
        raise Refused("was saved on a big-endian machine, which is not supported")
    tree, storages = pickled()
    keys = pickled()[0]
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise Refused
    if sorted(keys) != sorted(storages):
        raise Refused("names other storages than its tensors need; fetch it again")
    arrays = {key: _from_stream(file, size, storages[key]) for key in keys}
    return plain(tree, arrays, budget)


def _from_stream(file: BinaryIO, size: int, storage: Storage) -> Array:
    stored = _stored_type(storage.kind)
    count = Source(file, size - file.tell()).number("<q")
    if count != storage.count or count * stored.itemsize > size - file.tell():
        raise Refused("holds fewer bytes, or more, than its tensors need; fetch it again")
    return _fill(file.read, count, stored)


def _stored_type(kind: str) -> np.dtype[Any]:
    """Give the type as which a storage's bytes are read: bfloat16 and truth values as numbers."""
    return np.dtype({"bfloat16": "u2", "b1": "u1"}.get(kind, kind))


def _fill(read: Callable[[int], bytes], count: int, dtype: np.dtype[Any]) -> Array:
    """Give `count` elements; the caller has compared `count` with what the file can hold."""
    flat: Array = np.empty(count, dtype)
    target, done = flat.view(np.uint8), 0
    while done < len(target):
        chunk = read(min(_CHUNK_BYTES, len(target) - done))
        if not chunk:
            raise Refused
        target[done : done + len(chunk)] = np.frombuffer(chunk, np.uint8)
        done += len(chunk)
    return flat
