"""Where each official weight file lives: find, download, verify, add by hand.

Files lie at `weights_folder()/<model>/<file>`. Beside each lies `<file>.json` with its checksum,
size and modification time, so that a file of 300 MB is hashed once and not at every load.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from embedviz.errors import WeightsError
from embedviz.facts import Facts, WeightFile
from embedviz.folders import weights_folder
from embedviz.weightfiles import (
    Found,
    accepted,
    difference,
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

RETRIES = 2
TIMEOUT_S = 30.0


def state(facts: Facts, file: WeightFile) -> Found | None:
    """Give what the weights folder holds for `file`; None where it holds nothing."""
    path = weights_folder() / facts.name / file.name
    if not path.is_file():
        return None
    known, now = sidecar(path), record(file, path)
    if known.items() >= now.items():
        return Found(file, path, known["sha256"], known["checksum_matches"])
    found = inspect(file, path)
    # A file that is neither published nor accepted by hand gets no sidecar: it is damaged.
    if found.verified or accepted(found):
        write_sidecar(found, now)
    return found


def find(facts: Facts, variant: str, *, weights: Path | None = None) -> dict[str, Found]:
    """Give every file that `variant` uses by its name; optional files may be absent.

    `weights` is an official file, or a folder of them under their published names, to use in
    place of those in the weights folder, whatever their checksum.

    Raises
    ------
    WeightsError
        Where a required file is missing, a kept one damaged, or `weights` is none of them.
    """
    wanted = facts.files_for(variant)
    offers = _offered(facts, Path(weights), wanted) if weights is not None else []
    files = {offer.file.name: offer for offer in offers}
    for file in wanted:
        found = files.get(file.name) or state(facts, file)
        if found and (found in offers or found.verified or accepted(found)):
            files[file.name] = found
        elif found or not file.optional:
            problem = f"is damaged: {difference(found)}" if found else "is not on this machine"
            chosen = "" if file.serves(facts.default_variant) else f" --variant {variant}"
            raise WeightsError(
                f"{_described(file)}, which {facts.title} reads, {problem}; run `embedviz weights "
                f"fetch {facts.name}{chosen}`, or {_by_hand(facts)}."
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
    meter = _Meter(sum(file.size_bytes or 0 for file in missing), progress)
    for file in missing:
        try:
            there[file] = _download(facts, file, meter)
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
    file has it (verified files of the model beside it come along); or a folder of files under
    their published names. `unverified` accepts files whose checksum is not the published one.

    Raises
    ------
    WeightsError
        Where `path` is none of the model's files, not as published, or cannot be copied.
    """
    path, folder = Path(path), weights_folder() / facts.name
    offers = _offered(facts, path, facts.files)
    if wrong := [offer for offer in offers if not (offer.verified or unverified)]:
        raise WeightsError(
            f"{wrong[0].path} is not the published {wrong[0].file.name}: {difference(wrong[0])}; "
            "`--unverified` accepts it all the same, and everything made from it will say so."
        )
    if path.is_file():
        others = [file for file in facts.files if file != offers[0].file]
        offers += [found for found in _named(others, path.parent) if found.verified]
    try:
        with staging(folder) as place:
            copies = [shutil.copyfile(offer.path, place / offer.file.name) for offer in offers]
            return tuple(keep(*pair, folder) for pair in zip(offers, copies, strict=True))
    except OSError as error:
        raise WeightsError(
            f"{path} could not be copied to {folder}: {error.strerror or error}."
        ) from error


class _Meter:
    """The progress bar that pooch drives; it counts the bytes of all files of one fetch."""

    def __init__(self, whole: int, progress: Callable[[int, int], None] | None) -> None:
        self._whole, self._before, self._done = whole, 0, 0
        self._progress = progress
        self.total = 0  # pooch writes the length of the current file here

    def begin(self) -> None:
        """Start a file, or start it again."""
        self.total = self._done = 0
        self.update(0)

    def update(self, count: int) -> None:
        """Count bytes; pooch rounds up to whole chunks, and fills the bar again at the end."""
        self._done = min(self._done + count, self.total or self._done + count)
        done, length = self._before + self._done, self._before + self.total
        if self._progress:
            self._progress(done, max(self._whole, length, done))

    def end(self, file: WeightFile) -> None:
        """Count a file as done, also an optional one that could not be had."""
        self._before += file.size_bytes or self._done
        self.begin()

    def reset(self) -> None:
        """Do nothing: the count is right already, and nothing is to close."""

    close = reset


def _download(facts: Facts, file: WeightFile, meter: _Meter) -> Found:
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it would print every download to stderr
    folder = weights_folder() / facts.name
    arrived: list[Found] = []
    # Compressed on the way, text would arrive with a length that is not its own.
    headers = {"User-Agent": "embedviz", "Accept-Encoding": "identity"}

    def receive(url: str, partial: str, store: pooch.Pooch) -> None:
        meter.begin()
        with ExitStack() as answers:  # pooch leaves a connection open where it fails
            hooks = {"response": lambda answer, **_: answers.enter_context(answer)}
            options = {"timeout": TIMEOUT_S, "headers": headers, "hooks": hooks}
            pooch.HTTPDownloader(meter, chunk_size=1 << 16, **options)(url, partial, store)
        # pooch does not know git's checksums; a ValueError from here makes it try again.
        arrived.append(inspect(file, Path(partial)))
        if not arrived[-1].verified:
            raise ValueError(difference(arrived[-1]))

    try:
        with staging(folder) as place:
            store = pooch.Pooch(place, "", {file.name: None}, {file.name: file.url}, RETRIES)
            partial = Path(store.fetch(file.name, downloader=receive))
            partial.chmod(0o644)  # pooch leaves it private, but weights folders are shared
            return keep(arrived[-1], partial, folder)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{_described(file)} could not be fetched: {_reason(error, folder)}; {_by_hand(facts)}."
        ) from error


def _reason(error: OSError | ValueError, folder: Path) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    if isinstance(error, OSError) and error.strerror:
        return f"{folder} cannot be written ({error.strerror})"
    if "timed out" in str(error).lower():
        return f"no answer within {TIMEOUT_S:g} s"
    if isinstance(error, ValueError):
        return str(error)
    return f"the connection failed ({type(error).__name__}); is this machine online?"


def _described(file: WeightFile) -> str:
    size = f"{file.size_bytes / 1e6:.3g} MB" if file.size_bytes else "size not published"
    return f"{file.name} ({size}, {file.url})"


def _by_hand(facts: Facts) -> str:
    return f"download it yourself and run `embedviz weights add {facts.name} FILE`"


def _offered(facts: Facts, path: Path, wanted: Sequence[WeightFile]) -> list[Found]:
    """Recognise official files: in a folder by name; one by checksum, else name, else extension."""
    if path.is_dir():
        offers = _named(wanted, path)
    else:
        sums = {hash_file(path, file.checksum.partition(":")[0]) for file in facts.files}
        same = [file for file in facts.files if file.checksum.lower() in sums]
        named = [file for file in facts.files if file.name == path.name]
        alike = [file for file in wanted if Path(file.name).suffix == path.suffix]
        likely = same or named or (alike if len(alike) == 1 else [])
        offers = [inspect(file, path) for file in likely if file in wanted][:1]
    if not offers:
        listed = ", ".join(map(_described, wanted)) or "no files"
        raise WeightsError(f"{path} holds no official file of {facts.title}; it reads {listed}.")
    return offers


def _named(files: Iterable[WeightFile], folder: Path) -> list[Found]:
    return [inspect(file, folder / file.name) for file in files if (folder / file.name).is_file()]
