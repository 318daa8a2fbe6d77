"""The real Embedding Projector, in a real Chromium, on bundles as embedviz writes them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from serving import serving

from embedviz.data import Projection
from embedviz.projector.bundle import write_bundle
from embedviz.served.frontend import SCRIPT, installed
from embedviz.store import write_set
from embedviz.ui.exports import bundle_path
from embedviz.ui.hosting import host

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LOAD_MS = 30_000
# The page's element, wherever it lies: custom elements keep their children to themselves.
PROJECTOR = """() => {
  const search = (root) => {
    for (const one of root.querySelectorAll('*')) {
      if (one.localName === 'vz-projector') return one;
      const inside = one.shadowRoot && search(one.shadowRoot);
      if (inside) return inside;
    }
    return null;
  };
  return search(document);
}"""
ROWS = f"""() => {{
  const {{ dataSet }} = ({PROJECTOR})();
  const sprite = dataSet.spriteAndMetadataInfo?.spriteImage;
  return {{
    rows: dataSet.points.map(({{ vector, metadata, projections }}) => ({{
      vector: Array.from(vector), metadata, projections,
    }})),
    sprite: sprite ? [sprite.width, sprite.height] : null,
  }};
}}"""
PLACES = f"""() => Array.from(
  ({PROJECTOR})().projectorScatterPlotAdapter.scatterPlot.worldSpacePointPositions,
)"""
READY = f"() => ({PROJECTOR})()?.dataSet?.spriteAndMetadataInfo !== undefined"
STANDALONE = """<!doctype html><body style="margin: 0">
<vz-projector serving-mode="demo" style="display: block; height: 100vh"></vz-projector>
<script src="projector_binary.js"></script>"""


@pytest.fixture
def mapped(make_set):
    """Build a set with a map of its own."""

    def build(rows, **options):
        found = make_set(rows, **options)
        places = np.random.default_rng(2).normal(size=(rows, 2)).astype(np.float32)
        return found.with_projection(Projection("umap", places, {}))

    return build


def loaded(page, found):
    """Wait until the projector says what it holds, and give its rows and the sprite's pixels."""
    rows, dims = found.vectors.shape
    page.get_by_text(f"Points: {rows}", exact=True).wait_for(timeout=LOAD_MS)
    page.get_by_text(f"Dimension: {dims}", exact=True).wait_for(timeout=LOAD_MS)
    page.wait_for_function(READY)
    return page.evaluate(ROWS)


def holds(shown, found):
    """Tell whether the projector holds the set: vectors, labels, pictures."""
    vectors = np.array([row["vector"] for row in shown["rows"]], np.float32)
    np.testing.assert_array_equal(vectors, found.vectors)
    labels = [row["metadata"]["label"] for row in shown["rows"]]
    assert labels == found.table["label"].tolist()
    assert shown["sprite"] is not None
    width, height = shown["sprite"]
    # A sheet of k x k cells, k a power of two.
    assert width == height >= 16 * np.sqrt(len(found))


def colours_offered(page):
    """Give what stands under "Color by", opened as a visitor does."""
    page.locator("paper-dropdown-menu:visible", has_text="Color by").first.click()
    items = page.locator("paper-item:visible")
    items.first.wait_for()
    return [text.split("\n")[0].strip() for text in items.all_inner_texts()]


@pytest.mark.parametrize("rows", [3, 51, 1000])
def test_the_app_opens_its_bundles_in_the_projector(
    page, server, own, mapped, console_errors, elsewhere, rows
):
    found = mapped(rows)
    write_bundle({"logmel": found}, bundle_path(own, ["night"]))
    page.goto(f"{server.url}/projector/{own.token}/night/")
    holds(loaded(page, found), found)
    assert "label" in colours_offered(page)
    assert console_errors == []
    assert elsewhere == []


