"""Where the parts of the app that are not Python modules lie: `app.py`, its pages and pictures."""

from __future__ import annotations

from functools import cache
from pathlib import Path

MAIN = Path(__file__).resolve().parent / "main.py"
"""The script that Streamlit runs for every page."""


@cache
def home() -> Path:
    """Give the folder of `app.py`, `pages/` and `assets/`.

    A wheel carries them inside the package; a checkout has them beside it. The package comes
    first because any other project may have left an `app.py` in site-packages.
    """
    package = MAIN.parents[1]
    inside = package / "_app"
    return inside if inside.is_dir() else package.parent


def page(name: str) -> Path:
    """Give the script of the page `name`."""
    return home() / "pages" / f"{name}.py"


def asset(name: str) -> Path:
    """Give one file of `assets/`."""
    return home() / "assets" / name
