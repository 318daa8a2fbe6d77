"""The app's HTTP routes: what a row sounds and looks like, by address instead of by websocket.

    /sound/<token>/<set>/<row>.wav        the row's window; ?around=2 adds 2 s on both sides,
                                          ?fade=1 takes the clicks off its ends
    /picture/<token>/<set>/<row>.png      what the model saw; ?colours=magma or inverted
    /recording/<token>/<set>/<row>        the whole file that the row was cut from
    /plotly/plotly.min.js                 what the map is drawn with

The token opens a workspace; whatever it does not open is answered with 404 and one sentence.
"""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from embedviz import audio, thumbnails
from embedviz.data import EmbeddingSet, Source
from embedviz.errors import EmbedvizError
from embedviz.ui.jobs import Report, queue
from embedviz.ui.workspace import DEMO, Workspace, sweep
from embedviz.wav import faded, wav

LONGEST_AROUND_S = 60.0
LONGEST_SOUND_S = 600.0
"""A longer sound is not cut into a WAV in memory; its recording can be played instead."""
LARGEST_RECORDING_BYTES = 2 << 30
SWEEP_EVERY_S = 24 * 3600
HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    # The address of the page holds the token.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
COLOURS: Mapping[str, thumbnails.Colours] = {"magma": "magma", "inverted": "inverted grey"}
MEDIA_TYPES = {
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
}


def routes() -> list[BaseRoute]:
    """Give the routes that `app.py` adds to Streamlit's own."""
    return [
        Route("/sound/{token}/{name}/{row:int}.wav", _answering(sound)),
        Route("/picture/{token}/{name}/{row:int}.png", _answering(picture)),
        Route("/recording/{token}/{name}/{row:int}", _answering(recording)),
        # The map draws with the very Plotly that is installed, so it works offline.
        Mount("/plotly", StaticFiles(packages=[("plotly", "package_data")])),
    ]


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Sweep old workspaces and warm up in the background while the server runs."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_sweep_daily)
        queue().submit(warm_up, owner="", title="Preparing projections", turn="idle")
        yield
        tasks.cancel_scope.cancel()
    queue().close()


@dataclass(frozen=True)
class Row:
    """One row of a set that the caller may hear and see."""

    workspace: Workspace
    embedding_set: EmbeddingSet
    index: int

    @classmethod
    def of(cls, request: Request) -> Row:
        """Find the row that an address names.

        Raises
        ------
        EmbedvizError
            The workspace, the set or the row does not exist.
        """
        workspace = Workspace.open(request.path_params["token"])
        workspace.touch()
        embedding_set = workspace.open_set(request.path_params["name"])
        index = request.path_params["row"]
        if index >= len(embedding_set):
            raise EmbedvizError(f"The set has {len(embedding_set)} rows; row {index} is not one.")
        return cls(workspace, embedding_set, index)

    @property
    def recording(self) -> str:
        """The name of the recording."""
        return str(self.embedding_set.table["recording"].iloc[self.index])

    @property
    def source(self) -> Source:
        """What the set knows of the recording."""
        try:
            return self.embedding_set.provenance.recordings[self.recording]
        except KeyError:
            raise EmbedvizError(f"The set does not say where {self.recording} lies.") from None

    def seconds(self, around_s: float) -> tuple[float, float]:
        """Give where the window starts and stops, `around_s` wider, within the recording."""
        start_s = float(self.embedding_set.table["start_s"].iloc[self.index]) - around_s
        stop_s = float(self.embedding_set.table["stop_s"].iloc[self.index]) + around_s
        return max(start_s, 0.0), min(stop_s, self.source.duration_s)

    def file(self) -> Path:
        """Find the recording's file; one outside the app's own folders is not given away.

        Raises
        ------
        EmbedvizError
            It is not there, or not this workspace's to read.
        """
        path = Path(self.source.path).resolve()
        if not _readable(path, self.workspace):
            raise EmbedvizError(f"{self.recording} lies outside the folders the app may read.")
        if not path.is_file():
            raise EmbedvizError(f"{self.recording} is not where it was when the set was made.")
        return path


