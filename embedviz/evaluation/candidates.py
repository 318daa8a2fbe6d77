"""The rows of several sets as lines of one table, before it is decided which can be used."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from embedviz.correspondence import corresponding
from embedviz.data import EmbeddingSet
from embedviz.evaluation.folds import joined_groups, official_folds
from embedviz.evaluation.results import IntArray

Sets = Mapping[str, EmbeddingSet]
TextArray = npt.NDArray[np.str_]


def numbered(sets: Sets, reference: str, pooling: str) -> dict[str, IntArray]:
    """Give the rows of every set numbers of rows, or recordings, of the one with the label.

    Parameters
    ----------
    sets
        Title -> set.
    reference
        The title of the one with the label.
    pooling
        `window` finds the same rows, anything else the same recordings.

    Returns
    -------
    dict
        Title -> (N,) numbers; -1 for a row that the reference does not have.
    """
    own = sets[reference]
    codes, names = pd.factorize(own.table["recording"])
    numbers = {}
    for title, other in sets.items():
        if title == reference:
            numbers[title] = np.arange(len(own)) if pooling == "window" else codes
            continue
        sources, others = own.provenance.recordings, other.provenance.recordings
        if pooling == "window":
            mine, theirs = corresponding(own.table, sources, other.table, others)
            numbers[title] = at(len(other), theirs, mine)
            continue
        other_codes, other_names = pd.factorize(other.table["recording"])
        mine, theirs = corresponding(_whole(names), sources, _whole(other_names), others)
        numbers[title] = at(len(other_names), theirs, mine)[other_codes]
    return {title: np.asarray(of_rows, np.int64) for title, of_rows in numbers.items()}


def at(length: int, places: npt.ArrayLike, values: npt.ArrayLike) -> IntArray:
    """Give an array (length,) of -1 with values at some places."""
    made = np.full(length, -1, np.int64)
    made[np.asarray(places)] = np.asarray(values)
    return made


def _whole(names: pd.Index) -> pd.DataFrame:
    """Give recordings as rows, each from 0 to 0, so that those of two sets correspond."""
    return pd.DataFrame({"recording": names, "start_s": 0.0, "stop_s": 0.0})


def candidates(
    sets: Sets,
    reference: str,
    number: IntArray,
    *,
    label: str,
    group: str | None,
    folds: str | None,
) -> pd.DataFrame:
    """Give a line for each unit of the set with the label, by its number.

    Columns: `recording`, `start_s`, `stop_s`, `label` (empty: none; None: several), `partly` (not
    all of its rows have a label), `value` (of the group column), `identity` (of the recording:
    copies are one), `group` (a number) and `fold` (a number, -1 for none). `attrs` holds the names
    of official `folds`.
    """
    table = sets[reference].table
    rows = pd.DataFrame(
        {
            "number": number,
            "recording": table["recording"].astype(str).to_numpy(),
            "start_s": table["start_s"].to_numpy(np.float64),
            "stop_s": table["stop_s"].to_numpy(np.float64),
            "label": text_of(table[label]).astype(object),
            "value": text_of(table[group or "recording"]).astype(object),
        }
    )
    known = _checksums(sets, reference)
    rows["identity"] = [known.get(name, name) for name in rows["recording"]]
    rows["group"] = joined_groups(rows["identity"].to_numpy(str), rows["value"].to_numpy(str))
    rows["fold"], rows["partly"] = 0, False
    if folds:
        rows["fold"], rows.attrs["folds"] = _official(table, rows, folds)
    if len(rows) == rows["number"].nunique():
        return rows.set_index("number")
    whole = rows.groupby("number", sort=True).agg(
        {
            "recording": "first",
            "identity": "first",
            "value": "first",
            "group": "first",
            "fold": "max",
            "start_s": "min",
            "stop_s": "max",
        }
    )
    whole["label"] = _only(rows)
    named = (rows["label"] != "").groupby(rows["number"], sort=True)
    whole["partly"] = named.any() & ~named.all()
    whole.attrs = rows.attrs
    return whole


def _checksums(sets: Sets, reference: str) -> dict[str, str]:
    """Give the SHA-256 of recordings by name, the reference's where two sets differ."""
    order = [one for title, one in sets.items() if title != reference] + [sets[reference]]
    return {
        name: source.sha256
        for one in order
        for name, source in one.provenance.recordings.items()
        if source.sha256
    }


def _official(
    table: pd.DataFrame, rows: pd.DataFrame, column: str
) -> tuple[IntArray, tuple[str, ...]]:
    return official_folds(
        text_of(table[column]).tolist(),
        rows["group"].to_numpy(np.int64),
        column=column,
        names=rows["recording"].tolist(),
    )


def _only(rows: pd.DataFrame) -> pd.Series:
    """Give the one label that a unit's rows have, empty where they have none, None for several."""
    pairs = rows.loc[rows["label"] != "", ["number", "label"]].drop_duplicates()
    several = pairs.loc[pairs["number"].duplicated(), "number"].unique()
    labels = pairs.drop_duplicates("number").set_index("number")["label"]
    labels = labels.reindex(np.sort(rows["number"].unique()), fill_value="").astype(object)
    labels[several] = None
    return labels


def text_of(column: pd.Series) -> TextArray:
    """Give the values of a column as text; what is missing becomes empty, 1.0 becomes 1."""
    if pd.api.types.is_float_dtype(column):
        values = column.to_numpy(np.float64)
        return np.array([f"{one:.15g}" if np.isfinite(one) else "" for one in values], dtype=str)
    # As objects: pandas 3 cuts texts to their first letter where a column of them has gaps.
    known = column.astype(object).where(column.notna().to_numpy(), "")
    return np.array([str(one).strip() for one in known], dtype=str)
