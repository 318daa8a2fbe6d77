"""PANN: the authors' Cnn14 class of panns_inference with torchlibrosa's front end.

No registry carries the class Cnn14_emb512; it is Cnn14 with a first linear layer of 512, which
is how it is built here. The stored mel matrix is moved a little, so that only a loader that uses
it agrees.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from parity.filling import calibrate_torch, fill_torch
from parity.packages import bare
from parity.reference import Answer, Reference
from parity.signals import Sound, pair, sound

if TYPE_CHECKING:
    import torch

RATE_HZ = 32000
FILES = {
    "emb512": ("Cnn14_emb512_mAP=0.420.pth", 512),
    "cnn14": ("Cnn14_mAP=0.431.pth", 2048),
}


def network(checkpoint: str, rng: np.random.Generator) -> torch.nn.Module:
    """Give the official network with random weights, ready to listen."""
    import torch

    bare("panns_inference")  # its __init__ downloads a list of labels
    from panns_inference.models import Cnn14

    net = Cnn14(
        sample_rate=RATE_HZ,
        window_size=1024,
        hop_size=320,
        mel_bins=64,
        fmin=50,
        fmax=14000,
        classes_num=527,
    )
    size = FILES[checkpoint][1]
    net.fc1 = torch.nn.Linear(2048, size)
    net.fc_audioset = torch.nn.Linear(size, 527)
    fill_torch(net, rng)
    with torch.no_grad():
        matrix = net.logmel_extractor.melW
        matrix *= torch.from_numpy(rng.uniform(0.8, 1.25, matrix.shape).astype(np.float32))
    both = [sound(kind, 2 * RATE_HZ, RATE_HZ) for kind in ("sweep", "bursts", "chord", "clicks")]
    calibrate_torch(net, np.stack(both), rng)
    return net.eval()


def answers(folder: Path, checkpoint: str, rng: np.random.Generator) -> Iterator[Answer]:
    """Write the official file, then embed clips, alone and in batches."""
    import torch

    net = network(checkpoint, rng)
    torch.save({"iteration": 0, "model": net.state_dict()}, folder / FILES[checkpoint][0])
    features: list[torch.Tensor] = []
    net.logmel_extractor.register_forward_hook(lambda part, x, y: features.append(y[:, 0]))

    def asked(batch: Sound, name: str, per: str = "recording") -> Iterator[Answer]:
        with torch.no_grad():
            vectors = net(torch.from_numpy(batch))["embedding"].numpy()
        patches = features.pop().numpy()
        for i, one in enumerate(batch):
            yield Answer(checkpoint, name, per, one, vectors[i : i + 1], patches[i : i + 1])

    yield from asked(sound("sweep", 9920, RATE_HZ)[None], "sweep, shortest")
    yield from asked(sound("bursts", 31_999, RATE_HZ)[None], "bursts, odd")
    yield from asked(pair(64_000, RATE_HZ), "pair, whole frames")
    yield from asked(sound("sweep", 10 * RATE_HZ, RATE_HZ)[None], "sweep, 10 s")
    yield from asked(sound("chord", 1_000_123, RATE_HZ)[None], "chord, 31 s")
    # A stretch of two seconds is one clip of two seconds.
    long = sound("bursts", 4 * RATE_HZ, RATE_HZ)
    halves = list(asked(long.reshape(2, -1), "", "2"))
    yield Answer(
        checkpoint, "bursts, two stretches", "2", long,
        np.concatenate([half.vectors for half in halves]),
    )  # fmt: skip


REFERENCE = Reference(
    model="pann",
    code="the authors' Cnn14",
    packages=("panns_inference", "torchlibrosa"),
    rate_hz=RATE_HZ,
    checkpoints={name: (name,) for name in FILES},
    limits={"": 2e-5},
    feature_limit=1e-3,
    feature_unit="dB",
    answers=answers,
)
