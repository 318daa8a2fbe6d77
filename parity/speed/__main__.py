"""Compare every case and print its ratio beside the target.

Each side has a process of its own. They take turns round by round, so that a busy machine slows
both; the best round of each counts. A ratio below its target fails nothing.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile as sf

from parity.packages import versions
from parity.reference import reference
from parity.signals import KINDS, sound
from parity.speed.cases import CASES, Case
from parity.speed.sides import SOUNDS, Side

RATE_HZ = 44100


def write_sounds(case: Case, folder: Path) -> None:
    """Write the case's files: 44.1 kHz, 16 bits, mono."""
    folder.mkdir()
    for number in range(case.files):
        samples = round(case.file_s * RATE_HZ)
        wave = sound(KINDS[number % len(KINDS)], samples, RATE_HZ)
        sf.write(folder / f"{number:03}.wav", wave, RATE_HZ, "PCM_16")


def compare(number: int, threads: int, rounds: int) -> None:
    """Print one case's line."""
    case = CASES[number]
    with TemporaryDirectory(prefix="parity-") as work:
        folder = Path(work)
        write_sounds(case, folder / SOUNDS)
        # One after the other: the official side writes the weights.
        sides = [Side(side, number, folder, threads) for side in ("official", "ours")]
        took = np.array([[side.round() for side in sides] for _ in range(rounds)])
        for side in sides:
            side.close()
    seconds, processor_s = took.min(axis=0).T
    pairs = took[:, 0, 0] / took[:, 1, 0]
    print(
        f"{case.name}, {case.words}: official {case.heard_s / seconds[0]:.1f} x real time, ours "
        f"{case.heard_s / seconds[1]:.1f} x, ratio {seconds[0] / seconds[1]:.2f}, wanted "
        f"{case.target:g} (rounds {pairs.min():.2f} to {pairs.max():.2f}, processor time "
        f"{processor_s[0] / processor_s[1]:.2f}; "
        f"{versions(reference(case.model).packages)})",
        flush=True,
    )


def obstacle(case: Case) -> str | None:
    """Say why a case cannot be measured on this machine; None if it can."""
    if case.precision == "float32":
        return None
    from embedviz import precision

    return precision.lacking(precision.device())


def main() -> None:
    """Compare all cases, or those of some models."""
    parser = argparse.ArgumentParser(prog="parity.speed", description=__doc__.splitlines()[0])
    names = sorted({case.model for case in CASES})
    parser.add_argument("--only", action="append", choices=names, help="only this model")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"From 44.1 kHz WAV files to embeddings, {options.threads} threads on either side.")
    for number, case in enumerate(CASES):
        if options.only and case.model not in options.only:
            continue
        reason = obstacle(case)
        if reason is not None:
            print(f"{case.name}, {case.words}: not measured, wanted {case.target:g}: {reason}.")
            continue
        compare(number, options.threads, options.rounds)


if __name__ == "__main__":
    main()
