"""What a run was asked, so that its parts are never mixed with those of another."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from embedviz import cache
from embedviz.data import Recording


@dataclass(frozen=True)
class Plan:
    """What a run was asked, with a checksum that also covers its recordings."""

    checksum: str
    asked: Mapping[str, Any]
    """Model, variant, weights, rows, hop, channel, precision, as they come back from JSON."""

    def to_json(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {"plan": self.checksum, "asked": self.asked}

    def difference(self, kept: Mapping[str, Any]) -> str:
        """Say in a few words what was asked by another plan, of which `to_json` was kept."""
        asked = kept.get("asked", {})
        others = [name for name in self.asked if asked.get(name) != self.asked[name]]
        if not others:
            return "its recordings or their labels differ"
        return ", ".join(_pair(name, asked.get(name), self.asked[name]) for name in others)


def planned(recordings: Iterable[Recording], asked: Mapping[str, Any]) -> Plan:
    """Give the plan of a run.

    Parameters
    ----------
    recordings
        All of them, in order; the plan covers names, labels, paths, sizes and times of change.
    asked
        Model, variant, weights, rows, hop, channel, precision: values that JSON can hold.
    """
    digest = hashlib.sha256(to_json({"format": cache.FORMAT, **asked}))
    for recording in recordings:
        digest.update(_line(recording))
    # As it comes back from JSON, so that it can be compared with a plan that was kept.
    return Plan(digest.hexdigest(), json.loads(to_json(asked)))


def to_json(values: object) -> bytes:
    """Give JSON that is the same bytes for the same values."""
    return json.dumps(values, sort_keys=True, ensure_ascii=False, indent=1).encode()


def _line(recording: Recording) -> bytes:
    """Give what tells a recording from another; there may be millions, so in the quickest form."""
    path = str(recording.path.absolute())
    try:
        status = os.stat(path)
        state = [status.st_size, status.st_mtime_ns]
    except OSError:
        state = []
    return json.dumps([recording.name, path, state, dict(recording.labels)]).encode()


def _pair(name: str, found: object, wanted: object) -> str:
    if isinstance(found, dict | list) or isinstance(wanted, dict | list):
        return f"its {name} differ"  # checksums say nothing to a reader
    return f"its {name} is {found}, this one's {wanted}"
