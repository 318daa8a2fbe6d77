"""Random weights in the format of PANN's official files, at full size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch_writer import write_torch_zip

from embedviz.mel import slaney_mel_matrix

if TYPE_CHECKING:
    import tensorflow as tf

FILES = {"Cnn14_emb512_mAP=0.420.pth": 512, "Cnn14_mAP=0.431.pth": 2048}
CHANNELS = (64, 128, 256, 512, 1024, 2048)


def front_end_arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The STFT kernels as torchlibrosa makes them, and a mel matrix that is not quite librosa's.

    A loader that makes its own matrix instead of reading the file's is noticed.
    """
    samples, bins = np.arange(1024), np.arange(513)[:, np.newaxis]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * samples / 1024)
    angles = 2 * np.pi * (samples * bins % 1024) / 1024
    mel = slaney_mel_matrix(bands=64, bins=513, rate_hz=32000, low_hz=50, high_hz=14000)
    return {
        "spectrogram_extractor.stft.conv_real.weight": _kernels(np.cos(angles) * window),
        "spectrogram_extractor.stft.conv_imag.weight": _kernels(-np.sin(angles) * window),
        "logmel_extractor.melW": (mel * rng.uniform(0.8, 1.2, mel.shape)).astype(np.float32),
    }


def _kernels(waves: np.ndarray) -> np.ndarray:
    return waves[:, np.newaxis].astype(np.float32)


def convolution_arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The normalisation per band and the twelve convolutions, which both files have alike."""
    import tensorflow as tf

    patches = random_patches(rng, frames=64, bands=64)
    normalised, statistics = normalisation(rng, patches[:, :, np.newaxis])
    arrays = {f"bn0.{name}": values for name, values in statistics.items()}
    x = tf.transpose(normalised, (0, 1, 3, 2))
    for block, channels in enumerate(CHANNELS, start=1):
        for number in (1, 2):
            weights, x = kernel(rng, x, channels, size=3, padding="SAME")
            x, statistics = normalisation(rng, x)
            prefix = f"conv_block{block}"
            arrays[f"{prefix}.conv{number}.weight"] = weights
            arrays |= {f"{prefix}.bn{number}.{name}": v for name, v in statistics.items()}
            x = tf.nn.relu(x)
        if block < len(CHANNELS):
            x = tf.nn.avg_pool2d(x, 2, 2, "VALID")
    return arrays


def random_patches(rng: np.random.Generator, frames: int, bands: int) -> np.ndarray:
    """Patches (4, frames, bands) about as loud as sound is, in dB."""
    slopes = np.linspace(0, 1, bands) * rng.normal(0, 10, (4, 1, 1))
    return (-20 + slopes + rng.normal(0, 6, (4, frames, bands))).astype(np.float32)


def kernel(
    rng: np.random.Generator, x: tf.Tensor, channels: int, *, size: int, padding: str
) -> tuple[np.ndarray, tf.Tensor]:
    """A random kernel (out, in, size, size), and what it makes of x (B, T, F, in)."""
    import tensorflow as tf

    values = rng.standard_normal((channels, x.shape[3], size, size), dtype=np.float32)
    values *= np.float32(np.sqrt(2 / values[0].size))
    values -= values.mean(axis=(1, 2, 3), keepdims=True)
    return values, tf.nn.conv2d(x, values.transpose(2, 3, 1, 0), 1, padding)


def normalisation(
    rng: np.random.Generator, x: tf.Tensor
) -> tuple[tf.Tensor, dict[str, np.ndarray]]:
    """The arrays of a PyTorch `BatchNorm2d` for x (B, T, F, channels), and what they make of it.

    The statistics are near those of x: with others, so many random layers map every sound to one
    vector, and a comparison would prove nothing.
    """
    import tensorflow as tf

    mean, variance = (moment.numpy() for moment in tf.nn.moments(tf.constant(x), axes=[0, 1, 2]))
    variance = variance + 0.1 * variance.mean()
    number = len(mean)
    arrays = {
        "weight": rng.uniform(0.7, 1.3, number),
        "bias": rng.uniform(-0.2, 0.4, number),
        "running_mean": mean + rng.uniform(-0.1, 0.1, number) * np.sqrt(variance),
        "running_var": variance * rng.uniform(0.7, 1.3, number),
    }
    arrays = {name: values.astype(np.float32) for name, values in arrays.items()}
    scale = arrays["weight"] / np.sqrt(arrays["running_var"] + np.float32(1e-5))
    x = (x - arrays["running_mean"]) * scale + arrays["bias"]
    return x, arrays | {"num_batches_tracked": np.array(600_000)}


def head_arrays(rng: np.random.Generator, units: int) -> dict[str, np.ndarray]:
    """The two dense layers."""
    shapes = {"fc1": (units, 2048), "fc_audioset": (527, units)}
    arrays = {}
    for name, shape in shapes.items():
        arrays[f"{name}.weight"] = rng.normal(0, shape[1] ** -0.5, shape).astype(np.float32)
        arrays[f"{name}.bias"] = rng.normal(0, 0.1, shape[0]).astype(np.float32)
    return arrays


def write(folder: Path, rng: np.random.Generator) -> None:
    """Write both networks, and the class names."""
    shared = front_end_arrays(rng) | convolution_arrays(rng)
    for name, units in FILES.items():
        state = shared | head_arrays(rng, units)
        write_torch_zip(folder / name, {"iteration": 600_000, "model": state})
    with (folder / "class_labels_indices.csv").open("w", encoding="utf-8") as file:
        file.write("index,mid,display_name\n")
        file.writelines(f'{i},/m/{i:05d},"Class, number {i}"\n' for i in range(527))
