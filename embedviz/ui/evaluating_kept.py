"""The evaluations of a workspace: the report of each, its numbers, and what was asked.

evaluations/<number>/asked.json              the question, see `Asked`
evaluations/<number>/evaluation-<label>.html the report; JSON and CSV beside it
evaluations/<number>/<set>.parquet           a set with labels that were set on the map
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from embedviz.errors import EmbedvizError
from embedviz.ui.workspace import Workspace

ASKED = "asked.json"
MOST_KEPT = 20
LONGEST_STEM = 40


@dataclass(frozen=True)
class Asked:
    """What was chosen on the page; as in `embedviz.evaluation.evaluate.evaluate`."""

    names: tuple[str, ...]
    """Of sets in the workspace."""
    label: str
    group: str | None = None
    folds: str | None = None
    pooling: str | None = None
    parts: tuple[str, ...] = ()
    components: int | None = None
    neighbours: int | None = None
    seed: int = 0

    @property
    def title(self) -> str:
        """What the job does; two of the same title do the same."""
        said = f"Evaluating {self.label} of {', '.join(self.names)}"
        settings = [
            f"{what} {value}"
            for what, value in (
                ("groups", self.group),
                ("folds", self.folds),
                ("pooling", self.pooling),
                ("components", self.components),
                ("neighbours", self.neighbours),
                ("seed", self.seed or None),
                ("with", ", ".join(self.parts) or None),
            )
            if value is not None
        ]
        return "; ".join([said, *settings])


@dataclass(frozen=True)
class Kept:
    """A finished evaluation."""

    folder: Path
    asked: Asked
    titles: Mapping[str, str]
    """Title of a model -> name of its set in the workspace."""
    states: Mapping[str, str]
    """Name of a set -> its state when it was evaluated."""

    @property
    def number(self) -> int:
        """Grows with every evaluation of the workspace."""
        return int(self.folder.name)

    @property
    def page(self) -> Path:
        """The report."""
        return self.folder / f"{stem_of(self.asked)}.html"

    @property
    def numbers(self) -> Path:
        """The JSON of the report."""
        return self.page.with_suffix(".json")

    @property
    def files(self) -> list[Path]:
        """All that can be downloaded: the report, then its numbers."""
        tables = sorted(self.folder.glob(f"{stem_of(self.asked)}-*.csv"))
        return [self.page, self.numbers, *tables]

    def changed(self, workspace: Workspace) -> list[str]:
        """Name the sets that are gone or not what they were."""
        return [name for name, state in self.states.items() if _state(workspace, name) != state]

    def set_file(self, workspace: Workspace, name: str) -> Path:
        """Give the file of a set as it was evaluated."""
        own = self.folder / f"{name}.parquet"
        return own if own.is_file() else workspace.set_path(name)


def stem_of(asked: Asked) -> str:
    """Give what the files of an evaluation are called.

    >>> stem_of(Asked(("night",), "call type"))
    'evaluation-call-type'
    """
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", asked.label)[:LONGEST_STEM].strip("-._")
    return f"evaluation-{plain}" if plain else "evaluation"


def kept(workspace: Workspace) -> list[Kept]:
    """Give the evaluations of a workspace, newest first."""
    found = [_opened(folder) for folder in _folders(workspace)]
    return [one for one in reversed(found) if one is not None]


def begin(workspace: Workspace) -> Path:
    """Make an empty folder for an evaluation that is under way."""
    folder = workspace.folder / "evaluations" / "making"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def keep(
    workspace: Workspace,
    making: Path,
    asked: Asked,
    *,
    titles: Mapping[str, str],
    states: Mapping[str, str],
) -> Kept:
    """Keep what lies in `making`; it appears whole, and the oldest beyond `MOST_KEPT` go."""
    known = {"asked": asdict(asked), "titles": dict(titles), "states": dict(states)}
    (making / ASKED).write_text(json.dumps(known), encoding="utf-8")
    before = _folders(workspace)
    number = int(before[-1].name) + 1 if before else 1
    folder = making.replace(making.with_name(str(number)))
    for old in before[: max(len(before) + 1 - MOST_KEPT, 0)]:
        shutil.rmtree(old, ignore_errors=True)
    return Kept(folder, asked, titles, states)


def _folders(workspace: Workspace) -> list[Path]:
    parent = workspace.folder / "evaluations"
    if not parent.is_dir():
        return []
    found = [one for one in parent.iterdir() if one.name.isdecimal()]
    return sorted(found, key=lambda one: int(one.name))


def _opened(folder: Path) -> Kept | None:
    """Give what lies in a folder; None where it cannot be read."""
    try:
        known = json.loads((folder / ASKED).read_text(encoding="utf-8"))
        asked = dict(known["asked"])
        asked |= {name: tuple(asked[name]) for name in ("names", "parts")}
        return Kept(folder, Asked(**asked), known["titles"], known["states"])
    except (OSError, KeyError, TypeError, ValueError):
        return None


def _state(workspace: Workspace, name: str) -> str:
    try:
        return workspace.state(name)
    except EmbedvizError:
        return ""
