"""How far apart windows may lie, and for how much sound a row may stand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from embedviz.errors import ModelError
from embedviz.facts import Facts

if TYPE_CHECKING:
    from embedviz.model import Per

LONGEST_S = 86_400.0
"""A day, of hops and stretches; far beyond it a number of samples is infinite."""
SHORTEST_STRETCH_S = 0.05


def checked_hop(facts: Facts, per: Per, hop_s: float | None) -> float:
    """Give the seconds from one window to the next.

    Parameters
    ----------
    facts
        Of the model's variant.
    per
        What a row stands for.
    hop_s
        As asked; None takes the model's own.

    Raises
    ------
    ModelError
        If the model cannot hear so; the sentence says what it can.
    """
    if isinstance(per, str):
        if per not in ("window", "recording"):
            raise ModelError(
                f"Found per={per!r}; wanted 'window', 'recording' or a number of seconds."
            )
    else:
        _check_stretch(facts, per)
    if hop_s is None:
        # A stretch shorter than the native hop still needs a window of its own.
        return facts.hop_s if isinstance(per, str) else min(facts.hop_s, per)
    hop = float(hop_s)
    if not (math.isfinite(hop) and hop * facts.rate_hz >= 1):
        raise ModelError(f"The hop {hop:g} s is too short; wanted a positive number of seconds.")
    if hop > LONGEST_S:
        raise ModelError(
            f"The hop {hop:g} s is too long; wanted at most a day, {LONGEST_S:,.0f} s."
        )
    if facts.fixed_hop and abs(hop - facts.hop_s) > 1e-6:
        raise ModelError(
            f"{facts.title} itself sets its rows {facts.hop_s:.3g} s apart; leave the hop out."
        )
    if not isinstance(per, str) and (facts.any_window or per < hop):
        raise ModelError(
            f"{facts.title} hears a stretch of {per:g} s as one window; leave the hop out."
            if facts.any_window
            else f"One row per {per:g} s is finer than the hop of {hop:g} s; "
            "choose at least the hop, or per='window'."
        )
    return hop


def _check_stretch(facts: Facts, seconds: float) -> None:
    shortest = SHORTEST_STRETCH_S
    if facts.any_window and facts.clip is not None:
        shortest = max(shortest, facts.clip.shortest_samples / facts.rate_hz)
    if seconds > LONGEST_S:
        raise ModelError(
            f"One row per {seconds:g} s is too long a stretch; wanted at most a day, "
            f"{LONGEST_S:,.0f} s, or per='recording'."
        )
    if not seconds >= shortest:
        raise ModelError(
            f"One row per {seconds:g} s is too fine for {facts.title}; "
            f"choose at least {shortest:.3g} s, or per='window'."
        )
