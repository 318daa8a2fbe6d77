"""Reading the two configs of a bundle as the standalone projector and TensorBoard read them."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import orjson

from embedviz.projector import textproto
from embedviz.projector.files import BundleFiles
from embedviz.projector.findings import Notes

CONFIG_JSON = "projector_config.json"
CONFIG_PBTXT = "projector_config.pbtxt"
_SERVE = "serve.py"

_LARGEST_CONFIG = 16 << 20
_SAFE_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_LOCAL = ("localhost", "127.0.0.1", "::1")
_JSON_FIELDS = {"tensorName", "tensorPath", "tensorShape"}
_PBTXT_FIELDS = {
    "tensor_name",
    "metadata_path",
    "bookmarks_path",
    "tensor_shape",
    "sprite",
    "tensor_path",
}
_SPRITE_FIELDS = {"image_path", "single_image_dim"}
_TOP_FIELDS = {"embeddings", "model_checkpoint_path", "model_checkpoint_dir"}


@dataclass(frozen=True)
class Entry:
    """One embedding of one config; paths as written there, empty where the config has none."""

    config: str
    name: str
    shape: tuple[int, ...]
    tensor: str
    metadata: str = ""
    sprite: str = ""
    cell: tuple[int, ...] = ()
    bookmarks: str = ""

    @property
    def for_tensorboard(self) -> bool:
        """Whether TensorBoard reads this entry; otherwise the standalone projector does."""
        return self.config == CONFIG_PBTXT


def read_configs(files: BundleFiles, notes: Notes) -> list[Entry]:
    """Give the embeddings that the configs of a bundle name, and note what is wrong with them."""
    entries = []
    for name, read in ((CONFIG_JSON, _json_entries), (CONFIG_PBTXT, _pbtxt_entries)):
        size = files.size(name)
        if size is None:
            continue
        if size > _LARGEST_CONFIG:
            notes.error(name, f"It is {size:,} bytes long; that is no config of a projector.")
            continue
        with files.open(name) as stream:
            text = stream.read().decode("utf-8-sig", "replace")
        found = read(text, notes)
        _check_names(name, found, notes)
        if name == CONFIG_JSON:
            _check_addresses(found, files, notes)
        entries += found
    return entries


def local_path(entry: Entry, path: str, files: BundleFiles, notes: Notes) -> str | None:
    """Give the bundle's file that a path of an entry leads to, or note why there is none."""
    if entry.for_tensorboard:
        return _inside(entry, path, files, notes)
    url = _address(path)
    if url.scheme == "http" and url.hostname not in _LOCAL:
        notes.warning(
            entry.config,
            f"{path} starts with http://, which a browser does not fetch from an https page; "
            "use an https address.",
        )
    parts = posixpath.normpath(unquote(url.path)).lstrip("/").split("/")
    # A web address ends in the path inside the bundle, after however many folders of the host.
    tails = ["/".join(parts[first:]) for first in range(len(parts))]
    if not url.netloc and not path.startswith("/"):
        tails = tails[:1]
    for tail in tails:
        if tail and files.size(tail) is not None:
            return tail
    if url.netloc:
        notes.warning(entry.config, f"{path} lies on the web, not in this bundle; not checked.")
    else:
        notes.error(entry.config, f"{path} is not in the bundle; add it or correct the path.")
    return None


def _address(path: str) -> SplitResult:
    try:
        return urlsplit(path)
    except ValueError:
        return SplitResult("", "", path, "", "")


def _inside(entry: Entry, path: str, files: BundleFiles, notes: Notes) -> str | None:
    plain = posixpath.normpath(path)
    if path.startswith(("/", "~")) or plain.startswith("..") or re.match(r"[A-Za-z]:", path):
        notes.error(
            entry.config,
            f"{path} is absolute or leads outside the folder, and TensorBoard since 2.21 refuses "
            "that; put the file inside and write its path from there.",
        )
        return None
    if files.size(plain) is None:
        notes.error(entry.config, f"{path} is not in the bundle; add it or correct the path.")
        return None
    return plain


def _json_entries(text: str, notes: Notes) -> list[Entry]:
    try:
        config = orjson.loads(text)
    except orjson.JSONDecodeError as problem:
        notes.error(CONFIG_JSON, f"It is no JSON ({problem}); the projector cannot start with it.")
        return []
    listed = config.get("embeddings") if isinstance(config, dict) else None
    if not isinstance(listed, list) or not listed:
        notes.error(CONFIG_JSON, "It names no embeddings; the projector has nothing to show.")
        return []
    return [_json_entry(one) for one in listed if _has_json_fields(one, notes)]


