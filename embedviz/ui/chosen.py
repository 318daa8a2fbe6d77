"""What is chosen on a listening map, as the browser tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from embedviz.errors import EmbedvizError
from embedviz.neighbours import IndexArray
from embedviz.ui.packs import selected_rows
from embedviz.ui.workspace import Workspace


@dataclass(frozen=True)
class Chosen:
    """What is chosen on a map."""

    selection: str = ""
    """The name under which the server keeps the selected rows, or nothing."""
    pinned: int | None = None
    shown: Mapping[str, Any] | None = None

    @classmethod
    def on(cls, key: str, count: int, *, before: Chosen | None = None) -> Chosen:
        """Ask the map `key` of `count` rows; `before` is what it begins with."""
        state = st.session_state.get(key, {})
        begun = before or cls()
        selection, pinned = state.get("selection"), state.get("pinned", begun.pinned)
        number = isinstance(pinned, int | float) and not isinstance(pinned, bool)
        inside = number and 0 <= pinned < count
        return cls(
            begun.selection if selection is None else str(selection),
            int(pinned) if inside else None,
            state.get("shown"),
        )

    def shown_of(self, colour: str) -> tuple[str, ...] | None:
        """Give the names of a column that were chosen to have colours; None for the usual."""
        if not isinstance(self.shown, Mapping) or self.shown.get("colour") != colour:
            return None
        names = self.shown.get("names")
        return tuple(map(str, names)) if isinstance(names, list) else None

    def rows(self, workspace: Workspace, name: str, count: int) -> IndexArray:
        """Give the selected rows of the set `name`, ascending; `count` is how many it has."""
        if not self.selection:
            return np.zeros(0, np.int32)
        try:
            return selected_rows(workspace, name, self.selection, count)
        except EmbedvizError:
            return np.zeros(0, np.int32)
