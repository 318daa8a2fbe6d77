"""Official packages as they are installed: their versions, and parts of them without the whole."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType


def versions(names: tuple[str, ...]) -> str:
    """Say which versions are installed, for example `kapre 0.3.5, openl3 0.4.2`."""
    return ", ".join(f"{name} {_version(name)}" for name in names)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(missing)"


def bare(name: str) -> None:
    """Make the submodules of an installed package importable without running its `__init__`.

    Some official packages download files, or load libraries that are not needed, when imported.
    """
    spec = PathFinder.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{name} is not installed; run make parity.")
    module = ModuleType(name)
    module.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = module
