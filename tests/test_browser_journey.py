"""The whole way in a real browser: recordings, a map, one point, a selection, a bundle."""

from __future__ import annotations

import re
import zipfile
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from conftest import tone
from playwright.sync_api import TimeoutError

from embedviz.embed import embed
from embedviz.labels import from_folders
from embedviz.models import load_model
from embedviz.project import project
from embedviz.projector.validate import validate_bundle
from embedviz.recordings import gather
from embedviz.store import write_set
from embedviz.ui.workspace import Workspace

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

MAP_MS = 150_000
"""UMAP compiles on first use, on two busy cores for more than a minute."""
CLIPS = ("dog_bark", "rain", "rooster")
TOKEN = re.compile(r"\bw=([A-Za-z0-9_-]{22})")

DRAWN = "() => document.querySelector('.js-plotly-plot.map-chart')?._fullData?.length > 1"
# Row and place on the page of every point, in 2-D.
PLACES = """() => {
  const chart = document.querySelector('.map-chart');
  const { xaxis, yaxis } = chart._fullLayout;
  const box = chart.getBoundingClientRect();
  return chart._fullData.slice(0, -1).flatMap((trace) => Array.from(trace.x, (x, i) => [
    trace.customdata[i],
    box.left + xaxis._offset + xaxis.d2p(x),
    box.top + yaxis._offset + yaxis.d2p(trace.y[i]),
  ]));
}"""
SOLID = (
    "() => document.querySelector('.map-chart')?._fullLayout?.scene?._scene?.glplot?.cameraParams"
)
# The same in 3-D, through the camera of Plotly's scene.
SOLID_PLACES = """() => {
  const chart = document.querySelector('.map-chart');
  const scene = chart._fullLayout.scene._scene;
  const { model, view, projection } = scene.glplot.cameraParams;
  const by = (matrix, v) => [0, 1, 2, 3].map(
    (r) => [0, 1, 2, 3].reduce((sum, c) => sum + matrix[4 * c + r] * v[c], 0));
  const box = scene.container.getBoundingClientRect();
  return chart._fullData.slice(0, -1).flatMap((trace) => Array.from(trace.x, (x, i) => {
    const at = [x, trace.y[i], trace.z[i]].map((value, axis) => value * scene.dataScale[axis]);
    const [cx, cy, , cw] = by(projection, by(view, by(model, [...at, 1])));
    return [
      trace.customdata[i],
      box.left + ((1 + cx / cw) / 2) * box.width,
      box.top + ((1 - cy / cw) / 2) * box.height,
    ];
  }));
}"""
NOTE_SOUNDS = """
  window.heard = [];
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    this.addEventListener('playing', () => window.heard.push(this.src), { once: true });
    return play.call(this);
  };
"""
PICTURES = """() => {
  const pictures = [...document.querySelectorAll('[data-testid=stImage] img')];
  return pictures.length > 0 && pictures.every((one) => one.complete && one.naturalWidth > 0);
}"""


@pytest.fixture
def tones(server, monkeypatch):
    """A workspace of the running app with a set of 27 tones, laid out by PCA."""
    monkeypatch.setenv("EMBEDVIZ_CACHE", str(server.cache))
    workspace = Workspace.create()
    rng = np.random.default_rng(0)
    for label, hz in (("low", 300), ("middle", 1000), ("high", 4000)):
        path = workspace.uploads / label / "tone.wav"
        path.parent.mkdir()
        sf.write(path, tone(hz, 5) + 0.01 * rng.normal(size=80000), 16000)
    recordings = from_folders(gather([workspace.uploads], unpack_to=workspace.folder).recordings)
    found = embed(recordings, load_model("logmel"))
    write_set(found.with_projection(project(found, "pca")), workspace.set_path("tones"))
    return workspace


@pytest.fixture
def on_map(page, server, tones):
    """The page with that map on it."""
    page.add_init_script(NOTE_SOUNDS)
    page.goto(f"{server.url}/explore?w={tones.token}")
    return settled(page)


def settled(page):
    """Wait until the map is drawn and keeps its places."""
    page.wait_for_function(DRAWN)
    page.get_by_test_id("stStatusWidget").wait_for(state="detached")
    return page


def places(page):
    return {int(row): np.array(place) for row, *place in page.evaluate(PLACES)}


