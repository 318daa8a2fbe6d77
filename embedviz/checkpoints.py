"""Official checkpoint files as plain arrays, without running anything that lies inside them."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedviz.errors import WeightsError

Array = npt.NDArray[Any]

GZIP_START = b"\x1f\x8b"
MOST_UNPACKED_BYTES = 256 * 2**20


def read_keras_h5(path: Path) -> list[tuple[str, Array]]:
    """Read a legacy Keras `save_weights` file as (name, array) pairs in the order of its layers.

    The order is the file's `layer_names` and each group's `weight_names`; names that hold slashes
    are nested groups. Links that lead out of the file are refused. A file packed with gzip is
    unpacked in memory.

    Raises
    ------
    WeightsError
        If the file is no HDF5 file of that layout, or is packed and larger than 256 MiB unpacked.
    """
    import h5py

    try:
        with h5py.File(_unpacked(path), "r") as file:
            return [
                (f"{layer}/{weight}", _dataset(file, f"{layer}/{weight}", path))
                for layer in _names(file, "layer_names")
                for weight in _names(file[layer], "weight_names")
            ]
    except (OSError, EOFError, zlib.error, KeyError, AttributeError, RuntimeError) as error:
        raise WeightsError(
            f"{path.name} is no Keras weights file ({_sentence(error)}); fetch it again."
        ) from error


def _unpacked(path: Path) -> Path | io.BytesIO:
    """Give the content of a file packed with gzip, or the path of any other."""
    with path.open("rb") as file:
        if file.read(len(GZIP_START)) != GZIP_START:
            return path
    with gzip.open(path) as stream:
        content = stream.read(MOST_UNPACKED_BYTES + 1)
    if len(content) > MOST_UNPACKED_BYTES:
        raise WeightsError(
            f"{path.name} is larger than {MOST_UNPACKED_BYTES // 2**20} MiB unpacked; "
            "it is not the official file."
        )
    return io.BytesIO(content)


def _names(group: Any, attribute: str) -> list[str]:  # noqa: ANN401 (h5py has no types)
    raw = group.attrs[attribute]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in raw]


def _dataset(file: object, name: str, path: Path) -> Array:
    import h5py

    group = file
    for part in name.split("/"):
        if not isinstance(group, h5py.Group) or part not in group:
            raise KeyError(f"no dataset {name}")
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise WeightsError(f"{path.name} links to another place at {name}; it was not read.")
        group = group[part]
    if not isinstance(group, h5py.Dataset) or group.external or group.is_virtual:
        raise WeightsError(f"{path.name} holds no plain dataset at {name}; it was not read.")
    return np.asarray(group[()])


def read_tensorflow_checkpoint(path: Path) -> dict[str, Array]:
    """Read a TensorFlow checkpoint (a single V1 file, or the prefix of a V2 one) by names.

    Raises
    ------
    WeightsError
        If TensorFlow cannot read the file.
    """
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(path))
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"{path.name} is no TensorFlow checkpoint ({_sentence(error)}); fetch it again."
        ) from error


def read_npz(path: Path) -> dict[str, Array]:
    """Read an `.npz` file of plain arrays; pickled objects are refused.

    Raises
    ------
    WeightsError
        If the file is no archive of arrays.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"{path.name} is no archive of plain arrays ({_sentence(error)}); fetch it again."
        ) from error


def take(arrays: dict[str, Array], name: str, shape: tuple[int, ...], path: Path) -> Array:
    """Give the array called `name` if it has `shape`.

    Raises
    ------
    WeightsError
        If it is missing or shaped otherwise.
    """
    if name not in arrays:
        raise WeightsError(f"{path.name} lacks {name}; it is not the official file.")
    if arrays[name].shape != shape:
        raise WeightsError(
            f"{path.name} holds {name} of shape {arrays[name].shape}, wanted {shape}; "
            "it is not the official file."
        )
    return arrays[name]


Take = Callable[[str, tuple[int, ...]], Array]
"""(name, shape) -> the array of that name in the official file.

It raises `WeightsError` where there is none of that shape.
"""


def torch_statistics(read: Take, name: str, channels: int) -> dict[str, Array]:
    """Give the arrays (channels,) of PyTorch's batch normalisation `name`, by our names."""
    names = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}
    return {ours: read(f"{name}.{theirs}", (channels,)) for ours, theirs in names.items()}


def fold_batch_norm(
    kernel: Array,
    *,
    axis: int,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    gamma: Array | float = 1.0,
) -> tuple[Array, Array]:
    """Give the kernel and bias of a convolution with its batch normalisation folded in.

    Exact at inference: gamma (k * x - mean) / sqrt(variance + epsilon) + beta is one convolution.
    It also lets TensorFlow fuse convolution, bias and activation.

    Parameters
    ----------
    kernel
        (height, width, in, out), or (height, width, channels, 1) of a depthwise convolution.
    axis
        The kernel's axis that the statistics, each (channels,), belong to.
    """
    scale = gamma / np.sqrt(variance.astype(np.float64) + epsilon)
    shape = [1] * kernel.ndim
    shape[axis] = len(scale)
    folded = kernel * scale.reshape(shape)
    return folded.astype(np.float32), (beta - mean * scale).astype(np.float32)


def fill(network: Any, arrays: list[Array], path: Path) -> None:  # noqa: ANN401 (Keras)
    """Set a Keras network's weights in order.

    Raises
    ------
    WeightsError
        If the arrays of `path` do not fit the network.
    """
    wanted = [tuple(weight.shape) for weight in network.weights]
    if [array.shape for array in arrays] != wanted:
        raise WeightsError(
            f"{path.name} holds {len(arrays)} arrays that do not fit the network's {len(wanted)}; "
            "it is not the official file."
        )
    network.set_weights(arrays)


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
