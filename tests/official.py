"""Random weights in the official file formats, written with other tools than our readers.

Biases, means and variances are random too: with zeros and ones a swapped tensor goes unnoticed.
"""

import importlib
import importlib.util
from pathlib import Path

import h5py
import numpy as np

# Another shape of input may get other kernels of oneDNN, which add in another order (5e-6 was seen
# with AVX-512); parity with the official code is asked to the same 2e-5.
OTHER_SHAPE = 2e-5
# The variants that stand for a model where any would do: the same code in a third of the time.
LIGHT = {"openl3": "mel128_music_512"}


def relative(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of a row of `a` from that of `b`, as a share of its length."""
    return float((np.linalg.norm(a - b, axis=-1) / np.linalg.norm(b, axis=-1)).max())


def write_official_weights(name: str, folder: Path) -> None:
    """Write the files of a model as its authors publish them, filled with seeded numbers.

    The writers of later models are modules of their own: `official_<name>.write(folder, rng)`.
    """
    folder.mkdir(parents=True)
    if importlib.util.find_spec(f"official_{name}"):
        writer = importlib.import_module(f"official_{name}").write
    else:
        writer = globals().get(f"_write_{name}", lambda folder, rng: None)
    writer(folder, np.random.default_rng(7))


def chirp(rate_hz: int, seconds: float) -> np.ndarray:
    """The test signal T(rate, duration): a linear chirp with a little noise."""
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    k = (0.4 * rate_hz - 100) / seconds
    noise = np.random.RandomState(1234).uniform(-1, 1, len(t))  # noqa: NPY002
    return (0.5 * np.sin(2 * np.pi * (100 * t + 0.5 * k * t**2)) + 0.05 * noise).astype(np.float32)


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
    """The 110 datasets of `yamnet.h5`, as `layer/weight` in the file's order.

    The statistics are near those of a patch of noise: with others, fourteen random layers map
    every sound to one vector, and a comparison would prove nothing.
    """
    import tensorflow as tf

    arrays: dict[str, np.ndarray] = {}
    x = tf.constant(rng.normal(0, 2, (2, 96, 64, 1)), tf.float32)

    def convolution(layer: str, kernel: str, shape: tuple[int, ...], stride: int = 1) -> None:
        nonlocal x
        depthwise = "depthwise" in kernel
        values = rng.normal(0, np.sqrt(2 / np.prod(shape[: 2 if depthwise else 3])), shape)
        values -= 0 if depthwise else values.mean(axis=(0, 1, 2), keepdims=True)
        values = values.astype(np.float32)
        convolve = tf.nn.depthwise_conv2d if depthwise else tf.nn.conv2d
        x = convolve(x, values, strides=[1, stride, stride, 1], padding="SAME")
        mean, variance = (moment.numpy() for moment in tf.nn.moments(x, axes=[0, 1, 2]))
        statistics = {
            "beta": rng.uniform(-0.2, 0.5, len(mean)),
            "moving_mean": mean + rng.uniform(-0.1, 0.1, len(mean)) * np.sqrt(variance),
            "moving_variance": variance * rng.uniform(0.7, 1.3, len(mean)),
        }
        arrays[f"{layer}/{layer}/{kernel}:0"] = values
        for name, value in statistics.items():
            arrays[f"{layer}/bn/{layer}/bn/{name}:0"] = value.astype(np.float32)
        scale = tf.sqrt(tf.constant(statistics["moving_variance"] + 1e-4, tf.float32))
        x = tf.nn.relu((x - statistics["moving_mean"]) / scale + statistics["beta"])

    convolution("layer1/conv", "kernel", (3, 3, 1, 32), stride=2)
    before = 32
    for number, (stride, filters) in enumerate(YAMNET_LAYERS[1:], start=2):
        depthwise, pointwise = (f"layer{number}/{kind}_conv" for kind in ("depthwise", "pointwise"))
        convolution(depthwise, "depthwise_kernel", (3, 3, before, 1), stride)
        convolution(pointwise, "kernel", (1, 1, before, filters))
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
