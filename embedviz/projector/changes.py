"""What a bundle shows otherwise than the set it was made from, in sentences.

They stand in `README.txt` for people and in `changes.json` for programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from embedviz.projector.files import BundleFiles

CHANGES = "changes.json"

_LARGEST_BYTES = 1 << 20
_LONGEST_TEXT = 60


@dataclass(frozen=True)
class Change:
    """One thing that was made safe, left out or sampled: the file it concerns and a sentence."""

    where: str
    message: str


def quoted(text: str) -> str:
    """Show a text so that tabs and line breaks in it are seen, cut where it is long."""
    return repr(text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…")


def changes_json(changes: Sequence[Change]) -> bytes:
    """Give `changes.json`."""
    listed = [{"where": change.where, "message": change.message} for change in changes]
    return orjson.dumps({"changes": listed}, option=orjson.OPT_INDENT_2) + b"\n"


def read_changes(files: BundleFiles) -> tuple[Change, ...]:
    """Give what a bundle says of itself; nothing where it says nothing, or nothing readable."""
    size = files.size(CHANGES)
    if size is None or size > _LARGEST_BYTES:
        return ()
    with files.open(CHANGES) as stream:
        try:
            said = orjson.loads(stream.read())
        except orjson.JSONDecodeError:
            return ()
    listed = said.get("changes") if isinstance(said, dict) else None
    return tuple(
        Change(one["where"], one["message"])
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
        and isinstance(one.get("where"), str)
        and isinstance(one.get("message"), str)
    )