def loneliest(found):
    """The row that lies farthest from all others, and its place."""
    every = np.array(list(found.values()))
    apart = np.linalg.norm(every[:, None] - every[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    row = list(found)[int(apart.min(axis=1).argmax())]
    return row, found[row]


def hover(page, place):
    page.mouse.move(place[0] - 2, place[1] - 2)
    page.mouse.move(*place)
    page.locator(".map-card").wait_for()


def hover_solid(page):
    """Bring the pointer over a point of the 3-D map, whose camera takes some frames to settle."""
    for _ in range(20):
        found = {int(row): np.array(place) for row, *place in page.evaluate(SOLID_PLACES)}
        _, place = loneliest(found)
        page.mouse.move(place[0] - 2, place[1] - 2)
        page.mouse.move(*place)
        with suppress(TimeoutError):
            page.locator(".map-card").wait_for(timeout=1000)
            return
    pytest.fail("no point of the 3-D map answers to the pointer")


def lasso(page, corners):
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in [*corners[1:], corners[0]]:
        page.mouse.move(*corner, steps=6)
    page.mouse.up()


def left_half(found):
    """The rows on the left of the widest gap, and a lasso around them."""
    xs = np.sort([place[0] for place in found.values()])
    gap = int(np.diff(xs).argmax())
    split = (xs[gap] + xs[gap + 1]) / 2
    ys = [place[1] for place in found.values()]
    left, top, bottom = xs[0] - 12, min(ys) - 12, max(ys) + 12
    rows = sorted(row for row, place in found.items() if place[0] < split)
    return rows, [(left, top), (split, top), (split, bottom), (left, bottom)]


def duration(page):
    """The seconds of the pinned window's sound, once the browser has them."""
    page.wait_for_function("document.querySelector('audio')?.readyState >= 1")
    return page.evaluate("document.querySelector('audio').duration")


def downloaded(page, label, folder):
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def go(page, name):
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_function(f"document.title == '{name} · embedviz'")


def axis_titles(page, chart):
    return page.evaluate(
        "(place) => { const layout = document.querySelectorAll("
        "'[data-testid=stPlotlyChart] .js-plotly-plot')[place]._fullLayout;"
        "return [layout.xaxis.title.text, layout.yaxis.title.text]; }",
        chart,
    )


@pytest.mark.shared
def test_clips_become_a_map_a_point_a_selection_and_a_bundle(
    page, server, shared, tmp_path, console_errors, elsewhere, screenshot
):
    clips = [sorted((shared / "audio" / "esc10" / kind).glob("*.ogg"))[0] for kind in CLIPS]
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF, but no sound follows")
    page.goto(f"{server.url}/embed")
    page.get_by_text("No recordings yet").wait_for()
    page.locator("input[type=file]").first.set_input_files([*clips, broken])
    page.get_by_text("3 recordings · 15.0 s").wait_for()
    page.get_by_text("1 file could not be read").wait_for()
    token = TOKEN.search(page.url)[1]

    embed_and_leave(page)
    page.get_by_role("button", name="See the map").click()
    settled(page)
    assert len(places(page)) == 27
    pin_and_look(page, screenshot)
    select_and_keep(page, tmp_path)
    bundle = export(page, tmp_path, screenshot)
    with zipfile.ZipFile(bundle) as packed:
        packed.extractall(tmp_path / "bundle")
    report = validate_bundle(tmp_path / "bundle")
    assert report.ok, report.findings
    assert "27 points" in report.summary

    page.reload()
    page.get_by_text("recordings-logmel").first.wait_for()
    assert TOKEN.search(page.url)[1] == token
    assert console_errors == []
    assert elsewhere == []


def embed_and_leave(page):
    """Start a run and look elsewhere meanwhile: it goes on."""
    page.get_by_role("button", name="Embed 3 recordings").click()
    page.get_by_text("Embedding 3 recordings with Log-mel").first.wait_for()
    go(page, "Models")
    go(page, "Embed")
    page.get_by_text("27 points of 3 recordings").wait_for(timeout=MAP_MS)
    page.get_by_text("1 recording left out").wait_for()


def pin_and_look(page, screenshot):
    row, place = loneliest(places(page))
    page.mouse.click(*place)
    page.get_by_text("What Log-mel received").wait_for()
    page.get_by_text("Nearest in embedding space").wait_for()
    assert duration(page) == pytest.approx(0.96, abs=0.001)
    assert f"/{row}.wav" in page.evaluate("document.querySelector('audio').src")
    page.get_by_test_id("stPlotlyChart").nth(1).locator(".heatmaplayer image").wait_for()
    assert axis_titles(page, 0) == ["time in s", "Hz"]
    assert axis_titles(page, 1) == ["time in s", "kHz"]
    page.wait_for_function("document.querySelectorAll('[data-testid=stImage] img').length == 10")
    page.wait_for_function("document.querySelectorAll('audio').length == 11")
    page.wait_for_function(PICTURES)
    # The ring around the point moves nothing.
    assert np.allclose(places(page)[row], place, atol=0.5)
    screenshot("explore-pinned-light")


def select_and_keep(page, folder):
    rows, corners = left_half(places(page))
    lasso(page, corners)
    page.get_by_text(f"{len(rows)} selected", exact=True).wait_for()
    page.get_by_role("button", name="Download CSV").scroll_into_view_if_needed()
    table = pd.read_csv(downloaded(page, "Download CSV", folder))
    assert list(table["row"]) == rows
    assert {"recording", "start_s", "stop_s", "x", "y"} <= set(table)


def export(page, folder, screenshot):
    go(page, "Export")
    page.get_by_role("button", name="Write the bundle").click()
    page.get_by_text("it will open").wait_for()
    go(page, "Embed")
    go(page, "Export")
    page.wait_for_function(PICTURES)
    screenshot("export-light")
    return downloaded(page, "Download recordings-logmel.zip", folder)


def test_the_point_under_the_pointer_is_seen_and_heard(on_map, console_errors):
    row, place = loneliest(places(on_map))
    hover(on_map, place)
    card = on_map.locator(".map-card")
    on_map.wait_for_function("document.querySelector('.map-card img').naturalWidth > 0")
    assert f"/{row}.png" in card.locator("img").get_attribute("src")
    assert "tone.wav" in card.inner_text()
    assert on_map.evaluate("window.heard") == []
    on_map.keyboard.press("h")
    assert on_map.locator(".map-hear").get_attribute("aria-pressed") == "true"
    on_map.mouse.move(place[0] + 300, place[1] + 200)
    card.wait_for(state="hidden")
    hover(on_map, place)
    on_map.wait_for_function("window.heard.length > 0")
    assert f"/{row}.wav?fade=1" in on_map.evaluate("window.heard[0]")
    on_map.keyboard.press("h")
    assert on_map.locator(".map-hear").get_attribute("aria-pressed") == "false"
    assert console_errors == []


def test_the_card_stays_on_the_map(on_map):
    on_map.set_viewport_size({"width": 390, "height": 844})
    settled(on_map)
    on_map.wait_for_function("document.querySelector('.map-chart')._fullLayout.width < 390")
    found = places(on_map)
    for pick in (min, max):
        row = pick(found, key=lambda row: found[row][0])
        hover(on_map, found[row])
        inside = on_map.evaluate(
            "() => { const card = document.querySelector('.map-card').getBoundingClientRect();"
            "const map = document.querySelector('.map').getBoundingClientRect();"
            "return card.left >= map.left && card.right <= map.right + 1"
            " && card.top >= map.top && card.bottom <= map.bottom + 1; }"
        )
        assert inside
    assert on_map.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_point_in_three_dimensions_is_pinned_by_a_click(on_map, console_errors):
    on_map.get_by_text("3-D", exact=True).click()
    on_map.wait_for_function(SOLID)
    settled(on_map)
    hover_solid(on_map)
    words = on_map.locator(".map-card p").inner_text().split("\n")
    on_map.mouse.down()
    on_map.mouse.up()
    on_map.get_by_text("What Log-mel received").wait_for()
    assert on_map.get_by_text(words[1], exact=True).first.is_visible()
    assert duration(on_map) == pytest.approx(0.96, abs=0.001)
    assert console_errors == []


def test_another_projection_and_colour_keep_the_map_usable(on_map, console_errors):
    on_map.get_by_text("t-SNE", exact=True).click()
    on_map.wait_for_function("!document.body.innerText.includes('of the variance')")
    settled(on_map)
    before = places(on_map)
    on_map.get_by_label("Colour by").click()
    on_map.get_by_role("option", name="start_s").click()
    on_map.wait_for_function("document.querySelector('.map-chart')._fullData.length == 2")
    after = places(on_map)
    assert after.keys() == before.keys()
    row, place = loneliest(after)
    on_map.mouse.click(*place)
    on_map.get_by_text("Nearest in embedding space").wait_for()
    assert duration(on_map) == pytest.approx(0.96, abs=0.001)
    assert f"/{row}.wav" in on_map.evaluate("document.querySelector('audio').src")
    assert console_errors == []


def test_the_keyboard_alone_reaches_a_window(on_map):
    assert "27 points" in on_map.locator(".map-chart").get_attribute("aria-label")
    box = on_map.get_by_role("combobox", name=re.compile("Window"))
    box.focus()
    on_map.keyboard.type("middle")
    on_map.keyboard.press("Enter")
    on_map.get_by_text("What Log-mel received").wait_for()
    assert duration(on_map) == pytest.approx(0.96, abs=0.001)
    # The map shows where it is.
    on_map.wait_for_function("document.querySelector('.map-chart')._fullData.at(-1).x.length == 1")
