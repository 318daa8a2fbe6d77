"""Fixtures for tests that drive the app in a real Chromium.

Mark such tests `browser` and put them into one group, so that one worker starts one server:

    pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from onmap import OnMap
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
ARTIFACTS = ROOT / "tests" / "artifacts"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_S = 60


@dataclass(frozen=True)
class Server:
    """A running app with folders of its own."""

    url: str
    cache: Path
    weights: Path
    log: Path


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """The app on a free port, as `streamlit run app.py` starts it."""
    folder = tmp_path_factory.mktemp("server")
    port = free_port()
    server = Server(
        f"http://127.0.0.1:{port}", folder / "cache", folder / "weights", folder / "log.txt"
    )
    own = {"EMBEDVIZ_CACHE": str(server.cache), "EMBEDVIZ_WEIGHTS": str(server.weights)}
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            command + options, cwd=ROOT, env=os.environ | own, stdout=log, stderr=log
        )
    try:
        wait_until_healthy(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# Not for the session: while Playwright runs, no other test of this worker can run an event loop.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a module; each gets a fresh context through `page`."""
    executable = finder().find()
    if executable is None:
        message = "no Chromium: run `python tools/browser.py`, or set CHROME_PATH"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def console_errors() -> list[str]:
    """What the page wrote to its console as errors, and exceptions nobody caught."""
    return []


@pytest.fixture
def elsewhere() -> list[str]:
    """Addresses outside this machine that the page asked for."""
    return []


@pytest.fixture
def page(chromium, console_errors, elsewhere) -> Iterator[Page]:
    """A page of 1280 x 720 in a fresh context."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light")
    page = context.new_page()
    # A busy machine lays out a map in half a minute; what fails may take a little longer.
    page.set_default_timeout(60_000)
    page.on("console", lambda message: note(message, console_errors))
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    page.on("request", lambda request: away(request.url) and elsewhere.append(request.url))
    yield page
    context.close()


@dataclass
class Traffic:
    """What went over the page's websockets."""

    sent: list[int]
    """Bytes of each frame."""
    received: list[int]

    def total(self) -> int:
        return sum(self.sent) + sum(self.received)


@pytest.fixture
def traffic(page) -> Traffic:
    """Counts from the next time that the page is loaded."""
    traffic = Traffic([], [])

    def listen(socket) -> None:
        socket.on("framesent", lambda frame: traffic.sent.append(len(frame)))
        socket.on("framereceived", lambda frame: traffic.received.append(len(frame)))

    page.on("websocket", listen)
    return traffic


@pytest.fixture
def open_map(page, server) -> Callable[..., OnMap]:
    """Open the map of a workspace on a page."""

    def opened(workspace, at: str = "explore", **chosen: object) -> OnMap:
        rest = "".join(f"&{name}={value}" for name, value in chosen.items())
        page.goto(f"{server.url}/{at}?w={workspace.token}{rest}")
        return OnMap(page).ready(2 if at == "compare" else 1)

    return opened


@pytest.fixture
def own(server, monkeypatch):
    """A workspace of the running app."""
    from embedviz.ui.workspace import Workspace

    monkeypatch.setenv("EMBEDVIZ_CACHE", str(server.cache))
    return Workspace.create()


@pytest.fixture(scope="session")
def demo_clips(server):
    """Five recordings of each kind of the demo, where the server plays them."""
    from embedviz.demo import write_demo
    from embedviz.labels import from_folders
    from embedviz.recordings import gather

    folder = server.cache / "demo" / "recordings"
    write_demo(folder)
    every = from_folders(gather([folder / "clips"], unpack_to=folder).recordings)
    kinds = sorted({recording.labels["label"] for recording in every})
    return [r for kind in kinds for r in [r for r in every if r.labels["label"] == kind][:5]]


@pytest.fixture
def screenshot(page) -> Callable[..., Path]:
    """Write tests/artifacts/<name>.png of the page, in light or dark."""

    def take(name: str, color_scheme: str = "light") -> Path:
        page.emulate_media(color_scheme=color_scheme)
        # Streamlit follows the scheme and fades between the two.
        page.wait_for_timeout(500)
        path = ARTIFACTS / f"{name}.png"
        page.screenshot(path=path)
        return path

    return take


def note(message, errors: list[str]) -> None:
    url = message.location.get("url", "")
    # On a deep link Streamlit looks for its server under the page's own path first.
    if message.type == "error" and "/_stcore/" not in url:
        errors.append(f"{message.text} ({url})")


def away(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))


def finder():
    """tools/browser.py as a module; it is no part of the package."""
    spec = importlib.util.spec_from_file_location("find_browser", ROOT / "tools" / "browser.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_healthy(server: Server, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the app did not start:\n{server.log.read_text()[-4000:]}")
