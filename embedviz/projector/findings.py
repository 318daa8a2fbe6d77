"""What the validator has to say about a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]

_RANKS: dict[Level, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Finding:
    """One thing about a bundle, and what to do about it.

    An error keeps something from opening or shows wrong data; with a warning the bundle opens, but
    shows less than it holds. A note is what its writer changed so that everything opens.
    """

    level: Level
    where: str
    message: str


@dataclass(frozen=True)
class Report:
    """What was found in a bundle."""

    findings: tuple[Finding, ...]
    """Errors first, then warnings, then notes."""
    summary: str
    """One sentence: what is there and whether it will open."""

    @property
    def ok(self) -> bool:
        """Whether there are no errors; warnings and notes may remain."""
        return not any(finding.level == "error" for finding in self.findings)


class Notes:
    """Collects findings in the order they were made, each once."""

    def __init__(self) -> None:
        self._findings: dict[Finding, None] = {}

    def error(self, where: str, message: str) -> None:
        """Note what keeps the bundle from opening or from being shown right."""
        self._add("error", where, message)

    def warning(self, where: str, message: str) -> None:
        """Note what the projector shows less well than it could."""
        self._add("warning", where, message)

    def note(self, where: str, message: str) -> None:
        """Note what the bundle shows otherwise than the set it was made from."""
        self._add("note", where, message)

    def _add(self, level: Level, where: str, message: str) -> None:
        self._findings[Finding(level, _printable(where), _printable(message))] = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings: errors, then warnings, then notes."""
        return tuple(sorted(self._findings, key=lambda finding: _RANKS[finding.level]))


def _printable(text: str) -> str:
    # A bundle of somebody else's could bring what a terminal takes for commands.
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
