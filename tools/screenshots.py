"""Take the pictures of the documentation: `python tools/screenshots.py`.

Every page of the app on the demo set, in light and dark, as
assets/screenshots/{explore,selection,scene,embed,compare,evaluate,export,models}-{light,dark}.png.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from browser import find
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from running import ARGUMENTS, app

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "assets" / "screenshots"
SIZE = {"width": 1440, "height": 900}
READY = """() => {
  const maps = [...document.querySelectorAll('[data-testid=listening-map]')];
  return maps.length && maps.every((map) => map.dataset.ready);
}"""
CARDS = """() => [...document.querySelectorAll('[data-testid=hover-card]')]
  .every((card) => card.dataset.row !== undefined)"""
LOADED = """[...document.querySelectorAll('[data-testid=stImage] img')]
  .every((picture) => picture.complete && picture.naturalWidth > 0)"""
# The first whale's second window: a call that the ear knows from its picture.
CHOSEN = "whale-01"
HOVERED = "bird-03"
POINT = """async ([name, place]) => {
  const map = document.querySelector('.lm').listeningMap;
  const column = await map.sources[0].column('recording');
  const rows = [...column.codes.keys()].filter((row) => column.text(row).includes(name));
  return map.placeOf(rows[Math.min(place, rows.length - 1)]);
}"""


def point(page: Page, name: str, place: int = 0) -> tuple[float, float]:
    """Give where a window of a recording lies on the page."""
    found = page.evaluate(POINT, [name, place])
    return found["x"], found["y"]


def explore(page: Page) -> None:
    """Pin a point and bring the pointer over another."""
    page.wait_for_function(READY)
    quiet(page)
    page.mouse.click(*point(page, CHOSEN, 1))
    page.locator("[data-testid=detail][data-row]").wait_for()
    page.mouse.move(*point(page, HOVERED))
    page.wait_for_function(CARDS)


def selection(page: Page) -> None:
    """Draw a lasso around half of the points, coloured by cluster."""
    page.wait_for_function(READY)
    quiet(page)
    page.get_by_role("combobox", name="Colour by").click()
    page.get_by_role("option", name="Cluster (HDBSCAN)").click()
    page.get_by_test_id("legend").get_by_text("cluster 1", exact=False).first.wait_for()
    box = page.locator(".lm-stage").bounding_box()
    left, right = box["x"] + box["width"] * 0.45, box["x"] + box["width"] - 8
    top, bottom = box["y"] + 8, box["y"] + box["height"] - 8
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in [*corners[1:], corners[0]]:
        page.mouse.move(*corner, steps=6)
    page.mouse.up()
    page.get_by_role("button", name="CSV").and_(page.locator(":enabled")).wait_for()
    toasts_away(page)


def scene(page: Page) -> None:
    """Show three principal components."""
    page.wait_for_function(READY)
    page.get_by_role("radio", name="PCA").or_(page.get_by_role("button", name="PCA")).first.click()
    page.get_by_role("radio", name="3-D").or_(page.get_by_role("button", name="3-D")).first.click()
    page.locator(".lm-stage[data-dims='3']").wait_for()
    toasts_away(page)


def embed(page: Page) -> None:
    """Load the demo recordings."""
    page.get_by_role("button", name="Try the demo").click()
    page.get_by_text("96 recordings").first.wait_for()


def compare(page: Page) -> None:
    """Bring the pointer over a point of the left map, which is marked in the right one."""
    page.wait_for_function(READY)
    quiet(page)
    page.mouse.move(*point(page, CHOSEN))
    page.wait_for_function(CARDS)


def evaluate(page: Page) -> None:
    """Ask which of the two models tells the demo's kinds apart."""
    page.get_by_role("button", name="Evaluate", exact=True).click()
    page.get_by_role("tab", name="Mistakes").wait_for()
    page.get_by_test_id("stToast").first.wait_for()
    toasts_away(page)


def export(page: Page) -> None:
    """Write a bundle."""
    page.get_by_role("button", name="Write the bundle").click()
    page.get_by_role("button", name="Download demo.zip").wait_for()
    toasts_away(page)


def models(page: Page) -> None:
    """Wait for the first model."""
    page.get_by_role("heading", name="YAMNet").wait_for()


PAGES: tuple[Callable[[Page], None], ...] = (
    explore, selection, scene, embed, compare, evaluate, export, models,
)  # fmt: skip
# Those that show Explore in another state.
ADDRESSES = {"selection": "explore", "scene": "explore"}


def toasts_away(page: Page) -> None:
    """Close what the app said about finished work."""
    for toast in page.get_by_test_id("stToast").get_by_role("button").all():
        toast.click()
    page.get_by_test_id("stToast").wait_for(state="detached")


def quiet(page: Page) -> None:
    """Wait until Streamlit has nothing left to do and everything is there."""
    # No card and no tooltip.
    page.mouse.move(5, 450)
    page.get_by_test_id("stStatusWidget").wait_for(state="detached")
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_function("!document.querySelector('[data-testid=stTooltipContent]')")
    page.wait_for_function(LOADED)
    page.wait_for_load_state("networkidle")


def reduced(picture: Image.Image) -> Image.Image:
    """Reduce a picture to 256 colours, which is a third of its size."""
    return picture.quantize(256, dither=Image.Dither.NONE)


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


def take(url: str, token: str, executable: Path) -> None:
    """Visit every page in both colour schemes and write its picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        for scheme in ("light", "dark"):
            for prepare in PAGES:
                name = prepare.__name__
                context = browser.new_context(viewport=SIZE, color_scheme=scheme)
                page = context.new_page()
                where = ADDRESSES.get(name, name)
                page.goto(
                    f"{url}/{where}" + (f"?w={token}" if prepare in (compare, evaluate) else "")
                )
                page.wait_for_function(f"document.title == '{where.title()} · embedviz'")
                prepare(page)
                if prepare not in (explore, compare):
                    quiet(page)
                path = FOLDER / f"{name}-{scheme}.png"
                taken = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert(
                    "RGB"
                )
                # With 256 colours, classes of a map that is small in the picture would share one.
                kept = reduced(taken) if prepare in (embed, evaluate, export, models) else taken
                kept.save(path, optimize=True)
                print_line(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB")
                context.close()
        browser.close()


def print_line(line: str) -> None:
    """Say what happens."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Take all pictures."""
    from embedviz.launch import prepare_demo

    executable = find()
    if executable is None:
        raise SystemExit("No Chromium: run `python tools/browser.py`, or set CHROME_PATH.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        # The visits leave workspaces and bundles, which are nobody's.
        os.environ.setdefault("EMBEDVIZ_CACHE", f"{folder}/cache")
        os.environ.setdefault("EMBEDVIZ_WEIGHTS", f"{folder}/weights")
        prepare_demo(print_line)
        with app(Path(folder) / "log.txt") as url:
            take(url, two_sets(), executable)


if __name__ == "__main__":
    main()
