"""The process of a reference: random official files and its answers.

python -m parity.asked REFERENCE CHECKPOINT SEED FOLDER [ANSWERS]
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import numpy as np

from parity import exchange
from parity.reference import reference


def main() -> None:
    """Ask one reference."""
    name, checkpoint, seed, place, *answers = sys.argv[1:]
    folder = Path(place)
    weights = folder / exchange.WEIGHTS
    weights.mkdir(parents=True)
    rng = np.random.default_rng(int(seed))
    all_of_them = reference(name).answers(weights, checkpoint, rng)
    # The files are there before the first answer.
    wanted = islice(all_of_them, int(answers[0])) if answers else all_of_them
    exchange.write(folder, "reference", wanted)


if __name__ == "__main__":
    main()
