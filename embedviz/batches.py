"""How many windows a network hears at once: as many as are quick and as fit the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedviz.facts import Facts, Framing

if TYPE_CHECKING:
    from embedviz.engine import Network

MEMORY_SHARE = 0.25
"""Of the machine's memory: so much may one batch take."""
GRAPHICS_CARD_TIMES = 4
"""A graphics card wants more windows at once than the processor, for which facts state them."""


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
    import psutil

    from embedviz.engine import on_graphics_card

    wanted = batch_of(facts, framing, native)
    if on_graphics_card():
        wanted *= GRAPHICS_CARD_TIMES
    longer = framing.window_samples / facts.framing.window_samples
    window_bytes = max(1.0, network.window_bytes * longer)
    # The memory there is, not what happens to be free: the same machine takes the same batches.
    fitting = int(MEMORY_SHARE * psutil.virtual_memory().total / window_bytes)
    return max(1, min(wanted, fitting))
