"""What tells two states of a folder's files apart, without reading them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedviz.errors import SetError
from embedviz.storage import Folder, is_url

# Stores call it by different names; the size alone would not do.
_TELLING = ("ETag", "etag", "md5Hash", "content_md5", "mtime", "created", "LastModified", "updated")


def stamps(where: Folder) -> dict[str, str]:
    """Give each file's name and a text that changes when the file does.

    Raises
    ------
    SetError
        If an address cannot be reached.
    """
    if not is_url(where.address):
        files = [path for path in Path(where.address).iterdir() if path.is_file()]
        found = {path.name: path.stat() for path in files}
        return {name: f"{at.st_size}-{at.st_mtime_ns}" for name, at in found.items()}
    from fsspec.core import url_to_fs

    files, root = url_to_fs(where.address)
    try:
        files.invalidate_cache()
        listed = files.ls(root, detail=True)
    except Exception as problem:  # every kind of storage has errors of its own
        raise SetError(f"{where.address} cannot be reached: {problem}.") from problem
    return {one["name"].rstrip("/").rpartition("/")[2]: _stamp(one) for one in listed}


def _stamp(listed: Mapping[str, Any]) -> str:
    told = [str(listed[key]) for key in _TELLING if listed.get(key) is not None]
    return "-".join([str(listed.get("size")), *told])
