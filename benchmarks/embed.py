"""What does everything around the network cost? End to end against the bare graph.

python benchmarks/embed.py [MINUTES]

One recording of noise, 44.1 kHz 16-bit WAV. The ways take turns in one run; the best of three
rounds counts. YAMNet runs on random weights, which are as fast as real ones.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile as sf

from embedviz import audio, models, windows
from embedviz.model import Model

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from official import write_official_weights

ROUNDS = 3


def end_to_end(model: Model, path: Path) -> int:
    """Decode, resample, cut and hear a recording; give the number of windows."""
    recording = audio.inspect(path)
    parts = model.hear(
        audio.blocks(recording, model.facts.rate_hz), duration_s=recording.duration_s
    )
    return sum(len(part) for part in parts)


def network_alone(model: Model, batches: list[np.ndarray]) -> int:
    """Hear windows that are cut already."""
    network = model.listener.network(model.facts.framing.window_samples)
    return sum(len(network(batch)["vectors"]) for batch in batches)


def seconds(work: Callable[[], int]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(model: Model, path: Path, minutes: float) -> None:
    """Print one model's line."""
    facts = model.facts
    cut = windows.cut(
        audio.blocks(audio.inspect(path), facts.rate_hz),
        facts.framing,
        hop=facts.hop_samples(),
        batch=model.batch,
    )
    batches = [batch.samples for batch in cut]
    ways = {
        "end to end": lambda: end_to_end(model, path),
        "graph alone": lambda: network_alone(model, batches),
    }
    network_alone(model, batches[:1])
    best = {name: np.inf for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            best[name] = min(best[name], seconds(work))
    whole, alone = best.values()
    print(
        f"{facts.name:8} end to end {minutes * 60 / whole:6.0f} x real time, "
        f"graph alone {minutes * 60 / alone:6.0f} x, ratio {alone / whole:.2f}"
    )


def main() -> None:
    """Measure the models that need little to be measured."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    with TemporaryDirectory() as work:
        path = Path(work) / "noise.wav"
        rng = np.random.default_rng(0)
        sf.write(path, rng.normal(0, 0.1, round(minutes * 60 * 44100)), 44100)
        write_official_weights("yamnet", Path(work) / "yamnet")
        measure(models.load_model("logmel"), path, minutes)
        measure(models.load_model("yamnet", weights=Path(work) / "yamnet"), path, minutes)


if __name__ == "__main__":
    main()
