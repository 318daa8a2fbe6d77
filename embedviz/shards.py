"""Recordings in shares of about an hour: what one worker takes on, and what one part file holds.

The same list always gives the same shares. Recordings share batches of the network only within a
shard, so its vectors are the same bytes whether it is heard alone or as part of a longer run.
"""

from __future__ import annotations

from collections.abc import Sequence

from embedviz.data import Recording

SHARD_S = 3600.0


def shards(recordings: Sequence[Recording]) -> list[tuple[Recording, ...]]:
    """Give consecutive recordings in groups, each closed as soon as it lasts `SHARD_S` or more."""
    found: list[tuple[Recording, ...]] = []
    first, seconds = 0, 0.0
    for number, recording in enumerate(recordings, start=1):
        seconds += recording.duration_s
        if seconds >= SHARD_S or number == len(recordings):
            found.append(tuple(recordings[first:number]))
            first, seconds = number, 0.0
    return found
