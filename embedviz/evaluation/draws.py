"""The bootstrap: recordings or groups drawn with replacement, and how much a score varies by that.

B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7, 1979.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from embedviz.evaluation.scores import WideArray

DRAWS = 1000
_BLOCK_WEIGHTS = 1 << 22


def draws(groups: int, *, seed: int, count: int = DRAWS, units: int = 0) -> Iterator[WideArray]:
    """Draw so many groups with replacement, `count` times: weights (B, G) in blocks.

    Blocks are small enough for an array (B, `units`) as well; the draws are the same.
    """
    rng = np.random.default_rng(seed)
    block = max(1, min(count, _BLOCK_WEIGHTS // max(groups, units)))
    for start in range(0, count, block):
        rows = min(block, count - start)
        drawn = rng.integers(0, groups, (rows, groups)) + groups * np.arange(rows)[:, np.newaxis]
        weights = np.bincount(drawn.ravel(), minlength=rows * groups)
        yield weights.reshape(rows, groups).astype(np.float64)


def variance(
    score: Callable[[WideArray], WideArray], groups: int, seed: int, *, units: int = 0
) -> float:
    """Give the squared standard error of a score that takes weights (B, G)."""
    if groups < 2:
        return 0.0
    drawn = np.concatenate([score(weights) for weights in draws(groups, seed=seed, units=units)])
    return float(of_new_groups(drawn, groups))


def of_new_groups(drawn: WideArray, groups: int) -> WideArray:
    """Give the variance of what was drawn (B, ...), were other groups drawn; 0 of a single one."""
    # G groups drawn from G vary by (G - 1) / G of what G new ones would.
    return np.asarray(np.nanvar(drawn, axis=0) * groups / max(groups - 1, 1))
