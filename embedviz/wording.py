"""Counts, lists and numbered names, as people write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its word: `1 recording`, `2,400 points`, `2 classes`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def listed(names: Sequence[str]) -> str:
    """Give one or more names as `A`, `A and B`, `A, B and C`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def numbered(name: str, mark: str = "-") -> Iterator[str]:
    """Give `name`, `name-2`, `name-3` and so on, for who looks for one that is free."""
    return (name if number == 1 else f"{name}{mark}{number}" for number in count(1))
