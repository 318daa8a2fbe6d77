"""`embedviz export … --open`: a bundle in the real projector, in the browser of this machine."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from embedviz.errors import BundleError

HOST = "127.0.0.1"

Say = Callable[[str], None]


def open_bundle(bundle: Path, say: Say, *, browse: Callable[[str], object] | None = None) -> int:
    """Serve a bundle with the projector on a free port of this machine until Ctrl-C.

    Parameters
    ----------
    bundle
        A folder or a zip that `write_bundle` wrote.
    say
        Gets one line with the address.
    browse
        Opens the address; None for the user's own browser.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    BundleError
        If the bundle cannot be read, the projector's page is not installed or no port is free.
    """
    import uvicorn

    from embedviz.served.frontend import installed

    installed()
    # Every page in the browser can reach the port; what it serves is for whoever knows this.
    secret = secrets.token_urlsafe(16)
    app = _app(bundle, secret)
    with _listening() as listening:
        address = f"http://{HOST}:{listening.getsockname()[1]}/{secret}/"
        say(f"The projector is at {address} (stop with Ctrl-C)")
        # The port listens already, so the browser waits for the server and cannot be too early.
        (browse or webbrowser.open)(address)
        config = uvicorn.Config(
            app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
    return 0


def _app(bundle: Path, secret: str) -> Callable[..., object]:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.gzip import GZipMiddleware
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from embedviz.served.answers import answering
    from embedviz.served.frontend import answer

    def projector(request: Request) -> Response:
        return answer(bundle, request.path_params["file"], request)

    route = Route(f"/{secret}/{{file:path}}", answering(projector))
    return Starlette(routes=[route], middleware=[Middleware(GZipMiddleware)])


def _listening() -> socket.socket:
    try:
        return socket.create_server((HOST, 0))
    except OSError as error:
        raise BundleError(f"No port of {HOST} is free: {error.strerror or error}.") from error
