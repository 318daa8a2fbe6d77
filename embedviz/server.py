"""The app's HTTP routes: what a row sounds and looks like, by address instead of by websocket.

    /sound/<token>/<set>/<row>.wav        the row's window; ?around=2 adds 2 s on both sides,
                                          ?fade=1 takes the clicks off its ends
    /stretch/<token>/<set>/<row>.wav      ?start=1.5&stop=9, seconds of the row's recording
    /recording/<token>/<set>/<row>        the whole file that the row was cut from
    /brought/<token>/<recording>          a recording that lies in the workspace, by its name
    /picture/<token>/<set>/<row>.png      what the model saw; ?colours=magma or inverted
    /sheet/<token>/<set>/<level>/<i>.png  what it saw of many rows, see `sheets`
    /around/<token>/<set>/<row>.png       the spectrogram of the recording around the row
    /row/<token>/<set>/<row>.json         everything known of the row
    /nearest/<token>/<set>/<row>.json     ?k=10, the nearest rows and their distances
    /similar/<token>/<set>/<row>.json     ?k=50 or ?distance=0.2, the rows alike and itself
    /column/<token>/<set>/<column>        a column of the table, see `packing`
    /pack/<token>/<digest>                what a page published, see `ui.packs`
    /drawn/<token>/<digest>.png           a picture that a page published
    /selection/<token>/<set>              POST: bits of chosen rows, which get an id
    /selection/<token>/<set>/<id>         the bits
    /upload/<token>/<id>                  GET, PUT, DELETE: a file in pieces, see `served.uploads`
    /projector/<token>/<bundle>/          the Embedding Projector over a bundle of the workspace
    /hosted/<address>/<file>              a bundle for other sites, while its owner allows it
    /map/<file>                           the map's own JavaScript and styles
    /plotly/plotly.min.js                 what the map is drawn with

The token opens a workspace; whatever it does not open is answered with 404 and one sentence.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from embedviz.served import (
    alike,
    columns,
    details,
    hosted,
    pictures,
    projector,
    scripts,
    selections,
    sounds,
    uploads,
)
from embedviz.served.answers import answering, answering_later
from embedviz.served.promptly import answer_promptly
from embedviz.ui.job import Report
from embedviz.ui.jobs import queue
from embedviz.ui.workspace import sweep

SWEEP_EVERY_S = 24 * 3600
ANSWERS: dict[str, Callable[[Request], Response]] = {
    "/sound/{token}/{name}/{row}.wav": sounds.sound,
    "/stretch/{token}/{name}/{row}.wav": sounds.stretch,
    "/recording/{token}/{name}/{row}": sounds.recording,
    "/brought/{token}/{recording:path}": sounds.brought,
    "/picture/{token}/{name}/{row}.png": pictures.picture,
    "/sheet/{token}/{name}/{level}/{index}.png": pictures.sheet,
    "/around/{token}/{name}/{row}.png": pictures.surroundings,
    "/row/{token}/{name}/{row}.json": details.details,
    "/nearest/{token}/{name}/{row}.json": alike.nearest,
    "/similar/{token}/{name}/{row}.json": alike.alike,
    # The name of a column may hold anything, a slash too.
    "/column/{token}/{name}/{column:path}": columns.column,
    "/pack/{token}/{digest}": columns.pack,
    "/drawn/{token}/{digest}.png": pictures.drawn,
    "/selection/{token}/{name}/{id}": selections.chosen,
    "/projector/{token}/{bundle}/{file:path}": projector.projector,
    "/map/{file}": scripts.script,
}


def routes() -> list[BaseRoute]:
    """Give the routes that `app.py` adds to Streamlit's own."""
    return [
        *(Route(path, answering(make)) for path, make in ANSWERS.items()),
        Route("/selection/{token}/{name}", answering_later(selections.choose), methods=["POST"]),
        Route(
            "/upload/{token}/{id}",
            answering_later(uploads.Receiver().answer),
            methods=["GET", "PUT", "DELETE"],
        ),
        Route(
            "/hosted/{address}/{file:path}",
            answering(hosted.hosted),
            methods=["GET", "HEAD", "OPTIONS"],
        ),
        # The map draws with the very Plotly that is installed, so it works offline.
        Mount("/plotly", StaticFiles(packages=[("plotly", "package_data")])),
    ]


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Sweep old workspaces and warm up in the background while the server runs."""
    answer_promptly()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_sweep_daily)
        queue().submit(warm_up, owner="", title="Preparing projections", turn="idle")
        yield
        tasks.cancel_scope.cancel()
    queue().close()


async def _sweep_daily() -> None:
    while True:
        await anyio.to_thread.run_sync(sweep)
        await anyio.sleep(SWEEP_EVERY_S)


def warm_up(report: Report) -> None:
    """Load what spectrograms and compile what projections need, as a job."""
    # UMAP takes seconds to import and more to compile: in the worker, when nobody waits for it.
    from scipy import signal  # noqa: F401

    from embedviz.project import warm

    warm()
