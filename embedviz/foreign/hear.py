"""Any importable HEAR 2021 module as a model: `hear:package.module`.

Importing a module runs its code; naming it is the user's decision to do so. Its functions are held
to HEAR's contract, first on a second of noise and then on every recording.

Rows of `per="window"` are its timestamp embeddings. HEAR states no length of a window, so a row
stands for half a hop on either side of its timestamp. `per="recording"` is its scene embedding.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import numpy as np

from embedviz.errors import ModelError
from embedviz.facts import Clip, Facts, Framing, WeightFile
from embedviz.foreign import hear_module, pictures
from embedviz.foreign.hear_calls import ForeignModule, broken
from embedviz.foreign.hear_listener import FRAME_S, HearListener
from embedviz.model import Model
from embedviz.weightfiles import Found, inspect

PROBES_S = (1.1, 4.0, 60.0)
"""Seconds of noise for the first check, until there are two timestamps to take the hop from."""
FRAMES = (16, 96)
"""The fewest and the most frames of a row's picture, else one every `FRAME_S`."""


def load(
    module_name: str,
    variant: str | None = None,
    precision: str = "float32",
    weights: str | Path | None = None,
) -> Model:
    """Load a HEAR module and check that it keeps HEAR's contract.

    Parameters
    ----------
    module_name
        Its name, for example `hear21passt.base`.
    variant
        Handed to its `load_model` as the keyword `variant`, if it takes one.
    precision
        `float32`, which HEAR prescribes.
    weights
        A file or folder, handed to its `load_model`; None for the module's own default.

    Raises
    ------
    ModelError
        If there is no such module, it fails, or it breaks HEAR's contract.
    """
    if precision != "float32":
        raise ModelError(
            f"{module_name} runs in float32, as HEAR prescribes, found {precision!r}; choose that."
        )
    options = {"variant": variant} if variant and variant != "default" else {}
    module = hear_module.load(module_name, str(weights or ""), options)
    hop_s, offset_s = _rhythm(module)
    chosen = variant or "default"
    facts = _facts(module, chosen, hop_s)
    return Model(
        facts=facts,
        variant=chosen,
        precision=precision,
        weights=_identity(module, Path(weights) if weights else None),
        listener=HearListener(facts, module, offset_s),
    )


def _rhythm(module: ForeignModule) -> tuple[float, float]:
    """Check the module on noise; give its hop and its first timestamp, in seconds."""
    rng = np.random.default_rng(0)
    for seconds in PROBES_S:
        noise = rng.uniform(-0.5, 0.5, (2, int(seconds * module.rate_hz))).astype(np.float32)
        _, times_s = module.timestamps(noise)
        if seconds == PROBES_S[0]:
            module.scenes(noise)
        if len(times_s) > 1:
            return float(times_s[-1] - times_s[0]) / (len(times_s) - 1), float(times_s[0])
    raise broken(
        module.name,
        f"it gives one timestamp for {PROBES_S[-1]:g} s of sound",
        "timestamps at regular spacing, best every 50 ms",
    )


def _facts(module: ForeignModule, variant: str, hop_s: float) -> Facts:
    return Facts(
        name=f"hear:{module.name}",
        title=module.name,
        group="General",
        hears=f"What the HEAR module {module.name} hears.",
        paper="that of the module's authors",
        licence="that of the module",
        home="https://hearbenchmark.com",
        rate_hz=module.rate_hz,
        framing=Framing(
            window_s=hop_s,
            window_samples=round(hop_s * module.rate_hz),
            hop_s=hop_s,
            tail="drop",
        ),
        clip=Clip(shortest_samples=1),
        fixed_hop=True,
        patch_frames=min(max(FRAMES[0], round(hop_s / FRAME_S)), FRAMES[1]),
        bands_hz=pictures.bands_hz(module.rate_hz),
        patch_range=pictures.RANGE_DB,
        patch_unit=pictures.UNIT,
        variants={variant: module.timestamp_size},
        notes="HEAR states no length of a window: a row stands for half a hop on either side of "
        "its timestamp. Pictures show the sound and not what the model looks at.",
    )


def _identity(module: ForeignModule, weights: Path | None) -> dict[str, Found]:
    """Give the files that tell one state of the module from another; none is a published one."""
    top = module.name.partition(".")[0]
    packages = importlib.metadata.packages_distributions().get(top, [])
    versions = [f" of {one} {importlib.metadata.version(one)}" for one in dict.fromkeys(packages)]
    files = {f"{module.name}{versions[0] if versions else ''}": module.module.__file__}
    if weights is not None and weights.is_dir():
        inside = sorted(path for path in weights.rglob("*") if path.is_file())
        files |= {path.relative_to(weights).as_posix(): str(path) for path in inside}
    elif weights is not None:
        files[weights.name] = str(weights)
    return {
        name: inspect(WeightFile(name=name, url="", checksum=None), Path(path))
        for name, path in files.items()
        if path is not None
    }
