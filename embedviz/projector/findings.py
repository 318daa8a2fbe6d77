"""What the validator has to say about a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that would go wrong in the projector, and what to do about it.

    An error keeps something from opening or shows wrong data; with a warning the bundle opens, but
    shows less than it holds.
    """

    level: Literal["error", "warning"]
    where: str
    message: str


class Notes:
    """Collects findings in the order they were made, each once."""

    def __init__(self) -> None:
        self._findings: dict[Finding, None] = {}

    def error(self, where: str, message: str) -> None:
        """Note what keeps the bundle from opening or from being shown right."""
        self._findings[Finding("error", where, message)] = None

    def warning(self, where: str, message: str) -> None:
        """Note what the projector shows less well than it could."""
        self._findings[Finding("warning", where, message)] = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, errors first."""
        return tuple(sorted(self._findings, key=lambda finding: finding.level))
