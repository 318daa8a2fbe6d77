"""One model measured in this process: end to end, its graph alone, its network alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from embedviz import audio, catalogue, models, precision
from embedviz.bench import random_weights
from embedviz.bench.bare import Bare
from embedviz.bench.measured import ROUNDS, Ask, Measured, Rounded, Setting, Weights
from embedviz.bench.pipeline import end_to_end
from embedviz.bench.sound import write_recording

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.data import FloatArray
    from embedviz.model import Model

PASS_S = 3.0
"""About so long one pass of one way takes, unless the sound's length is given."""
SHORTEST_S, LONGEST_S = 3.0, 1800.0
TRIED_WINDOWS = 8
COMPARED_WINDOWS = 32
LARGEST_BYTES = 2**29
"""Of all windows, side by side."""

Step = Callable[[str], None]
"""Is told in a few words what comes next, `STEPS` times; raising from it stops."""


def setting(ask: Ask) -> Setting:
    """Say what this process measures on."""
    import tensorflow as tf

    from embedviz import __version__

    found = precision.device()
    return Setting(
        processor=found.processor,
        cores=os.cpu_count() or 1,
        cards=tuple(card.name for card in found.cards),
        threads=tf.config.threading.get_intra_op_parallelism_threads(),
        precision=ask.precision,
        embedviz=__version__,
        tensorflow=tf.__version__,
    )


def measure(ask: Ask, folder: Path, step: Step) -> Measured:
    """Measure one model.

    Parameters
    ----------
    ask
        Which, and how; its `threads` are the process's business.
    folder
        An empty one, for sound, random weights and what the pipeline keeps.
    step
        See `Step`.

    Raises
    ------
    ModelError
        If the model does not offer the precision, or the device has none of it.
    """
    precision.require(ask.precision)
    step("loads")
    model, weights = _loaded(ask, folder)
    bare = _bare(model, ask.precision)
    step("tries a few windows")
    seconds = ask.seconds or _sensible_s(bare, model, folder)
    recording = audio.inspect(write_recording(folder / "sound.wav", seconds))
    windows = bare.cut(audio.blocks(recording, model.facts.rate_hz), batch=_batch(model))
    patches = [bare.heard(batch)[1] for batch in windows]
    best = _best(
        {
            "end to end": lambda: end_to_end(model, [recording], folder),
            "graph alone": lambda: [bare.heard(batch)[0] for batch in windows],
            "network alone": lambda: [bare.vectors(batch) for batch in patches],
        },
        step,
    )
    step("compares precisions")
    return Measured(
        model=ask.model,
        variant=model.variant,
        precision=ask.precision,
        weights=weights,
        heard_s=recording.duration_s,
        windows=sum(len(_rows(bare.vectors(batch))) for batch in patches),
        end_to_end_s=best["end to end"],
        graph_s=best["graph alone"],
        network_s=best["network alone"],
        rounded=_rounded(model, bare, windows),
    )


def _loaded(ask: Ask, folder: Path) -> tuple[Model, Weights]:
    """Load a model with its official weights, or with random ones where they are not here."""
    facts = models.facts(ask.model)
    variant = facts.default_variant
    if not facts.files or catalogue.ready(facts, variant):
        model = models.load_model(ask.model, variant, precision=ask.precision)
        if not facts.files:
            return model, "none"
        return model, "official" if model.verified else "unverified"
    written = random_weights.write(ask.model, variant, folder / "weights")
    model = models.load_model(ask.model, variant, weights=written, precision=ask.precision)
    return model, "random"


def _bare(model: Model, calculated_in: str) -> Bare:
    files = {name: found.path for name, found in model.weights.items()}
    return Bare(model.facts, files, model.variant, precision=calculated_in)


def _batch(model: Model) -> int:
    """Give how many windows the pipeline hears at once."""
    by_window = model.listener.by_window()
    if by_window is None:
        return model.batch
    return by_window.batch(model.facts.framing, model.batch)


def _sensible_s(bare: Bare, model: Model, folder: Path) -> float:
    """Give the seconds of sound that the graph hears in about `PASS_S`."""
    facts = model.facts
    tried_s = facts.window_s + (TRIED_WINDOWS - 1) * facts.hop_s
    path = write_recording(folder / "tried.wav", tried_s)
    windows = bare.cut(audio.blocks(path, facts.rate_hz), batch=TRIED_WINDOWS)
    bare.heard(windows[0])
    cost = min(_seconds(lambda: bare.heard(windows[0])) for _ in range(2)) / tried_s
    sample_bytes = 4 * facts.framing.window_samples / facts.hop_s
    most_s = min(LONGEST_S, LARGEST_BYTES / sample_bytes)
    return float(round(min(max(PASS_S / cost, tried_s, SHORTEST_S), most_s)))


def _best(ways: Mapping[str, Callable[[], object]], step: Step) -> dict[str, float]:
    """Give the seconds of each way's best round; they take turns, so that all meet one load."""
    best = dict.fromkeys(ways, float("inf"))
    for number in range(1, ROUNDS + 1):
        for name, work in ways.items():
            step(f"{name}, round {number} of {ROUNDS}")
            best[name] = min(best[name], _seconds(work))
    return best


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _rounded(model: Model, bare: Bare, windows: Sequence[tf.Tensor]) -> Rounded | None:
    """Compare the model's precision with the other one, on the same windows."""
    if "bfloat16" not in model.facts.precisions:
        return None
    other = _bare(model, "float32" if model.precision == "bfloat16" else "bfloat16")
    some = windows[0][:COMPARED_WINDOWS]
    cosines = _cosines(bare.heard(some)[0], other.heard(some)[0])
    return Rounded(
        windows=len(cosines),
        smallest_cosine=float(cosines.min()),
        mean_cosine=float(cosines.mean()),
        times_as_fast=times_as_fast(model.precision, bare, other, windows),
    )


def times_as_fast(
    measured: str, bare: Bare, other: Bare, windows: Sequence[tf.Tensor]
) -> float | None:
    """Give how many times faster bfloat16 is; None where the device would only emulate it.

    `bare` calculates in the precision `measured`, and `other` in the other one.
    """
    if precision.lacking(precision.device()) is not None:
        return None
    names = ("bfloat16", "float32") if measured == "bfloat16" else ("float32", "bfloat16")
    ways = {
        name: partial(lambda graph: [graph.heard(batch) for batch in windows], graph)
        for name, graph in zip(names, (bare, other), strict=True)
    }
    best = _best(ways, lambda _: None)
    return best["float32"] / best["bfloat16"]


def _rows(vectors: FloatArray) -> FloatArray:
    """Give the rows (N, D) of vectors (N, D), or of columns (1, N, D)."""
    return vectors.reshape(-1, vectors.shape[-1])


def _cosines(found: FloatArray, wanted: FloatArray) -> npt.NDArray[np.float64]:
    """Give the cosine of each pair of rows."""
    a, b = (_rows(vectors).astype(np.float64) for vectors in (found, wanted))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines: npt.NDArray[np.float64] = (a * b).sum(axis=1) / lengths
    return cosines
