"""Where each official weight file lives: find, download, verify, add by hand.

Files lie at `weights_folder()/<model>/<file>`. Beside each lies `<file>.json` with its checksum,
size and modification time, so that a file of 300 MB is hashed once and not at every load.

A file whose authors publish no checksum is official where embedviz itself downloaded it; its
SHA-256 at that time stands in for the published one. Brought by hand it is always unverified.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from embedviz import savedmodels
from embedviz.downloads import Meter, download
from embedviz.errors import WeightsError
from embedviz.facts import Facts, WeightFile
from embedviz.folders import weights_folder
from embedviz.weightfiles import (
    SAVED_MODEL,
    Found,
    accepted,
    described,
    difference,
    fetched,
    hash_file,
    inspect,
    keep,
    matches,
    record,
    sidecar,
    staging,
    write_sidecar,
)

__all__ = ["Found", "add", "fetch", "find", "matches", "state"]


def state(facts: Facts, file: WeightFile) -> Found | None:
    """Give what the weights folder holds for `file`; None where it holds nothing."""
    path = weights_folder() / facts.name / file.name
    if not path.is_file():
        return None
    known, now = sidecar(path), record(file, path)
    if known.items() >= now.items():
        return Found(file, path, known["sha256"], known["checksum_matches"])
    found = _inspected(facts, file, path)
    # A file that is neither published nor accepted by hand gets no sidecar: it is damaged.
    if found.verified or accepted(found):
        write_sidecar(found, now)
    return found


def find(facts: Facts, variant: str, *, weights: Path | None = None) -> dict[str, Found]:
    """Give every file that `variant` uses by its name; optional files may be absent.

    `weights` is an official file, a folder of them under their published names, or an unpacked
    SavedModel, to use in place of those in the weights folder, whatever their checksum.

    Raises
    ------
    WeightsError
        Where a required file is missing, a kept one damaged, or `weights` is none of them.
    """
    wanted = tuple(file for file in facts.files_for(variant) if not file.example)
    offers = _offered(facts, Path(weights), wanted) if weights is not None else []
    files = {offer.file.name: offer for offer in offers}
    for file in wanted:
        found = files.get(file.name) or state(facts, file)
        if found and (found in offers or found.verified or accepted(found)):
            files[file.name] = found
        elif found or not file.optional:
            chosen = "" if file.serves(facts.default_variant) else f" --variant {variant}"
            raise WeightsError(
                f"{described(file)}, which {facts.title} reads, {_problem(found)}; run `embedviz "
                f"weights fetch {facts.name}{chosen}`, or {_by_hand(facts, file)}."
            )
    return files


def fetch(
    facts: Facts,
    variant: str | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> tuple[Found, ...]:
    """Download what `variant` (None: the default) lacks or has unverified; give all verified files.

    `progress` is told bytes done and bytes in all files; raising Cancelled from it stops and
    leaves no partial file. `note` is told, in a sentence, why an optional file could not be had.

    Raises
    ------
    WeightsError
        Where a required file cannot be downloaded, verified or written.
    """
    wanted = facts.files_for(variant or facts.default_variant)
    there = {file: found for file in wanted if (found := state(facts, file)) and found.verified}
    missing = sorted((file for file in wanted if file not in there), key=lambda f: f.optional)
    meter = Meter(sum(file.size_bytes or 0 for file in missing), progress)
    for file in missing:
        try:
            folder = weights_folder() / facts.name
            there[file] = download(file, folder, meter, _by_hand(facts, file))
        except WeightsError as error:
            if not file.optional:
                raise
            if note:
                note(str(error))
        meter.end(file)
    return tuple(there[file] for file in wanted if file in there)


def add(facts: Facts, path: Path, *, unverified: bool = False) -> tuple[Found, ...]:
    """Copy official files brought by hand into the weights folder.

    `path` is one file, known by its checksum, its name, or its extension where only one official
    file has it (verified files of the model beside it come along); a folder of files under their
    published names; or an unpacked SavedModel, which is packed. `unverified` accepts files whose
    checksum is not the published one, or for which none is published.

    Raises
    ------
    WeightsError
        Where `path` is none of the model's files, not as published, or cannot be copied.
    """
    path, folder = Path(path), weights_folder() / facts.name
    offers = _offered(facts, path, facts.files)
    if wrong := [offer for offer in offers if not (offer.verified or unverified)]:
        file = wrong[0].file
        doubt = "" if file.checksum else ", as far as anyone can tell"
        raise WeightsError(
            f"{wrong[0].path} is not the published {file.name}{doubt}: {difference(wrong[0])}; "
            "`--unverified` accepts it all the same, and everything made from it will say so."
        )
    if path.is_file():
        others = [file for file in facts.files if file != offers[0].file]
        offers += [found for found in _named(facts, others, path.parent) if found.verified]
    try:
        with staging(folder) as place:
            copies = [_copied(offer, place / offer.file.name) for offer in offers]
            return tuple(keep(copy, copy.path, folder) for copy in copies)
    except OSError as error:
        raise WeightsError(
            f"{path} could not be copied to {folder}: {error.strerror or error}."
        ) from error


def _copied(offer: Found, target: Path) -> Found:
    if offer.path.is_dir():
        savedmodels.pack(offer.path, target)
        return inspect(offer.file, target)
    shutil.copyfile(offer.path, target)
    return replace(offer, path=target)


def _problem(found: Found | None) -> str:
    if found is None:
        return "is not on this machine"
    unknown = found.file.checksum is None and not sidecar(found.path)
    return f"{'was put there by hand' if unknown else 'is damaged'}: {difference(found)}"


def _by_hand(facts: Facts, file: WeightFile) -> str:
    flag = "" if file.checksum else " --unverified"
    return f"download it yourself and run `embedviz weights add {facts.name} FILE{flag}`"


def _offered(facts: Facts, path: Path, wanted: Sequence[WeightFile]) -> list[Found]:
    """Recognise official files: in a folder by name; one by checksum, else name, else extension."""
    if (path / SAVED_MODEL).is_file():
        offers = [inspect(file, path) for file in wanted if _extension(file.name) == ".tar.gz"]
    elif path.is_dir():
        offers = _named(facts, wanted, path)
    else:
        likely = [file for file in _likely(facts, path, wanted) if file in wanted]
        offers = [_inspected(facts, file, path) for file in likely[:1]]
    if not offers:
        listed = ", ".join(map(described, wanted)) or "no files"
        raise WeightsError(f"{path} holds no official file of {facts.title}; it reads {listed}.")
    return offers


def _likely(facts: Facts, path: Path, wanted: Sequence[WeightFile]) -> list[WeightFile]:
    published = [file.checksum.lower() for file in facts.files if file.checksum]
    kinds = {"sha256"} | {checksum.partition(":")[0] for checksum in published}
    sums = {hash_file(path, kind) for kind in kinds}
    same = [file for file in facts.files if file.checksum and file.checksum.lower() in sums]
    named = [file for file in facts.files if file.name == path.name]
    alike = [file for file in wanted if _extension(file.name) == _extension(path.name)]
    return same or named or (alike if len(alike) == 1 else [])


def _extension(name: str) -> str:
    """Give `.h5`, or `.h5.gz` whole."""
    last = Path(name).suffix
    return Path(Path(name).stem).suffix + last if last == ".gz" else last


def _named(facts: Facts, files: Iterable[WeightFile], folder: Path) -> list[Found]:
    there = [file for file in files if (folder / file.name).is_file()]
    return [_inspected(facts, file, folder / file.name) for file in there]


def _inspected(facts: Facts, file: WeightFile, path: Path) -> Found:
    found = inspect(file, path)
    # Only in embedviz's own folder does a sidecar speak for a file.
    own = path == weights_folder() / facts.name / file.name
    return replace(found, verified=found.verified or (own and fetched(found)))
