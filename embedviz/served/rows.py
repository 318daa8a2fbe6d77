"""What an address names: a workspace, a set in it, a row, the recording the row was cut from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from embedviz.data import EmbeddingSet, Source
from embedviz.errors import EmbedvizError
from embedviz.ui.serverfolders import is_allowed
from embedviz.ui.workspace import DEMO, Workspace


def workspace_of(request: Request) -> Workspace:
    """Open the workspace that an address's token opens; that keeps it alive.

    Raises
    ------
    EmbedvizError
        The token opens none.
    """
    workspace = Workspace.open(request.path_params["token"])
    workspace.touch()
    return workspace


def set_of(request: Request) -> tuple[Workspace, EmbeddingSet]:
    """Open the set that an address names.

    Raises
    ------
    EmbedvizError
        The workspace or the set does not exist.
    """
    workspace = workspace_of(request)
    return workspace, workspace.open_set(request.path_params["name"])


def place_of(request: Request, part: str) -> int | None:
    """Give the number, 0 and above, that a part of an address is; None where it is none."""
    given = request.path_params[part]
    return int(given) if re.fullmatch(r"[0-9]{1,18}", given) else None


@dataclass(frozen=True)
class Row:
    """One row of a set that the caller may hear and see."""

    workspace: Workspace
    embedding_set: EmbeddingSet
    index: int

    @classmethod
    def of(cls, request: Request) -> Row:
        """Find the row that an address names.

        Raises
        ------
        EmbedvizError
            The workspace, the set or the row does not exist.
        """
        workspace, embedding_set = set_of(request)
        index = place_of(request, "row")
        if index is None or index >= len(embedding_set):
            raise EmbedvizError(
                f"The set has {len(embedding_set)} rows; row {request.path_params['row'][:20]} "
                "is not one."
            )
        return cls(workspace, embedding_set, index)

    @property
    def recording(self) -> str:
        """The name of the recording."""
        return str(self.embedding_set.table["recording"].iloc[self.index])

    @property
    def source(self) -> Source:
        """What the set knows of the recording."""
        try:
            return self.embedding_set.provenance.recordings[self.recording]
        except KeyError:
            raise EmbedvizError(f"The set does not say where {self.recording} lies.") from None

    def seconds(self, around_s: float = 0.0) -> tuple[float, float]:
        """Give where the window starts and stops, `around_s` wider, within the recording."""
        start_s = float(self.embedding_set.table["start_s"].iloc[self.index]) - around_s
        stop_s = float(self.embedding_set.table["stop_s"].iloc[self.index]) + around_s
        return max(start_s, 0.0), min(stop_s, self.source.duration_s)

    def file(self) -> Path:
        """Find the recording's file; one outside the app's own folders is not given away.

        Raises
        ------
        EmbedvizError
            It is not there, or not this workspace's to read.
        """
        path = Path(self.source.path).resolve()
        if not _readable(path, self.workspace):
            raise EmbedvizError(f"{self.recording} lies outside the folders the app may read.")
        if not path.is_file():
            raise EmbedvizError(f"{self.recording} is not where it was when the set was made.")
        return path


def _readable(path: Path, workspace: Workspace) -> bool:
    """Tell whether a workspace may hear a file: its own, the demo's, the machine's owner's.

    A set can come from anywhere and name any path, so its word is not enough.
    """
    own = (workspace.folder, workspace.set_path(DEMO).parent)
    return is_allowed(path) or any(path.is_relative_to(folder.resolve()) for folder in own)