def sound(request: Request) -> Response:
    """Cut a row's window, or more around it, out of its recording as a 16-bit WAV file."""
    row = Row.of(request)
    start_s, stop_s = row.seconds(_around_s(request))
    if stop_s - start_s > LONGEST_SOUND_S:
        raise EmbedvizError(
            f"{stop_s - start_s:.0f} s are too long to be cut out; play the recording instead."
        )
    samples, rate_hz = audio.read(
        row.file(), start_s=start_s, stop_s=stop_s, channel=row.embedding_set.provenance.channel
    )
    if request.query_params.get("fade") == "1":
        samples = faded(samples, rate_hz)
    return _ranged(wav(samples, rate_hz), "audio/wav", request)


def picture(request: Request) -> Response:
    """Draw the patch that the model saw as a PNG."""
    row = Row.of(request)
    patches = row.embedding_set.thumbnails
    if patches is None:
        raise EmbedvizError("This set was made without pictures.")
    colours = request.query_params.get("colours", "magma")
    if colours not in COLOURS:
        raise EmbedvizError(f"{colours!r} is no choice of colours; {' and '.join(COLOURS)} are.")
    png = io.BytesIO()
    thumbnails.picture(patches[row.index], colours=COLOURS[colours]).save(png, "PNG")
    return Response(png.getvalue(), media_type="image/png")


def recording(request: Request) -> Response:
    """Send the whole file, by ranges where the browser asks for them."""
    row = Row.of(request)
    path = row.file()
    if path.stat().st_size > LARGEST_RECORDING_BYTES:
        raise EmbedvizError(f"{row.recording} is too large to be played in a browser.")
    media_type = MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")
    return FileResponse(path, media_type=media_type)


def _answering(make: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Turn errors into sentences and add the headers that every answer carries."""

    def answer(request: Request) -> Response:
        try:
            response = make(request)
        except EmbedvizError as error:
            response = PlainTextResponse(str(error), 404)
        response.headers.update(HEADERS)
        if response.status_code == 404:
            response.headers["Cache-Control"] = "no-store"
        return response

    return answer


def _readable(path: Path, workspace: Workspace) -> bool:
    """Tell whether a workspace may hear a file: its own, the demo's, the machine's owner's.

    A set can come from anywhere and name any path, so its word is not enough.
    """
    shared = os.environ.get("EMBEDVIZ_RECORDINGS", "").split(os.pathsep)
    roots = [workspace.folder, workspace.set_path(DEMO).parent, *map(Path, filter(None, shared))]
    return any(path.is_relative_to(root.resolve()) for root in roots)


def _around_s(request: Request) -> float:
    given = request.query_params.get("around", "0")
    try:
        around_s = float(given)
    except ValueError:
        around_s = math.nan
    if math.isnan(around_s):
        raise EmbedvizError(f"around={given} is no number of seconds.")
    return min(max(around_s, 0.0), LONGEST_AROUND_S)


def _ranged(content: bytes, media_type: str, request: Request) -> Response:
    """Answer with the bytes asked for: Safari plays, and Chromium seeks, nothing else."""
    size = len(content)
    headers = {"Accept-Ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
    if asked is None or not any(asked.groups()):
        return Response(content, media_type=media_type, headers=headers)
    first, last = asked.groups()
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if start >= stop:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return Response(content[start:stop], 206, media_type=media_type, headers=headers)


async def _sweep_daily() -> None:
    while True:
        await anyio.to_thread.run_sync(sweep)
        await anyio.sleep(SWEEP_EVERY_S)


def warm_up(report: Report) -> None:
    """Compile what projections need, as a job."""
    # UMAP takes seconds to import and more to compile: in the worker, when nobody waits for it.
    from embedviz.project import warm

    warm()
