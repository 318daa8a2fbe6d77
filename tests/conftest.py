"""Fixtures that every test may use: sounds, sets and the folder of real recordings."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import soundfile as sf

from embedviz import precision
from embedviz.__main__ import main
from embedviz.data import EmbeddingSet, Provenance, Source
from embedviz.ui.jobs import queue
from embedviz.ui.workspace import Workspace

SHARED = Path(os.environ.get("EMBEDVIZ_SHARED", Path(__file__).parents[2] / "shared"))


class Said(NamedTuple):
    """What a command wrote."""

    out: str
    err: str


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """No test reads or writes the user's own caches."""
    monkeypatch.setenv("EMBEDVIZ_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("EMBEDVIZ_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real weights and recordings."""
    if not SHARED.is_dir():
        message = f"no real recordings: {SHARED} is not a folder (set EMBEDVIZ_SHARED)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return SHARED


@pytest.fixture
def workspace() -> Workspace:
    """An empty workspace."""
    return Workspace.create()


@pytest.fixture
def clean_queue():
    """No job of this test is left for the next one."""
    yield
    queue().close()


@pytest.fixture
def emulated_bfloat16(monkeypatch):
    """Models load in bfloat16 although this machine may lack it; TensorFlow emulates it then."""
    capable = precision.Device("A Processor", "x86", frozenset({"avx512_bf16"}))
    monkeypatch.setattr(precision, "device", lambda: capable)


def tone(hz: float, seconds: float, rate_hz: int = 16000, level: float = 0.3) -> np.ndarray:
    """A sine, float32."""
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(
        np.float32
    )


@pytest.fixture
def write_wav(tmp_path) -> Callable[..., Path]:
    """Write samples, (n,) or (n, channels), to a file under the test's folder."""

    def write(name: str, samples: np.ndarray, rate_hz: int = 16000, **options) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, samples, rate_hz, **options)
        return path

    return write


@pytest.fixture
def embedviz_command(capsys) -> Callable[..., Said]:
    """Run a command in this process, and fail unless it exits with `status`."""

    def run(*arguments: object, status: int = 0) -> Said:
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert stopped.value.code == status, out + err
        assert "Traceback" not in err
        return Said(out, err)

    return run


@pytest.fixture
def make_set() -> Callable[..., EmbeddingSet]:
    """Build a set of `rows` windows in labelled clusters, four windows a recording."""

    def make(rows: int = 40, dims: int = 16, classes: int = 4, seed: int = 0) -> EmbeddingSet:
        rng = np.random.default_rng(seed)
        kinds = (np.arange(rows) // 4) % classes
        centres = rng.normal(size=(classes, dims)) * 4
        names = [f"clip{i // 4:03d}.wav" for i in range(rows)]
        table = pd.DataFrame(
            {
                "recording": names,
                "start_s": (np.arange(rows) % 4) * 0.48,
                "stop_s": (np.arange(rows) % 4) * 0.48 + 0.96,
                "label": [f"class {kind}" for kind in kinds],
                "padding_s": 0.0,
            }
        )
        provenance = Provenance(
            model="logmel",
            variant="default",
            weights={},
            verified=True,
            rate_hz=16000,
            window_s=0.96,
            hop_s=0.48,
            per="window",
            precision="float32",
            version="0.1.0",
            bands_hz=tuple(np.linspace(125, 7500, 64)),
            patch_range=(-5.0, 5.0),
            patch_unit="ln",
            recordings={name: Source(name, "0" * 64, 2.4, 16000, 1) for name in set(names)},
            label_columns=("label",),
        )
        return EmbeddingSet(
            table=table,
            vectors=(centres[kinds] + rng.normal(size=(rows, dims))).astype(np.float32),
            provenance=provenance,
            thumbnails=rng.integers(0, 256, (rows, 96, 64), dtype=np.uint8),
        )

    return make


def recorded(found, folder):
    """The set with its recordings in `folder`."""
    sources = {}
    for name in set(found.table["recording"]):
        sf.write(folder / name, tone(1000, 2.4), 16000)
        sources[name] = Source(str(folder / name), "0" * 64, 2.4, 16000, 1)
    return replace(found, provenance=replace(found.provenance, recordings=sources))
