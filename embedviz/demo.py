"""A labelled set of synthetic recordings, so that embedviz can be tried without any of one's own.

folder/clips/<class>/<class>-01.flac ...   8 classes x 12 clips of 2 to 4 s
folder/scene/scene.flac, scene.csv         two minutes of some of their sounds at known times
folder/demo.json                           written last: the set is complete
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from embedviz.atomic import written_whole
from embedviz.synthesis import BREEDS, KINDS, RATE_HZ, Samples, finish, noise, unit

VERSION = 1
"""Raise it when the sounds change, so that sets written before are written anew."""
CLIPS_PER_CLASS = 12
SCENE_S = 120
SCENE_CLIPS_PER_CLASS = 3
# 20 ms are a whole number of samples: lengths and times in the scene's table are exact.
GRAIN = RATE_HZ // 50


@dataclass(frozen=True)
class Demo:
    """Where the demo recordings lie."""

    clips: tuple[Path, ...]
    """96 files, sorted; the name of the folder around each is its label."""
    scene: Path


def write_demo(folder: Path, *, seed: int = 0) -> Demo:
    """Write the demo recordings under `folder`, or find them there.

    Parameters
    ----------
    folder
        Made if it is missing. A complete set of the same seed and version in it stays untouched.
    seed
        0 or more. The same seed gives the same bytes on one machine and version of NumPy.

    Returns
    -------
    Demo
        The paths of 96 mono FLAC clips (16 bit, 22,050 Hz, 2 to 4 s) and of the scene; the
        table beside the scene (`scene.csv`: `start_s`, `stop_s`, `label`) says what sounds when.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    demo = Demo(
        clips=tuple(sorted(_clip_path(folder, *clip) for clip in _catalogue())),
        scene=folder / "scene" / "scene.flac",
    )
    marker = folder / "demo.json"
    identity = json.dumps({"version": VERSION, "seed": seed})
    table = demo.scene.with_suffix(".csv")
    if _text(marker) == identity and all(p.is_file() for p in (*demo.clips, demo.scene, table)):
        return demo
    marker.unlink(missing_ok=True)
    for label, number in _catalogue():
        _replace(_clip_path(folder, label, number), _flac(_clip(seed, label, number)))
    scene, lines = _scene(seed)
    _replace(demo.scene, _flac(scene))
    _replace(table, "".join(f"{line}\n" for line in lines).encode())
    _replace(marker, identity.encode())
    return demo


def _catalogue() -> Iterator[tuple[str, int]]:
    return ((label, number) for label in KINDS for number in range(1, CLIPS_PER_CLASS + 1))


def _clip_path(folder: Path, label: str, number: int) -> Path:
    return folder / "clips" / label / f"{label}-{number:02d}.flac"


def _clip(seed: int, label: str, number: int) -> Samples:
    """Make one clip: its sound over a background of its own loudness and colour."""
    rng = np.random.default_rng([seed, list(KINDS).index(label), number, 1])
    sound = _sound(seed, label, number)
    high_hz, tilt_db = rng.uniform(6000, 10000), rng.uniform(3, 6)
    background = noise(rng, len(sound), low_hz=60, high_hz=high_hz, tilt_db=tilt_db)
    level = 10 ** (-rng.uniform(26, 42) / 20)
    return finish(sound + level * background, peak=rng.uniform(0.3, 0.9))


def _sound(seed: int, label: str, number: int) -> Samples:
    """Make the sound of one clip alone, RMS 1."""
    rng = np.random.default_rng([seed, list(KINDS).index(label), number])
    return unit(KINDS[label](rng, GRAIN * int(rng.integers(100, 201)), number % BREEDS))


def _scene(seed: int) -> tuple[Samples, list[str]]:
    """Lay clips of every class, one after the other, over two minutes of a quiet background."""
    rng = np.random.default_rng([seed, len(KINDS)])
    samples = SCENE_S * RATE_HZ
    wind = noise(rng, samples, low_hz=60, high_hz=9000, tilt_db=5)
    gusts = noise(rng, samples, low_hz=0.05, high_hz=0.4)
    scene = 0.004 * wind * np.clip(1 + 0.3 * gusts, 0.3, 2)
    chosen = [(label, n) for label in KINDS for n in range(1, SCENE_CLIPS_PER_CLASS + 1)]
    slot = samples // len(chosen)
    lines = ["start_s,stop_s,label"]
    for position, which in enumerate(rng.permutation(len(chosen))):
        label, number = chosen[which]
        clip = finish(_sound(seed, label, number), peak=rng.uniform(0.3, 0.8))
        start = position * slot + GRAIN * int(rng.integers(0, (slot - len(clip)) // GRAIN + 1))
        scene[start : start + len(clip)] += clip
        lines.append(f"{start / RATE_HZ:.2f},{(start + len(clip)) / RATE_HZ:.2f},{label}")
    return finish(scene, peak=0.8), lines


def _flac(sound: Samples) -> bytes:
    buffer = io.BytesIO()
    sf.write(buffer, sound, RATE_HZ, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step: it is there whole or not at all."""
    with written_whole(path) as file:
        file.write(content)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
