"""One file from the web: streamed to a partial file, checked, and only then given its name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from embedviz.errors import WeightsError
from embedviz.facts import WeightFile
from embedviz.weightfiles import Found, described, difference, inspect, keep, staging

if TYPE_CHECKING:
    import pooch
    import requests

RETRIES = 2
TIMEOUT_S = 30.0


class Meter:
    """The progress bar that pooch drives; it counts the bytes of several files as one.

    Parameters
    ----------
    whole
        The bytes of all files together, as far as they are known.
    progress
        Told bytes done and bytes in all; raising from it stops the download.
    """

    def __init__(self, whole: int = 0, progress: Callable[[int, int], None] | None = None) -> None:
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


def download(file: WeightFile, folder: Path, meter: Meter, advice: str = "") -> Found:
    """Bring a file from its address into `folder`, with its sidecar.

    Where no checksum is published, what came over a whole connection counts as the file, and its
    SHA-256 is kept to tell later changes.

    Raises
    ------
    WeightsError
        If it cannot be had, is not the published file or cannot be written; ends with `advice`.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it would print every download to stderr
    arrived: list[Found] = []

    def receive(url: str, partial: str, store: pooch.Pooch) -> None:
        meter.begin()
        arrived.append(_received(file, url, Path(partial), store, meter))

    try:
        with staging(folder) as place:
            store = pooch.Pooch(place, "", {file.name: None}, {file.name: file.url}, RETRIES)
            partial = Path(store.fetch(file.name, downloader=receive))
            partial.chmod(0o644)  # pooch leaves it private, but weights folders are shared
            return keep(arrived[-1], partial, folder)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{described(file)} could not be fetched: {_reason(error, folder)}"
            f"{'; ' if advice else ''}{advice}."
        ) from error


def _received(file: WeightFile, url: str, partial: Path, store: pooch.Pooch, meter: Meter) -> Found:
    """Stream a file and check it; pooch answers a ValueError by trying again."""
    import pooch

    # Compressed on the way, text would arrive with a length that is not its own.
    headers = {"User-Agent": "embedviz", "Accept-Encoding": "identity"}
    kinds: list[str] = []

    with ExitStack() as answers:  # pooch leaves a connection open where it fails

        def answered(answer: requests.Response, **_: object) -> None:
            answers.enter_context(answer)
            kinds.append(answer.headers.get("Content-Type", ""))

        options = {"timeout": TIMEOUT_S, "headers": headers, "hooks": {"response": answered}}
        pooch.HTTPDownloader(meter, chunk_size=1 << 16, **options)(url, str(partial), store)
    found = inspect(file, partial)
    if file.checksum is None:
        # A page that asks to log in is answered with 200, like the file itself.
        if kinds[-1].startswith("text/html"):
            raise ValueError("the server answered with a web page")
        return replace(found, verified=True)
    if not found.verified:
        raise ValueError(difference(found))
    return found


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
