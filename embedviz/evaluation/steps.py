"""How far a long piece of work is, when its parts count for themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from embedviz.errors import Cancelled, EmbedvizError
from embedviz.evaluation.results import Progress

Tell = Callable[[Progress], None]
Part = Callable[[int, int], None]
"""Told (done, total) of one step."""

_FINE = 100


@dataclass(frozen=True)
class Step:
    """Something to be done; `weight` says how long it takes beside the others."""

    doing: str
    """In the user's words."""
    weight: int
    run: Callable[[Part], None]


def optional(steps: Iterable[Step], left_out: str, notes: list[str]) -> list[Step]:
    """Let steps fail: a note that begins with `left_out` says why, and the others go on."""
    return [replace(step, run=partial(_try, step.run, left_out, notes)) for step in steps]


def _try(run: Callable[[Part], None], left_out: str, notes: list[str], tell: Part) -> None:
    try:
        run(tell)
    except Cancelled:
        raise
    except EmbedvizError as error:
        notes.append(f"{left_out}: {error}")


def run_all(steps: Iterable[Step], tell: Tell | None) -> None:
    """Do one step after the other, telling how far all of them are; raising from `tell` stops."""
    every = list(steps)
    said = tell or (lambda now: None)
    total, before = sum(step.weight for step in every) * _FINE, 0
    for step in every:

        def told(done: int, of: int, step: Step = step, before: int = before) -> None:
            share = done / of if of else 1.0
            said(Progress(before + round(share * step.weight * _FINE), total, step.doing))

        told(0, 1)
        step.run(told)
        before += step.weight * _FINE
    said(Progress(total, total, ""))