def test_our_own_map_is_one_click_away_and_every_point_is_where_we_put_it(
    page, server, own, mapped, console_errors
):
    found = mapped(300)
    write_bundle({"logmel": found}, bundle_path(own, ["night"]))
    page.goto(f"{server.url}/projector/{own.token}/night/")
    loaded(page, found)
    page.get_by_text("Bookmarks (1)", exact=False).wait_for()
    page.locator("vz-projector-bookmark-panel .state-radio paper-icon-button").click()
    page.wait_for_function(
        f"() => ({PROJECTOR})().dataSet.points.every((p) => 'umap-0' in p.projections)"
    )
    shown = page.evaluate(ROWS)["rows"]
    told = [[row["projections"][f"umap-{axis}"] for axis in (0, 1)] for row in shown]
    np.testing.assert_allclose(told, found.projection.coordinates, rtol=1e-6)
    # And they are drawn there: each axis is only moved and scaled to fit the view.
    deadline, worst = time.monotonic() + 10, 1.0
    while worst > 1e-4 and time.monotonic() < deadline:
        drawn = np.array(page.evaluate(PLACES)).reshape(-1, 3)
        fits = [
            np.polyfit(found.projection.coordinates[:, axis], drawn[:, axis], 1, full=True)[1]
            for axis in (0, 1)
        ]
        worst = float(np.max(fits))
    assert worst <= 1e-4
    np.testing.assert_array_equal(drawn[:, 2], 0)
    assert console_errors == []


def test_the_page_export_writes_opens_and_frames_a_bundle_until_its_workspace_is_gone(
    page, server, own, mapped, screenshot
):
    found = mapped(51)
    write_set(found, own.set_path("night"))
    page.goto(f"{server.url}/export?w={own.token}")
    page.get_by_role("button", name="Write the bundle").click()
    page.get_by_text("it will open").wait_for(timeout=LOAD_MS)
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open in the projector").click()
    holds(loaded(opened.value, found), found)
    page.get_by_text("Show the projector on this page").click()
    frame = page.frame_locator("iframe[title='The Embedding Projector on this bundle']")
    frame.get_by_text("Points: 51", exact=True).wait_for(timeout=LOAD_MS)
    page.get_by_text("Serve for projector.tensorflow.org").click()
    page.get_by_text("https://projector.tensorflow.org/?config=http%3A%2F%2F127.0.0.1").wait_for()
    screenshot("export-opened")
    own.delete()
    opened.value.reload()
    opened.value.get_by_text("This workspace is gone").wait_for()


def test_a_page_of_another_site_opens_a_hosted_bundle(
    page, server, own, mapped, console_errors, tmp_path
):
    found = mapped(51)
    write_bundle({"logmel": found}, bundle_path(own, ["night"]))
    config = f"{server.url}/hosted/{host(own, 'night')}/projector_config.json"
    shutil.copy(installed() / SCRIPT, tmp_path)
    (tmp_path / "index.html").write_text(STANDALONE)
    with serving(tmp_path) as site:
        page.goto(f"{site.url}/?config={quote(config, safe='')}")
        holds(loaded(page, found), found)
    assert not [error for error in console_errors if "favicon" not in error]


@pytest.fixture
def tensorboard(tmp_path):
    """Run `tensorboard --logdir` as anybody would; gives its address."""
    # Only its own network code is tried: TensorFlow, which it would import, is hidden from it.
    hidden = tmp_path / "without"
    hidden.mkdir()
    (hidden / "tensorflow.py").write_text("raise ImportError('hidden')")
    started = []

    def start(logdir: Path) -> str:
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir)]
        log = tmp_path / "tensorboard.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*command, "--host=127.0.0.1", "--port=0"],
                env=os.environ | {"PYTHONPATH": str(hidden)},
                stdout=stream,
                stderr=stream,
            )
        started.append(process)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if found := re.search(r"http://127\.0\.0\.1:\d+/", log.read_text()):
                return found[0]
            time.sleep(0.1)
        pytest.fail(f"TensorBoard did not start:\n{log.read_text()[-2000:]}")

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


def test_tensorboard_opens_the_folder_of_a_bundle_as_it_is(page, tensorboard, mapped, tmp_path):
    found = mapped(51)
    folder = write_bundle({"logmel": found}, tmp_path / "bundle")
    page.goto(f"{tensorboard(folder)}data/plugin/projector/projector_binary.html")
    holds(loaded(page, found), found)
    assert "label" in colours_offered(page)
    page.get_by_text("Bookmarks (1)", exact=False).wait_for()
