"""Windows of one recording joined by a line, through the projector's own column for that."""

from __future__ import annotations

import numpy as np
import pandas as pd

SEQUENCE = "__seq_next__"
"""The column whose numbers are rows: a line is drawn from each row to the one named there."""
LAST = -1
"""No row. An empty cell would do as well, but the projector cannot search a column that has one."""


def next_windows(table: pd.DataFrame) -> list[int]:
    """Give for each row the row of the next window of its recording, or -1.

    Only later rows are named. The projector follows the numbers without looking back, also among
    selected rows, where they mean others: one that led back would keep it busy for ever.
    """
    rows = pd.Series(np.arange(len(table)))
    recordings = pd.Series(table["recording"].to_numpy())
    order = np.argsort(table["start_s"].to_numpy(), kind="stable")
    following = rows.iloc[order].groupby(recordings.iloc[order], sort=False).shift(-1)
    found = following.sort_index().fillna(LAST).astype(int)
    return [int(row) for row in found.where(found > rows, LAST)]
