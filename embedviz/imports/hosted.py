"""A bundle on the web: its config, and the files that the config names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import orjson

from embedviz.errors import BundleError, EmbedvizError
from embedviz.fetching import LARGEST_BYTES, Fetched
from embedviz.projector.configs import CONFIG_JSON
from embedviz.projector.read_own import README

Fetch = Callable[[str, Path, int], Fetched]
"""Brings the file of an address into a folder, if it has at most so many bytes."""

_MOST_FILES = 200
_LARGEST_CONFIG = 16 << 20
_LARGEST_README = 1 << 20


def config_address(url: str) -> str:
    """Give the address of the config in a link to a projector's page; any other as it is."""
    try:
        found = parse_qs(urlsplit(url).query).get("config")
        return urljoin(url, found[0]) if found else url
    except ValueError:  # no address at all, which is said where it is fetched
        return url


def is_config(path: Path) -> bool:
    """Tell whether a file is a projector's config in JSON."""
    if path.stat().st_size > _LARGEST_CONFIG:
        return False
    with path.open("rb") as file:
        content = file.read()
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"embeddings"' in content


def fetch_files(config: Fetched, folder: Path, fetch: Fetch) -> Path:
    """Bring the files that a config names into `folder`, and give the config that names them there.

    Relative paths lead on from the config, as where both lie on one server.

    Raises
    ------
    EmbedvizError
        If the config makes no sense, or a file cannot be had or is too large.
    """
    try:
        said = orjson.loads(config.path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as problem:
        raise BundleError(f"{config.url} is no JSON ({problem}).") from None
    places: dict[str, str] = {}
    left = LARGEST_BYTES
    for holder, key in _paths(said):
        try:
            url = urljoin(config.url, holder[key])
        except ValueError as problem:
            raise BundleError(f"{config.url} names {holder[key]!r} ({problem}).") from None
        if url not in places:
            if len(places) == _MOST_FILES:
                raise BundleError(f"{config.url} names more than {_MOST_FILES} files.")
            within = folder / str(len(places))
            within.mkdir()
            found = fetch(url, within, left)
            left -= found.path.stat().st_size
            places[url] = found.path.relative_to(folder).as_posix()
        holder[key] = places[url]
    _fetch_readme(config, folder, fetch)
    target = folder / CONFIG_JSON
    target.write_bytes(orjson.dumps(said))
    return target


def _fetch_readme(config: Fetched, folder: Path, fetch: Fetch) -> None:
    """Bring what embedviz writes beside a config; elsewhere there is nothing of the name."""
    within = folder / "readme"
    within.mkdir()
    with suppress(EmbedvizError):
        found = fetch(urljoin(config.url, README), within, _LARGEST_README)
        found.path.rename(folder / README)


def _paths(said: Any) -> Iterator[tuple[dict[str, Any], str]]:  # noqa: ANN401 (anything JSON holds)
    """Give the places in a config where a path of a file stands."""
    listed = said.get("embeddings") if isinstance(said, dict) else None
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict):
            continue
        for key in ("tensorPath", "metadataPath", "bookmarksPath"):
            if isinstance(one.get(key), str):
                yield one, key
        sprite = one.get("sprite")
        if isinstance(sprite, dict) and isinstance(sprite.get("imagePath"), str):
            yield sprite, "imagePath"
