"""A set in parts: a folder of Parquet files that many workers write and one run finishes.

    NAME.parquet/_plan.json           written first: what was asked, and its checksum
    NAME.parquet/part-00000.parquet   shard 0, a complete set by itself
    NAME.parquet/_embedviz.json       written last: the parts, and the recordings without rows

Names that begin with `_` or `.` are no data to pyarrow, DuckDB, Spark and pandas, so the folder
is one table to them. A part is there or not: it is written under another name and renamed, or
uploaded to a store that shows only finished objects. So a run that was stopped goes on with the
parts that are missing, and a folder in which another run's parts lie is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from embedviz.data import Provenance
from embedviz.errors import SetError
from embedviz.plans import Plan, to_json
from embedviz.storage import Folder, folder
from embedviz.store import KEY, THRIFT

FORMAT = 1
PLAN = "_plan.json"
INDEX = "_embedviz.json"
PART = re.compile(r"part-\d{5,}\.parquet")
AT_ONCE = 16
"""Footers read at the same time: far-away storage answers slowly and in parallel."""


@dataclass(frozen=True)
class Part:
    """One file of the folder."""

    name: str
    rows: int
    recordings: int
    """How many recordings have rows in it."""
    seconds: float
    """How long these recordings are together."""


@dataclass(frozen=True)
class Outcome:
    """What became of one shard: its part, if any recording has rows, and what failed."""

    part: Part | None
    failures: Mapping[str, str]
    """Recording name -> why it has no rows."""


@dataclass(frozen=True)
class Parts:
    """A finished partitioned set, as its `_embedviz.json` tells it."""

    address: str
    parts: tuple[Part, ...]
    failures: Mapping[str, str]
    """Recording name -> why it has no rows."""
    plan: str
    asked: Mapping[str, Any]
    """What decided its vectors: model, variant, weights, rows, hop, channel, precision."""

    @property
    def rows(self) -> int:
        """The number of rows of all parts."""
        return sum(part.rows for part in self.parts)


def part_name(shard: int) -> str:
    """Give the file name of a shard's part."""
    return f"part-{shard:05d}.parquet"


def begin(where: Folder, plan: Plan) -> None:
    """Claim a folder for a plan, before its first part is written.

    Raises
    ------
    SetError
        If another plan's parts are there, or a file is in the way.
    """
    kept = where.read(PLAN)
    if kept is None:
        if _part_names(where):
            raise SetError(
                f"{where.address} holds parts that belong to no run of embedviz; "
                "choose another --out."
            )
        where.write(PLAN, to_json({"format": FORMAT, **plan.to_json()}))
        return
    found = _object(where, PLAN, kept)
    if found.get("plan") != plan.checksum:
        raise SetError(
            f"{where.address} holds another run's parts ({plan.difference(found)}); "
            "choose another --out, or delete that folder."
        )


def finished(where: Folder) -> dict[str, Outcome]:
    """Give the parts that are there whole, by name, with the failures that each one tells."""
    names = _part_names(where)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda name: _inspected(where, name), names)
        return {name: outcome for name, outcome in zip(names, found, strict=True) if outcome}


def part_of(name: str, rows: int, provenance: Provenance) -> Part:
    """Describe a part file by its rows and the provenance that it carries."""
    heard = provenance.recordings.values()
    seconds = sum(source.duration_s for source in heard)
    return Part(name, rows, len(heard), round(seconds, 3))


def finish(
    where: Folder, plan: Plan, *, parts: Sequence[Part], failures: Mapping[str, str]
) -> Parts:
    """Write the index, which makes the folder a whole set, and remove what killed workers left."""
    made = Parts(where.address, tuple(parts), dict(failures), plan.checksum, plan.asked)
    listed = [asdict(part) for part in made.parts]
    where.sweep(".part-")
    where.write(
        INDEX,
        to_json(
            {
                "format": FORMAT,
                "parts": listed,
                "failures": made.failures,
                **plan.to_json(),
                **_kept_map(where, plan, listed),
            }
        ),
    )
    return made


def parts(where: str | Path) -> Parts:
    """List a finished partitioned set, at a path or an address that fsspec knows.

    Raises
    ------
    SetError
        If it is not there, not finished, or written by a newer embedviz.
    """
    place = folder(where)
    raw = place.read(INDEX)
    if raw is None:
        begun = place.read(PLAN) is not None
        raise SetError(
            f"{where} is not finished; start the command that writes it once more."
            if begun
            else f"{where} holds no {INDEX}; wanted a folder that `embedviz embed` wrote in parts."
        )
    index = _object(place, INDEX, raw)
    try:
        listed = tuple(Part(**part) for part in index["parts"])
        if not all(PART.fullmatch(part.name) for part in listed):
            raise ValueError("a part lies elsewhere")  # and would be overwritten there
        return Parts(
            place.address, listed, index["failures"], index["plan"], index.get("asked", {})
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SetError(
            f"{where}/{INDEX} is damaged; delete it and run the command again."
        ) from error


def _part_names(where: Folder) -> list[str]:
    return [name for name in where.names() if PART.fullmatch(name)]


def _inspected(where: Folder, name: str) -> Outcome | None:
    """Read a part's footer, which a file that broke off has not."""
    found = _footer(where, name)
    if found is None:
        return None
    rows, info = found
    provenance = Provenance.from_json(info)
    return Outcome(part_of(name, rows, provenance), provenance.failures)


def _footer(where: Folder, name: str) -> tuple[int, dict[str, Any]] | None:
    """Give the rows of a part and the JSON that it carries."""
    try:
        with where.open(name) as file:
            footer = pq.ParquetFile(file, **THRIFT).metadata
        return footer.num_rows, json.loads((footer.metadata or {})[KEY])
    except (pa.ArrowException, KeyError, ValueError):
        return None


def _kept_map(where: Folder, plan: Plan, listed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give the map that the index names, if it is a map of the very same parts.

    Coordinates are written into parts that name their map; one that was computed anew names none.
    """
    try:
        index = _object(where, INDEX, where.read(INDEX) or b"{}")
    except SetError:  # a damaged one is replaced
        return {}
    made = index.get("projection")
    if made is None or index.get("plan") != plan.checksum or index.get("parts") != listed:
        return {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        named = pool.map(lambda part: _map_of(where, part["name"]), listed)
        return {"projection": made} if all(one == made for one in named) else {}


def _map_of(where: Folder, name: str) -> object:
    found = _footer(where, name)
    return None if found is None else found[1].get("projection")


def _object(where: Folder, name: str, raw: bytes) -> dict[str, Any]:
    """Read one of the folder's JSON files."""
    try:
        values = json.loads(raw)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise SetError(f"{where.address}/{name} is damaged; delete it and run the command again.")
    if values.get("format", 0) > FORMAT:
        raise SetError(
            f"{where.address} was written by a newer embedviz; update this one to read it."
        )
    return values
