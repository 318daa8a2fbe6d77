"""Random weights in the format of Kumar's official file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from official_pann import kernel, normalisation, random_patches
from torch_writer import write_torch_legacy

if TYPE_CHECKING:
    import tensorflow as tf

# Numbers of the layers and their channels; each list ends in a max-pool.
STAGES = (
    ((1, 16), (2, 16)), ((4, 32), (5, 32)), ((7, 64), (8, 64)), ((10, 128), (11, 128)),
    ((13, 256), (14, 256)), ((16, 512),),
)  # fmt: skip


def arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The 74 arrays by their names, without the prefix `module.` of the file."""
    import tensorflow as tf

    found = {}
    x = tf.constant(random_patches(rng, frames=128, bands=128)[..., np.newaxis])

    def layer(number: int, channels: int, size: int, padding: str) -> tf.Tensor:
        bias = rng.normal(0, 0.2, channels).astype(np.float32)
        found[f"layer{number}.0.weight"], raw = kernel(rng, x, channels, size=size, padding=padding)
        found[f"layer{number}.0.bias"] = bias
        normalised, statistics = normalisation(rng, raw + bias)
        # The file is older than this counter.
        del statistics["num_batches_tracked"]
        found.update({f"layer{number}.1.{name}": v for name, v in statistics.items()})
        return tf.nn.relu(normalised)

    for stage in STAGES:
        for number, channels in stage:
            x = layer(number, channels, size=3, padding="SAME")
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
    x = layer(18, 1024, size=2, padding="VALID")
    found["layer19.0.weight"], _ = kernel(rng, x, 527, size=1, padding="VALID")
    found["layer19.0.bias"] = rng.normal(0, 0.1, 527).astype(np.float32)
    return found


def write(folder: Path, rng: np.random.Generator) -> None:
    """Write the file as `DataParallel` in an early PyTorch under Python 2 left it."""
    state = {f"module.{name}": array for name, array in arrays(rng).items()}
    write_torch_legacy(folder / "mx-h64-1024_0d3-1.17.pkl", state, python2=True)
