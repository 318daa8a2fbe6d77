"""Take the pictures of the documentation: `python tools/screenshots.py`.

Every page of the app on the demo set, in light and dark, as
assets/screenshots/{explore,embed,compare,export,models}-{light,dark}.png.
"""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from browser import find
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "assets" / "screenshots"
SIZE = {"width": 1440, "height": 900}
START_S = 60
DRAWN = "document.querySelector('.map-chart')?._fullData?.length > 1"
BOTH_DRAWN = """(() => {
  const charts = [...document.querySelectorAll('.map-chart')];
  return charts.length === 2 && charts.every((chart) => chart._fullData?.length > 1);
})()"""
CARDS = """[...document.querySelectorAll('.map-card')]
  .every((card) => !card.hidden && card.querySelector('img').naturalWidth > 0)"""
LOADED = """[...document.querySelectorAll('[data-testid=stImage] img')]
  .every((picture) => picture.complete && picture.naturalWidth > 0)"""
# The first whale's second window: a call that the ear knows from its picture.
CHOSEN = "whale-01"
POINT = """(name) => {
  const chart = document.querySelector('.map-chart');
  const { xaxis, yaxis } = chart._fullLayout;
  const box = chart.getBoundingClientRect();
  for (const trace of chart._fullData) {
    const i = (trace.text || []).findIndex((words) => words.includes(name));
    if (i >= 0) return [
      box.left + xaxis._offset + xaxis.d2p(trace.x[i]),
      box.top + yaxis._offset + yaxis.d2p(trace.y[i]),
    ];
  }
}"""


def explore(page: Page) -> None:
    """Pin a point."""
    page.wait_for_function(DRAWN)
    quiet(page)
    page.mouse.click(*page.evaluate(POINT, CHOSEN))
    page.get_by_text("The recording around it").wait_for()
    page.locator("[data-testid=stPlotlyChart] .heatmaplayer image").nth(1).wait_for()


def embed(page: Page) -> None:
    """Load the demo recordings."""
    page.get_by_role("button", name="Try the demo").click()
    page.get_by_text("96 recordings").first.wait_for()


def compare(page: Page) -> None:
    """Bring the pointer over a point of the left map, which is marked in the right one."""
    page.wait_for_function(BOTH_DRAWN)
    quiet(page)
    page.mouse.move(*page.evaluate(POINT, CHOSEN))
    page.wait_for_function(CARDS)


def export(page: Page) -> None:
    """Write a bundle."""
    page.get_by_role("button", name="Write the bundle").click()
    page.get_by_role("button", name="Download demo.zip").wait_for()
    page.get_by_test_id("stToast").get_by_role("button").click()
    page.get_by_test_id("stToast").wait_for(state="detached")


def models(page: Page) -> None:
    """Wait for the first model."""
    page.get_by_role("heading", name="YAMNet").wait_for()


PAGES: tuple[Callable[[Page], None], ...] = (explore, embed, compare, export, models)


def quiet(page: Page) -> None:
    """Wait until Streamlit has nothing left to do and everything is there."""
    # No card and no tooltip.
    page.mouse.move(5, 450)
    page.get_by_test_id("stStatusWidget").wait_for(state="detached")
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_function("!document.querySelector('[data-testid=stTooltipContent]')")
    page.wait_for_function(LOADED)
    page.wait_for_load_state("networkidle")


def optimised(png: bytes) -> Image.Image:
    """Reduce a picture to 256 colours, which is a third of its size and looks the same."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    return picture.quantize(256, dither=Image.Dither.NONE)


@contextmanager
def app(log: Path) -> Iterator[str]:
    """Run the app with its demo set and give its address."""
    from embedviz.launch import prepare_demo

    prepare_demo(lambda line: print_line(line))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--server.address=127.0.0.1"], cwd=ROOT, stdout=out, stderr=out
        )
    try:
        wait(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def two_sets() -> str:
    """Embed the demo clips with two models, one point a clip, and give the workspace's token."""
    from embedviz import catalogue, models
    from embedviz.embed import embed as embed_recordings
    from embedviz.ensemble import ensemble
    from embedviz.folders import demo_recordings
    from embedviz.labels import from_folders
    from embedviz.project import project
    from embedviz.recordings import gather
    from embedviz.store import write_set
    from embedviz.ui.workspace import Workspace

    workspace = Workspace.create()
    gathered = gather([demo_recordings() / "clips"], unpack_to=workspace.folder)
    clips = from_folders(gathered.recordings)
    logmel = models.load_model("logmel")
    sets = {"clips": embed_recordings(clips, logmel, per="recording")}
    known = [name for name in ("efficientat", "yamnet") if name in models.names()]
    ready = [name for name in known if catalogue.ready(models.facts(name))]
    if ready:
        model = models.load_model(ready[0])
        sets[f"clips-{ready[0]}"] = embed_recordings(clips, model, per="recording")
    else:
        # No weights on this machine: the same clips heard twice, coarsely as well.
        coarse = embed_recordings(clips, logmel, per="recording", hop_s=0.96)
        sets["clips-joined"] = ensemble([sets["clips"], coarse])
    for name, found in sets.items():
        write_set(found.with_projection(project(found, "umap")), workspace.set_path(name))
    return workspace.token


def wait(url: str) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"The app did not answer within {START_S} s.")


def take(url: str, token: str, executable: Path) -> None:
    """Visit every page in both colour schemes and write its picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        for scheme in ("light", "dark"):
            for prepare in PAGES:
                name = prepare.__name__
                context = browser.new_context(viewport=SIZE, color_scheme=scheme)
                page = context.new_page()
                page.goto(f"{url}/{name}" + (f"?w={token}" if prepare is compare else ""))
                page.wait_for_function(f"document.title == '{name.title()} · embedviz'")
                prepare(page)
                if prepare is not compare:
                    quiet(page)
                path = FOLDER / f"{name}-{scheme}.png"
                optimised(page.screenshot(animations="disabled")).save(path, optimize=True)
                print_line(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB")
                context.close()
        browser.close()


def print_line(line: str) -> None:
    """Say what happens."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Take all pictures."""
    executable = find()
    if executable is None:
        raise SystemExit("No Chromium: run `python tools/browser.py`, or set CHROME_PATH.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        # The visits leave workspaces and bundles, which are nobody's.
        os.environ.setdefault("EMBEDVIZ_CACHE", f"{folder}/cache")
        os.environ.setdefault("EMBEDVIZ_WEIGHTS", f"{folder}/weights")
        with app(Path(folder) / "log.txt") as url:
            take(url, two_sets(), executable)


if __name__ == "__main__":
    main()
