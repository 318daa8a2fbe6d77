"""The map's JavaScript, styles and Plotly inside a page, which so asks no server for anything.

Modules that import each other by relative addresses become data in an import map, under the names
by which they then import each other.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

ENTRY, TEMPLATE = "onefile.js", "onefile.html"
STYLES = ("explorer.css", "panel.css", "lists.css")
PREFIX = "embedviz/"

_IMPORTED = re.compile(r'(\b(?:from|import)\s*\(?\s*)"\./([\w-]+\.js)"')
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(parts: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Give the template's text piece by piece, `parts` in the places that it names."""
    # The pieces of a split are in turn text and name, so that no part is searched for places.
    for number, piece in enumerate(_PLACE.split(_asset(TEMPLATE))):
        if number % 2:
            yield from parts[piece]
        else:
            yield piece


def import_map() -> str:
    """Give every module that the page needs as an import map of data."""
    found = modules(ENTRY)
    return json_text({"imports": {PREFIX + name: _data(text) for name, text in found.items()}})


def modules(entry: str) -> dict[str, str]:
    """Give a module and all that it needs, each by its file's name and importing by `PREFIX`."""
    found: dict[str, str] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        text = _asset(name)
        waiting += [imported for _, imported in _IMPORTED.findall(text)]
        found[name] = f"{renamed(text)}\n//# sourceURL={PREFIX}{name}\n"
    return found


def renamed(text: str) -> str:
    """Let a module import its neighbours by name: data has no folder to be relative to."""
    return _IMPORTED.sub(rf'\1"{PREFIX}\2"', text)


def styles() -> str:
    """Give the map's styles."""
    return "\n".join(map(_asset, STYLES))


def plotly() -> str:
    """Give Plotly's JavaScript, as it is installed, for a script element."""
    text = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    # Inside strings and patterns, the only places for these, a backslash more changes nothing.
    return re.sub(r"<(?=/script|!--|script)", r"\\x3c", text, flags=re.IGNORECASE)


def json_text(values: object) -> str:
    """Give JSON for a script element; no text in it can end the element."""
    return json.dumps(values, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def block(name: str, content: bytes) -> str:
    """Give bytes as an element that the page finds by name; no browser runs it."""
    text = base64.b64encode(content).decode()
    return f'<script type="text/plain" id="{name}">{text}</script>\n'


def in_file(content: bytes) -> int:
    """Give the bytes that `content` takes in the file."""
    return 4 * -(-len(content) // 3)


def _data(text: str) -> str:
    return f"data:text/javascript;charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"


@cache
def _assets() -> Path:
    """Find the app's `assets`: a wheel carries them in the package, a checkout beside it."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_app"
    return (inside if inside.is_dir() else package.parent) / "assets"


def _asset(name: str) -> str:
    return (_assets() / name).read_text(encoding="utf-8")
