"""The address of Explore: whoever opens it in the same server sees the same map.

    ?w=<workspace>&set=night&method=umap&dims=2&n_neighbors=15&colour=label&sel=<id>&pin=12

The page reads it once, when it is opened; the map keeps it current, without a step back for
each point that somebody looks at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from embedviz.neighbours import METRICS
from embedviz.project import PCA_AXES
from embedviz.ui.projections import DEFAULTS, METHODS
from embedviz.ui.session import CHOSEN

SET, COLOUR, SIZE, SELECTION, PINNED = "set", "colour", "size", "sel", "pin"
OPENED = "opened_address"
LIMITS = {
    "n_neighbors": (2, 10_000),
    "min_dist": (0, 1),
    "perplexity": (1, 10_000),
    "seed": (0, 2**31 - 1),
}
"""Least and most of the settings that are numbers; anybody can write an address."""


def opened() -> dict[str, str]:
    """Give what the page's address said when the session opened it; nothing of a bare address."""
    if OPENED not in st.session_state:
        st.session_state[OPENED] = st.query_params.to_dict()
        if SET in st.query_params and CHOSEN not in st.session_state:
            st.session_state[CHOSEN] = st.query_params[SET]
    said: dict[str, str] = st.session_state[OPENED]
    return said


def of_set(name: str) -> dict[str, str]:
    """Give what the address said about this set."""
    said = opened()
    return said if said.get(SET) == name else {}


def projection_of(said: Mapping[str, str]) -> dict[str, Any] | None:
    """Read a choice of projection; None where an address has none or nonsense.

    >>> projection_of({"method": "pca", "dims": "2", "axes": "[1, 3]"})
    {'method': 'pca', 'dims': 2, 'axes': [1, 3]}
    """
    method, dims = said.get("method"), said.get("dims")
    if method not in METHODS or dims not in ("2", "3"):
        return None
    choice: dict[str, Any] = {"method": method, "dims": int(dims), **DEFAULTS[method]}
    for key, value in DEFAULTS[method].items():
        choice[key] = _setting(key, _read(said.get(key)), value)
    axes = _read(said.get("axes"))
    if method == "pca" and _are_axes(axes, int(dims)):
        choice["axes"] = axes
    return choice


def address_of(
    name: str, choice: Mapping[str, Any], colour: str, size: str | None
) -> dict[str, str | None]:
    """Give the parameters of the address; None stands for one that is to be left out."""
    settings = ("axes", *{key for values in DEFAULTS.values() for key in values})
    written = {key: _written(choice[key]) if key in choice else None for key in settings}
    return {
        SET: name,
        "method": choice["method"],
        "dims": str(choice["dims"]),
        **written,
        COLOUR: colour,
        SIZE: size,
    }


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read(text: str | None) -> object:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _setting(key: str, read: object, usual: str | float) -> str | float:
    """Give a setting as it was read, or the usual one where it cannot be."""
    if isinstance(usual, str):
        return read if isinstance(read, str) and read in METRICS else usual
    # A yes is a 1 to Python.
    if isinstance(read, bool) or not isinstance(read, int | type(usual)):
        return usual
    least, most = LIMITS[key]
    return type(usual)(read) if least <= read <= most else usual


def _are_axes(read: object, dims: int) -> bool:
    """Tell whether these are numbers of components, each of its own."""
    if not isinstance(read, list) or any(type(one) is not int for one in read):
        return False
    inside = all(1 <= one <= PCA_AXES for one in read)
    return inside and len(set(read)) == len(read) == dims
