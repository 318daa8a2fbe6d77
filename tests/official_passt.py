"""Random weights in the format of PaSST's official file, at full size."""

from pathlib import Path

import numpy as np
from official_efficientat import write_class_names
from torch_writer import write_torch_zip

FILE = "passt-s-f128-p16-s10-ap.476-swa.pt"
WIDTH = 768


def arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The 159 tensors of the official file, in its order.

    The sum that runs through the blocks stays near 0.1, and so do the features: against larger
    numbers the epsilons of the norms would not show.
    """
    found = {
        "cls_token": normal(rng, 0.03, 1, 1, WIDTH),
        "dist_token": normal(rng, 0.03, 1, 1, WIDTH),
        "new_pos_embed": normal(rng, 0.02, 1, 2, WIDTH),
        "freq_new_pos_embed": normal(rng, 0.03, 1, WIDTH, 12, 1),
        "time_new_pos_embed": normal(rng, 0.03, 1, WIDTH, 1, 99),
        # Centred, so that patches differ by their shapes and not only by their loudness.
        "patch_embed.proj.weight": centred(normal(rng, 0.01, WIDTH, 1, 16, 16)),
        "patch_embed.proj.bias": normal(rng, 0.01, WIDTH),
    }
    for block in range(12):
        prefix = f"blocks.{block}"
        found |= norm(rng, f"{prefix}.norm1")
        # Queries and keys so large that attention tells tokens apart.
        found |= linear(rng, f"{prefix}.attn.qkv", 3 * WIDTH, WIDTH, gain=1.5)
        found |= linear(rng, f"{prefix}.attn.proj", WIDTH, WIDTH, gain=0.05)
        found |= norm(rng, f"{prefix}.norm2")
        found |= linear(rng, f"{prefix}.mlp.fc1", 4 * WIDTH, WIDTH)
        found |= linear(rng, f"{prefix}.mlp.fc2", WIDTH, 4 * WIDTH, gain=0.05)
    found |= norm(rng, "norm", gain=0.1) | norm(rng, "head.0")
    found |= linear(rng, "head.1", 527, WIDTH) | linear(rng, "head_dist", 527, WIDTH)
    return found


def normal(rng: np.random.Generator, scale: float, *shape: int) -> np.ndarray:
    values = rng.standard_normal(shape, dtype=np.float32)
    values *= np.float32(scale)
    return values


def centred(kernels: np.ndarray) -> np.ndarray:
    return kernels - kernels.mean(axis=(1, 2, 3), keepdims=True)


def linear(
    rng: np.random.Generator, name: str, after: int, before: int, gain: float = 1.0
) -> dict[str, np.ndarray]:
    return {
        f"{name}.weight": normal(rng, gain * before**-0.5, after, before),
        f"{name}.bias": normal(rng, 0.1 * gain, after),
    }


def norm(rng: np.random.Generator, name: str, gain: float = 1.0) -> dict[str, np.ndarray]:
    return {
        f"{name}.weight": (gain * rng.uniform(0.5, 1.5, WIDTH)).astype(np.float32),
        f"{name}.bias": normal(rng, 0.2 * gain, WIDTH),
    }


def write(folder: Path, rng: np.random.Generator) -> None:
    """Write the network, and the class names."""
    write_torch_zip(folder / FILE, arrays(rng))
    write_class_names(folder)
