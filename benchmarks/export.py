"""How long a bundle takes, beside the plain way of writing the same files.

`python benchmarks/export.py [--rows N] [--dims D]` writes N vectors with a sprite sheet twice: with
`write_bundle`, and with `np.savetxt` and one Pillow resize and paste per window. Then it writes ten
times as many vectors, with the memory that takes, and the sprite sheet of 16,384 windows.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from embedviz.data import EmbeddingSet, Provenance
from embedviz.projector.bundle import write_bundle
from embedviz.projector.tensors import write_tensors
from embedviz.projector.validate import validate_bundle
from embedviz.thumbnails import sprite_sheet


def some_set(rows: int, dims: int) -> EmbeddingSet:
    """Give windows with a rising or falling tone each, 96 frames of 64 bands."""
    rng = np.random.default_rng(0)
    frames, bands = np.arange(96)[:, None], np.arange(64)[None]
    thumbnails = rng.integers(0, 40, (rows, 96, 64), dtype=np.uint8)
    for thumbnail, (centre, slope) in zip(
        thumbnails, rng.uniform((10, -0.3), (54, 0.3), (rows, 2)), strict=True
    ):
        tone = np.exp(-(((bands - centre - slope * (frames - 48)) / 3) ** 2))
        thumbnail += (200 * tone).astype(np.uint8)
    table = pd.DataFrame(
        {
            "recording": [f"clip{row // 4:05d}.wav" for row in range(rows)],
            "start_s": np.arange(rows) % 4 * 0.48,
            "stop_s": np.arange(rows) % 4 * 0.48 + 0.96,
            "label": [f"class {row // 4 % 10}" for row in range(rows)],
        }
    )
    provenance = Provenance(
        model="benchmark",
        variant="default",
        weights={},
        verified=True,
        rate_hz=16000,
        window_s=0.96,
        hop_s=0.48,
        per="window",
        precision="float32",
        version="0",
        label_columns=("label",),
    )
    vectors = rng.normal(size=(rows, dims)).astype(np.float32)
    return EmbeddingSet(table, vectors, provenance, thumbnails)


def write_plainly(made: EmbeddingSet, folder: Path, cell_px: int) -> None:
    """Write what most scripts write: savetxt, to_csv, and a paste per picture."""
    folder.mkdir()
    write_vectors_plainly(made.vectors, folder)
    made.table.to_csv(folder / "metadata.tsv", sep="\t", index=False)
    write_sheet_plainly(made.thumbnails, folder, cell_px)


def write_vectors_plainly(vectors: np.ndarray, folder: Path) -> None:
    """Write vectors with NumPy."""
    np.savetxt(folder / "tensors.tsv", vectors, fmt="%.9g", delimiter="\t")
    vectors.tofile(folder / "tensors.bytes")


def write_sheet_plainly(thumbnails: np.ndarray, folder: Path, cell_px: int) -> None:
    """Write a sprite sheet with Pillow, window by window."""
    columns = 1 << math.isqrt(len(thumbnails) - 1).bit_length()
    sheet = Image.new("L", (columns * cell_px,) * 2, 255)
    for row, thumbnail in enumerate(thumbnails):
        upright = Image.fromarray(255 - np.ascontiguousarray(thumbnail.T[::-1]))
        cell = upright.resize((cell_px, cell_px), Image.Resampling.BOX)
        sheet.paste(cell, (row % columns * cell_px, row // columns * cell_px))
    sheet.save(folder / "sprite.png")


def seconds(work: Callable[[Path], object]) -> float:
    """Time one call with an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        work(Path(folder))
        return time.perf_counter() - start


def whole_bundles(rows: int, dims: int, rounds: int) -> None:
    """Print the best of some rounds for both ways, for a zip and for the validator."""
    made = some_set(rows, dims)
    cell_px = sprite_sheet(made.thumbnails).cell_px
    with tempfile.TemporaryDirectory() as kept:
        bundle = write_bundle({"benchmark": made}, Path(kept, "bundle"))
        ways = {
            "write_bundle, a folder": lambda work: write_bundle({"benchmark": made}, work / "b"),
            "np.savetxt and Pillow pastes": lambda work: write_plainly(made, work / "b", cell_px),
            "write_bundle, a zip": lambda work: write_bundle({"benchmark": made}, work / "b.zip"),
            "validate_bundle": lambda _: validate_bundle(bundle),
        }
        times = [[seconds(way) for way in ways.values()] for _ in range(rounds)]
    best = [min(taken) for taken in zip(*times, strict=True)]
    print(f"{rows:,} x {dims} with a sprite of {cell_px} px cells")
    for name, taken in zip(ways, best, strict=True):
        print(f"  {name:30} {taken:6.2f} s")
    print(f"  plain way / write_bundle       {best[1] / best[0]:6.1f} x")


def many_vectors(rows: int, dims: int) -> None:
    """Print the time and the memory beyond the vectors that text and bytes take."""
    vectors = np.random.default_rng(0).standard_normal((rows, dims), dtype=np.float32)
    tracemalloc.start()
    ours = seconds(lambda folder: write_tensors(vectors, folder, lambda _: None))
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    # The plain way takes minutes, and each row as long as any other.
    tenth = seconds(lambda folder: write_vectors_plainly(vectors[: rows // 10], folder))
    print(f"{rows:,} x {dims} as text and bytes")
    print(f"  write_tensors                  {ours:6.2f} s, {peak:.0f} MB beyond the vectors")
    print(f"  np.savetxt and tofile          {10 * tenth:6.2f} s, from a tenth of the rows")
    print(f"  plain way / write_tensors      {10 * tenth / ours:6.1f} x")


def large_sheet(windows: int, rounds: int) -> None:
    """Print the time of a sprite sheet, drawn and saved."""
    thumbnails = some_set(windows, 2).thumbnails
    cell_px = sprite_sheet(thumbnails).cell_px
    ways = {
        "sprite_sheet": lambda folder: sprite_sheet(thumbnails, cell_px=cell_px).image.save(
            folder / "sprite.png", compress_level=3
        ),
        "Pillow resizes and pastes": lambda folder: write_sheet_plainly(
            thumbnails, folder, cell_px
        ),
    }
    times = [[seconds(way) for way in ways.values()] for _ in range(rounds)]
    best = [min(taken) for taken in zip(*times, strict=True)]
    print(f"A sprite sheet of {windows:,} windows, cells of {cell_px} px")
    for name, taken in zip(ways, best, strict=True):
        print(f"  {name:30} {taken:6.2f} s")
    print(f"  plain way / sprite_sheet       {best[1] / best[0]:6.1f} x")


def main() -> None:
    """Print all three comparisons."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=10_000)
    options.add_argument("--dims", type=int, default=1024)
    options.add_argument("--rounds", type=int, default=3, help="all ways take turns in each")
    asked = options.parse_args()
    whole_bundles(asked.rows, asked.dims, asked.rounds)
    many_vectors(10 * asked.rows, asked.dims)
    large_sheet(16_384, asked.rounds)


if __name__ == "__main__":
    main()
