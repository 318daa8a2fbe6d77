"""EfficientAT: the authors' front end as hear21passt ships it, and the network in PyTorch.

No registry carries the authors' network, so it is laid out from the facts, under the official
names. `efficientat_real` compares with what the official code gave on the real weights.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from parity.filling import calibrate_torch, fill_torch
from parity.reference import Answer, Reference
from parity.signals import KINDS, Sound, pair, sound

if TYPE_CHECKING:
    import torch

RATE_HZ = 32000
FILES = {"mn04": ("mn04_as_mAP_432.pt", 0.4), "mn10": ("mn10_as_mAP_471.pt", 1.0)}
# Kernel, stride, expanded, out, squeeze-and-excitation, hard swish; at width 1.
BLOCKS = (
    (3, 1, 16, 16, 0, 0), (3, 2, 64, 24, 0, 0), (3, 1, 72, 24, 0, 0), (5, 2, 72, 40, 1, 0),
    (5, 1, 120, 40, 1, 0), (5, 1, 120, 40, 1, 0), (3, 2, 240, 80, 0, 1), (3, 1, 200, 80, 0, 1),
    (3, 1, 184, 80, 0, 1), (3, 1, 184, 80, 0, 1), (3, 1, 480, 112, 1, 1), (3, 1, 672, 112, 1, 1),
    (5, 2, 672, 160, 1, 1), (5, 1, 960, 160, 1, 1), (5, 1, 960, 160, 1, 1),
)  # fmt: skip


def front_end() -> torch.nn.Module:
    """Give the authors' log-mel module; EfficientAT and PaSST share it."""
    from hear21passt.models.preprocess import AugmentMelSTFT

    return AugmentMelSTFT(
        n_mels=128, sr=RATE_HZ, win_length=800, hopsize=320, n_fft=1024, freqm=48, timem=192,
        htk=False, fmin=0.0, fmax=None, norm=1, fmin_aug_range=10, fmax_aug_range=2000,
    ).eval()  # fmt: skip


def rounded(channels: float) -> int:
    """Round to a multiple of eight that loses no more than a tenth."""
    near = max(8, 8 * int((channels + 4) / 8))
    return near + 8 if near < 0.9 * channels else near


def network(width: float) -> torch.nn.Module:
    """Give the network of one width under its official names."""
    from torch import nn

    def unit(
        before: int, after: int, k: int, stride: int, groups: int, *act: nn.Module
    ) -> nn.Module:
        edge = (k - 1) // 2
        convolution = nn.Conv2d(before, after, k, stride, edge, groups=groups, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(after, eps=1e-3), *act)

    class Squeeze(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            middle = rounded(channels // 4)
            branch = {"fc1": nn.Linear(channels, middle), "fc2": nn.Linear(middle, channels)}
            self.conc_se_layers = nn.ModuleList([nn.ModuleDict(branch)])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            branch = self.conc_se_layers[0]
            scale = branch["fc2"](branch["fc1"](x.mean(dim=(2, 3))).relu()).sigmoid()
            return x * scale[:, :, None, None]

    class Block(nn.Module):
        def __init__(self, before: int, spec: tuple[int, ...]) -> None:
            super().__init__()
            k, stride, expanded, after, squeezed, swish = spec
            act = nn.Hardswish() if swish else nn.ReLU()
            steps = [unit(before, expanded, 1, 1, 1, act)] if expanded != before else []
            steps.append(unit(expanded, expanded, k, stride, expanded, act))
            if squeezed:
                steps.append(Squeeze(expanded))
            self.block = nn.Sequential(*steps, unit(expanded, after, 1, 1, 1))
            self.residual = stride == 1 and before == after

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.block(x) if self.residual else self.block(x)

    before = rounded(16 * width)
    parts: list[nn.Module] = [unit(1, before, 3, 2, 1, nn.Hardswish())]
    for k, stride, expanded, after, squeezed, swish in BLOCKS:
        sizes = (k, stride, rounded(expanded * width), rounded(after * width), squeezed, swish)
        parts.append(Block(before, sizes))
        before = sizes[3]
    parts.append(unit(before, 6 * before, 1, 1, 1, nn.Hardswish()))
    hidden = rounded(1280 * width)
    head = {"2": nn.Linear(6 * before, hidden), "5": nn.Linear(hidden, 527)}
    net = nn.Module()
    net.features, net.classifier = nn.Sequential(*parts), nn.ModuleDict(OrderedDict(head))
    return net


def answers(folder: Path, checkpoint: str, rng: np.random.Generator) -> Iterator[Answer]:
    """Write the official file, then embed clips, alone and in batches."""
    import torch

    mel = front_end()
    file, width = FILES[checkpoint]
    net = network(width)
    fill_torch(net, rng)
    with torch.no_grad():
        some = mel(torch.from_numpy(np.stack([sound(k, 3 * RATE_HZ, RATE_HZ) for k in KINDS])))
    calibrate_torch(net.features, some[:, None].numpy(), rng)
    torch.save(net.state_dict(), folder / file)

    def asked(batch: Sound, name: str, per: str = "recording") -> Iterator[Answer]:
        with torch.no_grad():
            patches = mel(torch.from_numpy(batch))
            vectors = net.eval().features(patches[:, None]).mean(dim=(2, 3)).numpy()
        rows = patches.transpose(1, 2).numpy()
        for i, one in enumerate(batch):
            yield Answer(checkpoint, name, per, one, vectors[i : i + 1], rows[i : i + 1])

    yield from asked(sound("sweep", 514, RATE_HZ)[None], "sweep, shortest")
    yield from asked(sound("bursts", 31_999, RATE_HZ)[None], "bursts, odd")
    yield from asked(pair(64_000, RATE_HZ), "pair, whole frames")
    yield from asked(sound("sweep", 320_000, RATE_HZ)[None], "sweep, 10 s")
    yield from asked(sound("bursts", 500_001, RATE_HZ)[None], "bursts, 15 s")
    yield from asked(sound("clicks", 64_000, RATE_HZ)[None], "clicks, one stretch", "2")


REFERENCE = Reference(
    model="efficientat",
    code="hear21passt's front end; PyTorch network from the facts",
    packages=("hear21passt", "torch"),
    rate_hz=RATE_HZ,
    checkpoints={name: (name,) for name in FILES},
    limits={"": 1e-4},
    feature_limit=1e-3,
    feature_unit="(ln + 4.5) / 5",
    answers=answers,
)
