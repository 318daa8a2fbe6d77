"""Kumar's network: librosa's features as its author calls them, and the network in PyTorch.

No registry carries the author's code and no licence allows to ship it, so the network is laid
out from the facts, under the official names, and written as PyTorch 0.4 did.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from parity.filling import calibrate_torch, fill_torch
from parity.reference import Answer, Reference
from parity.signals import KINDS, Sound, sound

if TYPE_CHECKING:
    import torch

RATE_HZ = 44100
# Number of the layer -> channels in and out; a max-pool stands at the numbers between.
LAYERS = {
    1: (1, 16), 2: (16, 16), 4: (16, 32), 5: (32, 32), 7: (32, 64), 8: (64, 64),
    10: (64, 128), 11: (128, 128), 13: (128, 256), 14: (256, 256), 16: (256, 512),
}  # fmt: skip
POOLS = (3, 6, 9, 12, 15, 17)
# 512 samples a frame, 64 frames a row.
LENGTHS = {
    "shorter than a segment": 20_000,
    "one segment": 127 * 512,
    "odd": 150_001,
    "whole segments": 255 * 512,
}


def network(rng: np.random.Generator) -> torch.nn.Module:
    """Give layers 1 to 18 under their official names, with random weights."""
    from torch import nn

    def layer(before: int, after: int, size: int, padding: int) -> nn.Module:
        convolution = nn.Conv2d(before, after, size, padding=padding)
        return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())

    layers: dict[int, nn.Module] = {number: nn.MaxPool2d(2) for number in POOLS}
    layers |= {number: layer(*channels, 3, 1) for number, channels in LAYERS.items()}
    layers[18] = layer(512, 1024, 2, 0)
    net = nn.Sequential(OrderedDict((f"layer{n}", layers[n]) for n in sorted(layers)))
    fill_torch(net, rng)
    some = np.stack([features(sound(kind, 255 * 512, RATE_HZ)) for kind in KINDS])
    calibrate_torch(net, some[:, None], rng)
    return net.eval()


def features(samples: Sound) -> npt.NDArray[np.float32]:
    """Give dB frames (T, 128), T at least 128, as the author's script computes them."""
    import librosa

    power = librosa.feature.melspectrogram(
        y=samples, sr=RATE_HZ, n_fft=1024, hop_length=512, n_mels=128, pad_mode="reflect"
    )
    frames = librosa.power_to_db(power).T
    missing = max(0, 128 - len(frames))
    return np.pad(frames, ((0, missing), (0, 0))).astype(np.float32)


def write(path: Path, net: torch.nn.Module, rng: np.random.Generator) -> None:
    """Write the official file: names of a DataParallel network, no counters, not a zip."""
    import torch

    tensors = OrderedDict(
        (f"module.{name}", tensor)
        for name, tensor in net.state_dict().items()
        if not name.endswith("num_batches_tracked")
    )
    scores = torch.nn.Conv2d(1024, 527, 1)
    fill_torch(scores, rng)
    for name, tensor in scores.state_dict().items():
        tensors[f"module.layer19.0.{name}"] = tensor
    torch.save(tensors, path, _use_new_zipfile_serialization=False)


def answers(folder: Path, checkpoint: str, rng: np.random.Generator) -> Iterator[Answer]:
    """Write the official file, then embed whole recordings and segments."""
    import torch

    net = network(rng)
    write(folder / "mx-h64-1024_0d3-1.17.pkl", net, rng)
    for kind, (name, length) in zip(KINDS, LENGTHS.items(), strict=True):
        samples = sound(kind, length, RATE_HZ)
        frames = features(samples)
        with torch.no_grad():
            columns = net(torch.from_numpy(frames)[None, None])[0, :, :, 0].T.numpy()
        words = f"{kind}, {name}"
        whole = columns.mean(axis=0, keepdims=True)
        yield Answer("default", words, "recording", samples, whole, frames[None])
        segments = np.stack([frames[64 * i : 64 * i + 128] for i in range(len(columns))])
        yield Answer("default", words, "window", samples, columns, segments)


REFERENCE = Reference(
    model="kumar",
    code="librosa's features; PyTorch network from the facts",
    packages=("librosa", "torch"),
    rate_hz=RATE_HZ,
    checkpoints={"official": ("default",)},
    limits={"": 2e-5},
    feature_limit=1e-3,
    feature_unit="dB",
    answers=answers,
)
