"""Where a SavedModel named by the user lies: a folder, an archive, an address or a short handle."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from embedviz import savedmodels
from embedviz.downloads import Meter, download
from embedviz.errors import ModelError, WeightsError
from embedviz.facts import WeightFile
from embedviz.folders import weights_folder
from embedviz.weightfiles import SAVED_MODEL, Found, fetched, hash_folder, inspect

OFFICIAL_HOSTS = ("tfhub.dev", "kaggle.com", "www.kaggle.com")
COMPRESSED = "tf-hub-format=compressed"


def resolve(handle: str) -> Found:
    """Give the folder of the SavedModel that `handle` names, downloaded where it must be.

    A handle is a SavedModel's folder; a tar.gz file of one; an address of such a file; or what
    TF-Hub and Kaggle call a model, as its address or short (`google/yamnet/1`,
    `google/yamnet/tensorFlow2/yamnet/1`). A download is kept in the weights folder; one that
    tensorflow_hub left in the folder `TFHUB_CACHE_DIR` is used too.

    No checksums are published for SavedModels. What came from TF-Hub or Kaggle by its name is what
    the user asked for, and counts as verified; a folder or file of the user's own, or from any
    other address, is unverified.

    Raises
    ------
    ModelError
        If the handle is none of these.
    WeightsError
        If there is no SavedModel, or it cannot be had.
    """
    path = Path(handle).expanduser()
    if path.exists():
        return _local(path)
    url = address(handle)
    cached = _cached_by_tensorflow_hub(url)
    if cached:
        folder, whole = cached, True
    else:
        archive = _downloaded(handle, url)
        folder, whole = savedmodels.unpack(archive.path), archive.verified
    official = urlsplit(url).scheme == "https" and urlsplit(url).hostname in OFFICIAL_HOSTS
    return Found(_file(url), folder, hash_folder(folder), whole and official)


def address(handle: str) -> str:
    """Give the address that a handle stands for."""
    if handle.startswith(("https://", "http://")):
        return handle
    if re.fullmatch(r"[\w.-]+/[\w.-]+/tensorflow2/[\w.-]+/\d+", handle, re.IGNORECASE):
        return f"https://www.kaggle.com/models/{handle}"
    if re.fullmatch(r"[\w.-]+(/[\w.-]+){1,3}/\d+", handle):
        return f"https://tfhub.dev/{handle}"
    raise ModelError(
        f"There is no folder {handle}, and it is no handle; wanted a SavedModel's folder, an "
        "address, or a name with its version like google/yamnet/1."
    )


def _file(url: str) -> WeightFile:
    return WeightFile("SavedModel", url, checksum=None)


def _local(path: Path) -> Found:
    folder = path if path.is_dir() else savedmodels.unpack(path)
    if not (folder / SAVED_MODEL).is_file():
        raise WeightsError(f"{path} holds no {SAVED_MODEL}, so it is no SavedModel's folder.")
    return Found(_file(str(path)), folder, hash_folder(folder), verified=False)


def _cached_by_tensorflow_hub(url: str) -> Path | None:
    cache = os.environ.get("TFHUB_CACHE_DIR")
    name = hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()
    return Path(cache, name) if cache and Path(cache, name, SAVED_MODEL).is_file() else None


def _downloaded(handle: str, url: str) -> Found:
    """Give the archive of an address, downloaded unless it is here and unchanged."""
    parts = [part for part in re.split(r"[^\w.]+", urlsplit(url).path) if part]
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    name = f"{'-'.join(parts[-4:])[:80]}-{digest}.tar.gz"
    file = WeightFile(name, _archive_address(url), checksum=None)
    folder = weights_folder() / "hub"
    if (folder / name).is_file():
        found = inspect(file, folder / name)
        if fetched(found):
            return replace(found, verified=True)
    advice = f"bring it yourself and give its folder instead of {handle}"
    return download(file, folder, Meter(), advice)


def _archive_address(url: str) -> str:
    """Give the address of the tar.gz file; TF-Hub and Kaggle answer with a page otherwise."""
    parts = urlsplit(url)
    if COMPRESSED in parts.query or parts.path.endswith((".tar.gz", ".tgz", ".tar")):
        return url
    return parts._replace(query=f"{parts.query}&{COMPRESSED}".lstrip("&")).geturl()
