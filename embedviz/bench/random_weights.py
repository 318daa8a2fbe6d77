"""Official files filled with random numbers, so that a model's speed can be measured without it.

They are files like the published ones, written into a folder that the caller names and throws
away; only `load_model(..., weights=folder)` reads them, as it reads any file by hand: unverified.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from embedviz.bench import random_arrays as arrays
from embedviz.bench.torch_file import write_state_dict
from embedviz.data import FloatArray
from embedviz.models import facts

SEED = 7
Writer = Callable[[Path, str, arrays.Random], None]


def write(name: str, variant: str, folder: Path) -> Path:
    """Write the file that `variant` of a model reads, if it reads any; give its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [file for file in facts(name).files_for(variant) if not file.optional]
    if files:
        WRITERS[name](folder / files[0].name, variant, np.random.default_rng(SEED))
    return folder


def _vggish(path: Path, variant: str, rng: arrays.Random) -> None:
    import tensorflow as tf

    variables = arrays.vggish_arrays(rng)
    # The single file of TensorFlow 1's first format.
    tf.raw_ops.SaveSlices(
        filename=str(path),
        tensor_names=list(variables),
        shapes_and_slices=[""] * len(variables),
        data=list(variables.values()),
    )
    if variant == "postprocessed":
        np.savez(
            path.with_name("vggish_pca_params.npz"),
            pca_eigen_vectors=np.linalg.qr(rng.normal(size=(128, 128)))[0],
            pca_means=rng.normal(0, 0.1, (128, 1)),
        )


def _yamnet(path: Path, _variant: str, rng: arrays.Random) -> None:
    path.write_bytes(_keras_file(arrays.yamnet_layers(rng)))


def _openl3(path: Path, _variant: str, rng: arrays.Random) -> None:
    path.write_bytes(gzip.compress(_keras_file(arrays.openl3_layers(rng)), compresslevel=0))


def _keras_file(layers: Iterable[tuple[str, arrays.Arrays]]) -> bytes:
    """Give what Keras 2's `save_weights` writes."""
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        names = []
        for name, weights in layers:
            names.append(name.encode())
            group = file.require_group(name)
            group.attrs["weight_names"] = [f"{name}/{key}:0".encode() for key in weights]
            for key, values in weights.items():
                group.create_dataset(f"{name}/{key}:0", data=values)
        file.attrs["layer_names"] = names
    return content.getvalue()


def _torch(given: Callable[[arrays.Random, str], dict[str, FloatArray]]) -> Writer:
    return lambda path, variant, rng: write_state_dict(path, given(rng, variant))


def _humpback(path: Path, _variant: str, rng: arrays.Random) -> None:
    from embedviz.bench.random_humpback import save

    save(path.parent, rng)


WRITERS: dict[str, Writer] = {
    "vggish": _vggish,
    "yamnet": _yamnet,
    "openl3": _openl3,
    "pann": _torch(arrays.pann_arrays),
    "passt": _torch(lambda rng, _: arrays.passt_arrays(rng)),
    "kumar": _torch(lambda rng, _: arrays.kumar_arrays(rng)),
    "efficientat": _torch(arrays.efficientat_arrays),
    "humpback": _humpback,
}
"""Name of a model -> what writes (path, variant, rng) its official file."""
