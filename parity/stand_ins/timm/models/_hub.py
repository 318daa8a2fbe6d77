"""The one function of timm that hear21passt calls."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath


def download_cached_file(url: str, check_hash: bool = True, progress: bool = False) -> str:
    """Give the path where torch's hub would have cached the file; nothing is downloaded."""
    home = Path(os.environ.get("TORCH_HOME", Path.home() / ".cache" / "torch"))
    return str(home / "hub" / "checkpoints" / PurePosixPath(url).name)
