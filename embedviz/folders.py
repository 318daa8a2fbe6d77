"""Where embedviz keeps weights and results on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def weights_folder() -> Path:
    """Give the folder of official weight files (`EMBEDVIZ_WEIGHTS` moves it)."""
    return _folder("EMBEDVIZ_WEIGHTS", "weights")


def cache_folder() -> Path:
    """Give the folder of results that can be computed again (`EMBEDVIZ_CACHE` moves it)."""
    return _folder("EMBEDVIZ_CACHE", "results")


def demo_recordings() -> Path:
    """Give the folder that the demo recordings are written into."""
    return cache_folder() / "demo" / "recordings"


def demo_set_path() -> Path:
    """Give the file of the set made from them, which every workspace can open."""
    return cache_folder() / "demo" / "demo.parquet"


def _folder(variable: str, name: str) -> Path:
    chosen = os.environ.get(variable)
    if chosen:
        return Path(chosen).expanduser()
    return user_cache_path("embedviz", appauthor=False) / name
