"""Random weights in the file format of OpenL3 0.4: a Keras `save_weights` file packed with gzip."""

import gzip
import io
from pathlib import Path

import h5py
import numpy as np

NETWORKS = [
    f"{front_end}_{content}"
    for front_end in ("linear", "mel128", "mel256")
    for content in ("music", "env")
]
FILTERS = (64, 64, 128, 128, 256, 256, 512)


def write(folder: Path, rng: np.random.Generator) -> None:
    """Write the six official files, each with numbers of its own."""
    for network in NETWORKS:
        write_file(folder / f"openl3_audio_{network}-v0_4_0.h5.gz", layers(rng))


def layers(rng: np.random.Generator) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Give (layer, weights by name) in the file's order, layers without weights included."""
    given = [("input_1", {}), ("batch_normalization_8", _spectrogram_statistics(rng))]
    before = 1
    # Numbered so that alphabetical order is not the file's: conv2d_10 sorts before conv2d_8.
    for number, filters in enumerate(FILTERS, start=8):
        given += [
            (f"conv2d_{number}", _convolution(rng, before, filters)),
            (f"batch_normalization_{number + 1}", _statistics(rng, filters)),
            (f"activation_{number}", {}),
        ]
        before = filters
    return [*given, ("audio_embedding_layer", _convolution(rng, before, 512))]


def _convolution(rng: np.random.Generator, before: int, filters: int) -> dict[str, np.ndarray]:
    kernel = rng.standard_normal((3, 3, before, filters), np.float32)
    # Centred: otherwise random ReLU layers map every sound to one direction.
    kernel -= kernel.mean(axis=(0, 1, 2))
    kernel *= np.float32(np.sqrt(2 / (9 * before)))
    return {"kernel": kernel, "bias": rng.normal(0, 0.2, filters).astype(np.float32)}


def _statistics(rng: np.random.Generator, channels: int) -> dict[str, np.ndarray]:
    drawn = {
        "gamma": rng.uniform(0.7, 1.5, channels),
        "beta": rng.normal(0, 0.2, channels),
        "moving_mean": rng.normal(0, 0.2, channels),
        "moving_variance": rng.uniform(0.5, 1.5, channels),
    }
    return {name: values.astype(np.float32) for name, values in drawn.items()}


def _spectrogram_statistics(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Statistics as levels in dB have them, so that the network hears all of their range."""
    statistics = _statistics(rng, 1)
    statistics["moving_mean"] += np.float32(-23.0)
    statistics["moving_variance"] *= np.float32(20.0)
    return statistics


def keras_h5(given: list[tuple[str, dict[str, np.ndarray]]]) -> bytes:
    """Give the bytes of a Keras weights file."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["layer_names"] = [layer.encode() for layer, _ in given]
        for layer, weights in given:
            group = file.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/{name}:0".encode() for name in weights]
            for name, values in weights.items():
                group.create_dataset(f"{layer}/{name}:0", data=values)
    return content.getvalue()


def write_file(path: Path, given: list[tuple[str, dict[str, np.ndarray]]]) -> None:
    """Write a packed Keras weights file."""
    path.write_bytes(gzip.compress(keras_h5(given), compresslevel=0))
