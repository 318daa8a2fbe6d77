"""How many windows a network hears at once: as many as are quick and as fit the memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from embedviz.errors import ModelError
from embedviz.facts import Facts, Framing

if TYPE_CHECKING:
    from embedviz.engine import Network

MEMORY_SHARE = 0.25
"""Of the memory that the process may use: so much may one batch take."""
GRAPHICS_CARD_TIMES = 4
"""A graphics card wants more windows at once than the processor, for which facts state them."""
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def batch_of(facts: Facts, framing: Framing, native: int) -> int:
    """Give the windows of `framing` that are about as long as `native` native windows."""
    return max(1, round(native * facts.window_s / framing.window_s))


def fitting_batch(network: Network, facts: Facts, framing: Framing, native: int) -> int:
    """Give how many windows of `framing` to hear at once on this machine.

    Parameters
    ----------
    network
        The graph for the native windows of `facts`; its steps tell what a window takes.
    native
        Native windows that are quick to hear at once on a processor.
    """
    from embedviz.engine import on_graphics_card

    wanted = batch_of(facts, framing, native)
    if on_graphics_card():
        wanted *= GRAPHICS_CARD_TIMES
    longer = framing.window_samples / facts.framing.window_samples
    window_bytes = max(1.0, network.window_bytes * longer)
    return max(1, min(wanted, int(MEMORY_SHARE * memory_bytes() / window_bytes)))


def memory_bytes() -> float:
    """Give the memory that the process may use: `EMBEDVIZ_MEMORY_GB`, or the machine's.

    It is what there is, not what happens to be free: the same machine always takes the same
    batches, and so gives the same bytes.

    Raises
    ------
    ModelError
        If `EMBEDVIZ_MEMORY_GB` is no positive number.
    """
    import psutil

    asked = os.environ.get("EMBEDVIZ_MEMORY_GB")
    if asked is not None:
        try:
            gigabytes = float(asked)
        except ValueError:
            gigabytes = 0.0
        if not gigabytes > 0:
            raise ModelError(
                f"Found EMBEDVIZ_MEMORY_GB={asked}; wanted the gigabytes that embedviz may use."
            )
        return gigabytes * 1e9
    there = float(psutil.virtual_memory().total)
    # A container may be given less than the machine has; the file then holds a number.
    limit = _CONTAINER_LIMIT.read_text().strip() if _CONTAINER_LIMIT.is_file() else ""
    return min(there, float(limit)) if limit.isdigit() else there
