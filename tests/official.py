"""Random weights in the official file formats, written with other tools than our readers.

Biases, means and variances are random too: with zeros and ones a swapped tensor goes unnoticed.
"""

from pathlib import Path

import h5py
import numpy as np


def write_official_weights(name: str, folder: Path) -> None:
    """Write the files of a model as its authors publish them, filled with seeded numbers."""
    folder.mkdir(parents=True)
    writer = globals().get(f"_write_{name}")
    if writer is not None:
        writer(folder, np.random.default_rng(7))


def vggish_variables(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The 18 variables of `vggish_model.ckpt` with their official names and shapes."""
    shapes = {
        "conv1": (3, 3, 1, 64),
        "conv2": (3, 3, 64, 128),
        "conv3/conv3_1": (3, 3, 128, 256),
        "conv3/conv3_2": (3, 3, 256, 256),
        "conv4/conv4_1": (3, 3, 256, 512),
        "conv4/conv4_2": (3, 3, 512, 512),
        "fc1/fc1_1": (12288, 4096),
        "fc1/fc1_2": (4096, 4096),
        "fc2": (4096, 128),
    }
    variables = {}
    for layer, shape in shapes.items():
        fan_in = int(np.prod(shape[:-1]))
        kernel = rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(2 / fan_in))
        # Centred kernels: otherwise random ReLU layers map every sound to one direction.
        kernel -= kernel.mean(axis=tuple(range(len(shape) - 1)), keepdims=True)
        variables[f"vggish/{layer}/weights"] = kernel
        variables[f"vggish/{layer}/biases"] = rng.normal(0, 0.1, shape[-1]).astype(np.float32)
    return variables


def _write_vggish(folder: Path, rng: np.random.Generator) -> None:
    import tensorflow as tf

    variables = vggish_variables(rng)
    # What TensorFlow 1's Saver runs for its first format; the Saver itself needs 30 s and 4 GB.
    tf.raw_ops.SaveSlices(
        filename=str(folder / "vggish_model.ckpt"),
        tensor_names=list(variables),
        shapes_and_slices=[""] * len(variables),
        data=list(variables.values()),
    )
    np.savez(
        folder / "vggish_pca_params.npz",
        pca_eigen_vectors=np.linalg.qr(rng.normal(size=(128, 128)))[0],
        pca_means=rng.normal(0, 0.1, (128, 1)),
    )


YAMNET_LAYERS = (
    (1, 32), (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512),
    (1, 512), (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024),
)  # fmt: skip


def yamnet_arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The 110 datasets of `yamnet.h5`, as `layer/weight` in the file's order."""
    arrays: dict[str, np.ndarray] = {}

    def convolution(layer: str, kernel: str, shape: tuple[int, ...], channels: int) -> None:
        fan_in = int(np.prod(shape[:2])) * (1 if "depthwise" in kernel else shape[2])
        values = rng.normal(0, np.sqrt(2 / fan_in), shape)
        values -= values.mean(axis=(0, 1), keepdims=True) if "depthwise" not in kernel else 0
        arrays[f"{layer}/{layer}/{kernel}:0"] = values.astype(np.float32)
        for name, low, high in [
            ("beta", -0.2, 0.5),
            ("moving_mean", -0.3, 0.3),
            ("moving_variance", 0.5, 1.5),
        ]:
            arrays[f"{layer}/bn/{layer}/bn/{name}:0"] = rng.uniform(low, high, channels).astype(
                np.float32
            )

    before = 1
    for number, (_, filters) in enumerate(YAMNET_LAYERS, start=1):
        if number == 1:
            convolution("layer1/conv", "kernel", (3, 3, 1, filters), filters)
        else:
            depthwise, pointwise = (
                f"layer{number}/{kind}_conv" for kind in ("depthwise", "pointwise")
            )
            convolution(depthwise, "depthwise_kernel", (3, 3, before, 1), before)
            convolution(pointwise, "kernel", (1, 1, before, filters), filters)
        before = filters
    arrays["logits/logits/kernel:0"] = rng.normal(0, 0.05, (1024, 521)).astype(np.float32)
    arrays["logits/logits/bias:0"] = rng.normal(0, 0.1, 521).astype(np.float32)
    return arrays


def _write_yamnet(folder: Path, rng: np.random.Generator) -> None:
    groups: dict[str, list[str]] = {}
    arrays = yamnet_arrays(rng)
    for path in arrays:
        # `layer1/conv/layer1/conv/kernel:0` is the weight `layer1/conv/kernel:0` of `layer1/conv`.
        layer = path[: path.index(path.split("/")[0], 1) - 1]
        groups.setdefault(layer, []).append(path[len(layer) + 1 :])
    with h5py.File(folder / "yamnet.h5", "w") as file:
        file.attrs["layer_names"] = [layer.encode() for layer in groups]
        for layer, weights in groups.items():
            group = file.require_group(layer)
            group.attrs["weight_names"] = [weight.encode() for weight in weights]
            for weight in weights:
                group.create_dataset(weight, data=arrays[f"{layer}/{weight}"])
    with (folder / "yamnet_class_map.csv").open("w", encoding="utf-8") as file:
        file.write("index,mid,display_name\n")
        file.writelines(f'{i},/m/{i:05d},"Class, number {i}"\n' for i in range(521))
