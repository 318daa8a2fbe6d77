"""Random weights in the format of EfficientAT's official files, at full size.

And the front end that it shares with PaSST, by hand.
"""

from pathlib import Path

import numpy as np
from torch_writer import write_torch_zip

FILES = {"mn04": "mn04_as_mAP_432.pt", "mn10": "mn10_as_mAP_471.pt", "mn40": "mn40_as_mAP_484.pt"}

# Channels of the official files, read off their tensors: the first convolution and the hidden
# layer; then per block kernel, expanded and outgoing channels, and those between the two layers of
# squeeze and excitation.
KERNELS = (3, 3, 3, 5, 5, 5, 3, 3, 3, 3, 3, 3, 5, 5, 5)
EXPANDED = {
    "mn04": (8, 24, 32, 32, 48, 48, 96, 80, 72, 72, 192, 272, 272, 384, 384),
    "mn10": (16, 64, 72, 72, 120, 120, 240, 200, 184, 184, 480, 672, 672, 960, 960),
}
OUT = {
    "mn04": (8, 16, 16, 16, 16, 16, 32, 32, 32, 32, 48, 48, 64, 64, 64),
    "mn10": (16, 24, 24, 40, 40, 40, 80, 80, 80, 80, 112, 112, 160, 160, 160),
}
SQUEEZED = {
    "mn04": (0, 0, 0, 8, 16, 16, 0, 0, 0, 0, 48, 72, 72, 96, 96),
    "mn10": (0, 0, 0, 24, 32, 32, 0, 0, 0, 0, 120, 168, 168, 240, 240),
}
HIDDEN = {"mn04": 512, "mn10": 1280, "mn40": 5120}
# Every count of mn40 is four times that of mn10, but for squeeze and excitation.
EXPANDED["mn40"] = tuple(4 * channels for channels in EXPANDED["mn10"])
OUT["mn40"] = tuple(4 * channels for channels in OUT["mn10"])
SQUEEZED["mn40"] = tuple(
    channels if squeezed else 0
    for channels, squeezed in zip(EXPANDED["mn10"], SQUEEZED["mn10"], strict=True)
)


def arrays(rng: np.random.Generator, variant: str) -> dict[str, np.ndarray]:
    """The tensors of an official file, in its order."""
    before = OUT[variant][0]
    found = convolution(rng, "features.0", (before, 1, 3, 3))
    shapes = zip(KERNELS, EXPANDED[variant], OUT[variant], SQUEEZED[variant], strict=True)
    for number, (kernel, expanded, out, squeezed) in enumerate(shapes, start=1):
        prefix = f"features.{number}.block"
        layers = iter(range(4))
        if expanded != before:
            found |= convolution(rng, f"{prefix}.{next(layers)}", (expanded, before, 1, 1))
        found |= convolution(rng, f"{prefix}.{next(layers)}", (expanded, 1, kernel, kernel))
        if squeezed:
            squeeze = f"{prefix}.{next(layers)}.conc_se_layers.0"
            found |= linear(rng, f"{squeeze}.fc1", squeezed, expanded)
            found |= linear(rng, f"{squeeze}.fc2", expanded, squeezed, gain=2.0)
        # Weaker, because no activation follows: otherwise the sum grows from block to block.
        found |= convolution(rng, f"{prefix}.{next(layers)}", (out, expanded, 1, 1), gain=0.7)
        before = out
    found |= convolution(rng, "features.16", (6 * before, before, 1, 1))
    found |= linear(rng, "classifier.2", HIDDEN[variant], 6 * before)
    return found | linear(rng, "classifier.5", 527, HIDDEN[variant])


def convolution(
    rng: np.random.Generator, name: str, shape: tuple[int, ...], gain: float = 1.0
) -> dict[str, np.ndarray]:
    """A kernel (out, in, height, width) of He's scale with its batch normalisation."""
    kernel = rng.standard_normal(shape, dtype=np.float32)
    if shape[1] > 1:  # centred: otherwise random ReLU layers map every sound to one direction
        kernel -= kernel.mean(axis=(1, 2, 3), keepdims=True)
    kernel *= np.float32(gain * np.sqrt(2 / np.prod(shape[1:])))
    channels = shape[0]
    return {
        f"{name}.0.weight": kernel,
        f"{name}.1.weight": rng.uniform(0.5, 1.5, channels).astype(np.float32),
        f"{name}.1.bias": rng.normal(0, 0.3, channels).astype(np.float32),
        f"{name}.1.running_mean": rng.normal(0, 0.2, channels).astype(np.float32),
        f"{name}.1.running_var": rng.uniform(0.5, 1.5, channels).astype(np.float32),
        f"{name}.1.num_batches_tracked": np.array(1_000_000),
    }


def linear(
    rng: np.random.Generator, name: str, after: int, before: int, gain: float = 1.0
) -> dict[str, np.ndarray]:
    weight = rng.standard_normal((after, before), dtype=np.float32)
    weight *= np.float32(gain * before**-0.5)
    return {
        f"{name}.weight": weight,
        f"{name}.bias": rng.normal(0, 0.2, after).astype(np.float32),
    }


def write(folder: Path, rng: np.random.Generator) -> None:
    """Write all three networks, and the class names."""
    for variant, name in FILES.items():
        write_torch_zip(folder / name, arrays(rng, variant))
    write_class_names(folder)


def write_class_names(folder: Path) -> None:
    with (folder / "class_labels_indices.csv").open("w", encoding="utf-8") as file:
        file.write("index,mid,display_name\n")
        file.writelines(f'{i},/m/{i:05d},"Class, number {i}"\n' for i in range(527))


def log_mel(samples: np.ndarray) -> np.ndarray:
    """The normalised log-mel (T, 128) of sound at 32 kHz, in float64 NumPy, step by step."""
    samples = samples.astype(np.float64)
    emphasised = np.pad(samples[1:] - 0.97 * samples[:-1], 512, mode="reflect")
    window = np.zeros(1024)
    window[112:912] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 799)
    frames = np.lib.stride_tricks.sliding_window_view(emphasised, 1024)[::320]
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    step = 1127 * np.log(1 + 15000 / 700) / 129
    place = 1127 * np.log(1 + np.arange(512) * 31.25 / 700) / step
    # Band b rises from place b to b + 1 and falls to b + 2; the bin at 16 kHz belongs to none.
    triangles = np.maximum(0, 1 - np.abs(place[:, np.newaxis] - 1 - np.arange(128)))
    return (np.log(power[:, :512] @ triangles + 1e-5) + 4.5) / 5