def _check_addresses(entries: list[Entry], files: BundleFiles, notes: Notes) -> None:
    paths = (path for e in entries for path in (e.tensor, e.metadata, e.sprite, e.bookmarks))
    if all(not path or _address(path).netloc for path in paths):
        return
    way = "serve the page from beside these files"
    if files.size(_SERVE) is not None:
        way = f'run "python3 {_SERVE}" in its folder and open the address that it prints'
    notes.warning(
        CONFIG_JSON,
        f"Its paths are relative, and the projector takes them relative to its own page: {way}, or "
        "export with a base URL for a link to projector.tensorflow.org.",
    )


def _has_json_fields(one: Any, notes: Notes) -> bool:  # noqa: ANN401 (anything JSON can hold)
    if isinstance(one, dict) and one.keys() >= _JSON_FIELDS:
        return True
    fields = one.keys() if isinstance(one, dict) else set()
    missing = ", ".join(sorted(_JSON_FIELDS - fields))
    hint = (
        " (it is written in camelCase here, not as tensor_name)" if "tensor_name" in fields else ""
    )
    notes.error(CONFIG_JSON, f"An embedding lacks {missing}{hint}; the projector cannot load it.")
    return False


def _json_entry(one: Mapping[str, Any]) -> Entry:
    sprite = one.get("sprite")
    sprite = sprite if isinstance(sprite, dict) else {}
    return Entry(
        config=CONFIG_JSON,
        name=_text(one["tensorName"]),
        shape=_integers(one["tensorShape"]),
        tensor=_text(one["tensorPath"]),
        metadata=_text(one.get("metadataPath")),
        sprite=_text(sprite.get("imagePath")),
        cell=_integers(sprite.get("singleImageDim")),
        bookmarks=_text(one.get("bookmarksPath")),
    )


def _pbtxt_entries(text: str, notes: Notes) -> list[Entry]:
    try:
        config = textproto.parse(text)
    except ValueError as problem:
        notes.error(CONFIG_PBTXT, f"TensorBoard cannot read it: {problem}.")
        return []
    listed = [one for one in config.get("embeddings", []) if isinstance(one, dict)]
    if not listed:
        notes.error(CONFIG_PBTXT, "It names no embeddings; TensorBoard has nothing to show.")
    sprites = [s for one in listed for s in one.get("sprite", []) if isinstance(s, dict)]
    unknown = set(config) - _TOP_FIELDS
    unknown |= {field for one in listed for field in one} - _PBTXT_FIELDS
    unknown |= {field for sprite in sprites for field in sprite} - _SPRITE_FIELDS
    if unknown:
        names = ", ".join(sorted(unknown))
        notes.error(
            CONFIG_PBTXT, f"TensorBoard knows no field {names}, and refuses the whole file."
        )
    return [_pbtxt_entry(one) for one in listed]


def _pbtxt_entry(one: textproto.Message) -> Entry:
    sprite = one.get("sprite", [{}])[-1]
    sprite = sprite if isinstance(sprite, dict) else {}
    tensor = _last(one, "tensor_path")
    return Entry(
        config=CONFIG_PBTXT,
        name=_last(one, "tensor_name") or posixpath.basename(tensor),
        shape=_integers(one.get("tensor_shape")),
        tensor=tensor,
        metadata=_last(one, "metadata_path"),
        sprite=_last(sprite, "image_path"),
        cell=_integers(sprite.get("single_image_dim")),
        bookmarks=_last(one, "bookmarks_path"),
    )


def _check_names(config: str, entries: list[Entry], notes: Notes) -> None:
    for name, times in Counter(entry.name for entry in entries).items():
        if times > 1:
            notes.error(config, f"{times} embeddings are named {name!r}; only one can be chosen.")
        if not _SAFE_NAME.fullmatch(name):
            notes.warning(
                config,
                f"The name {name!r} breaks TensorBoard's addresses; use letters, digits, _, . and "
                "- only.",
            )


def _last(message: textproto.Message, field: str) -> str:
    return _text(message.get(field, [""])[-1])


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _integers(values: object) -> tuple[int, ...]:
    if not isinstance(values, list):
        return ()
    return tuple(
        int(v) if isinstance(v, int | float) and float(v).is_integer() else -1 for v in values
    )
