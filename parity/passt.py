"""PaSST: hear21passt as its authors publish it, scene and timestamps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from parity.filling import fill_torch
from parity.reference import Answer, Reference
from parity.signals import Sound, pair, sound

if TYPE_CHECKING:
    import torch

RATE_HZ = 32000
FILE = "passt-s-f128-p16-s10-ap.476-swa.pt"
LOGITS = 527


def network(rng: np.random.Generator) -> torch.nn.Module:
    """Give the official transformer with random weights."""
    import torch
    from hear21passt.models.passt import passt_s_swa_p16_128_ap476

    net = passt_s_swa_p16_128_ap476(
        pretrained=False,
        num_classes=LOGITS,
        in_chans=1,
        img_size=(128, 998),
        stride=(10, 10),
        u_patchout=0,
        s_patchout_t=0,
        s_patchout_f=0,
    )
    fill_torch(net, rng)
    with torch.no_grad():
        for name, values in net.named_parameters():
            if name.endswith(("_token", "pos_embed")):
                values.copy_(torch.from_numpy(rng.normal(0, 0.3, values.shape)))
            elif name.endswith("qkv.weight"):
                values *= 1.5  # attention that looks somewhere
    return net.eval()


def wrapped(net: torch.nn.Module) -> torch.nn.Module:
    """Give the official wrapper, as `hear21passt.base` builds it."""
    from hear21passt.models.preprocess import AugmentMelSTFT
    from hear21passt.wrapper import PasstBasicWrapper

    mel = AugmentMelSTFT(
        n_mels=128, sr=RATE_HZ, win_length=800, hopsize=320, n_fft=1024, freqm=48, timem=192,
        htk=False, fmin=0.0, fmax=None, norm=1, fmin_aug_range=10, fmax_aug_range=2000,
    )  # fmt: skip
    return PasstBasicWrapper(mel=mel, net=net, mode="all").eval()


def answers(folder: Path, checkpoint: str, rng: np.random.Generator) -> Iterator[Answer]:
    """Write the official file, then embed scenes and timestamps."""
    import torch

    net = network(rng)
    torch.save(net.state_dict(), folder / FILE)
    model = wrapped(net)
    mels: list[torch.Tensor] = []
    model.mel.register_forward_hook(lambda part, x, y: mels.append(y.transpose(1, 2)))

    def both(words: tuple[str, str, Sound], rows: Sound, mel: Sound | None) -> Iterator[Answer]:
        yield Answer("full", *words, rows, mel)
        yield Answer("features", *words, rows[:, LOGITS:], mel)

    with torch.no_grad():
        for name, batch in TIMESTAMPS.items():
            mels.clear()
            vectors = model.get_timestamp_embeddings(torch.from_numpy(batch()))[0].numpy()
            for i, one in enumerate(batch()):
                patches = np.stack([mel[i].numpy() for mel in mels])
                yield from both((name, "window", one), vectors[i], patches)
        for name, batch in SCENES.items():
            mels.clear()
            vectors = model.get_scene_embeddings(torch.from_numpy(batch())).numpy()
            for i, one in enumerate(batch()):
                patches = mels[0][i : i + 1].numpy() if len(mels) == 1 else None
                yield from both((name, "recording", one), vectors[i : i + 1], patches)


Batch = Callable[[], Sound]
SCENES: dict[str, Batch] = {
    "sweep, shortest": lambda: sound("sweep", 4_801, RATE_HZ)[None],
    "bursts, odd": lambda: sound("bursts", 31_999, RATE_HZ)[None],
    "pair, 2 s": lambda: pair(64_000, RATE_HZ),
    "sweep, 10 s": lambda: sound("sweep", 320_000, RATE_HZ)[None],
    "bursts, 12.5 s in windows": lambda: sound("bursts", 400_001, RATE_HZ)[None],
}
TIMESTAMPS: dict[str, Batch] = {
    "sweep, shortest": lambda: sound("sweep", 2_561, RATE_HZ)[None],
    "bursts, odd": lambda: sound("bursts", 31_999, RATE_HZ)[None],
    "pair, 1 s": lambda: pair(32_000, RATE_HZ),
}

REFERENCE = Reference(
    model="passt",
    code="hear21passt",
    packages=("hear21passt",),
    rate_hz=RATE_HZ,
    checkpoints={"swa": ("full", "features")},
    limits={"recording": 3e-5, "window": 1e-4, "": 1e-4},
    feature_limit=2e-3,
    feature_unit="(ln + 4.5) / 5",
    answers=answers,
)
