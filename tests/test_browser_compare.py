"""Two maps side by side in a real browser: what is done in one is seen in the other."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from embedviz.demo import write_demo
from embedviz.embed import embed
from embedviz.ensemble import ensemble
from embedviz.labels import from_folders
from embedviz.models import load_model
from embedviz.project import project
from embedviz.recordings import gather
from embedviz.store import write_set
from embedviz.ui.workspace import Workspace

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LEFT, RIGHT = 0, 1
DRAWN = """() => {
  const charts = [...document.querySelectorAll('.js-plotly-plot.map-chart')];
  return charts.length === 2 && charts.every((chart) => chart._fullData?.length > 1);
}"""
# Row and place on the page of every point of one of the maps.
PLACES = """(which) => {
  const chart = document.querySelectorAll('.map-chart')[which];
  const { xaxis, yaxis } = chart._fullLayout;
  const box = chart.getBoundingClientRect();
  return chart._fullData.slice(0, -1).flatMap((trace) => Array.from(trace.x, (x, i) => [
    trace.customdata[i],
    box.left + xaxis._offset + xaxis.d2p(x),
    box.top + yaxis._offset + yaxis.d2p(trace.y[i]),
  ]));
}"""
MARKED = """(which) => {
  const box = document.querySelectorAll('.map-mark')[which].getBoundingClientRect();
  return box.width ? [box.left + box.width / 2, box.top + box.height / 2] : null;
}"""
# The row under the ring of a map: the last trace holds its place, no row.
RINGED = """(which) => {
  const traces = document.querySelectorAll('.map-chart')[which]._fullData;
  const ring = traces.at(-1);
  for (const trace of traces.slice(0, -1)) {
    for (let i = 0; i < trace.x.length; i++) {
      if (trace.x[i] === ring.x[0] && trace.y[i] === ring.y[0]) return trace.customdata[i];
    }
  }
  return null;
}"""
SELECTED = """(which) => {
  const traces = document.querySelectorAll('.map-chart')[which]._fullData.slice(0, -1);
  if (traces.every((trace) => !trace.selectedpoints)) return null;
  return traces.flatMap((trace) => trace.selectedpoints.map((i) => trace.customdata[i]))
    .sort((a, b) => a - b);
}"""
SEEN = """(which) => document.querySelectorAll('.map-chart')[which]._fullData.slice(0, -1)
  .map((trace) => trace.visible)"""


@pytest.fixture(scope="module")
def sets(server):
    """40 demo clips heard once and, in another order, together with themselves heard coarsely."""
    # The server plays what lies in its own folders.
    folder = server.cache / "demo" / "recordings"
    write_demo(folder)
    every = from_folders(gather([folder / "clips"], unpack_to=folder).recordings)
    kinds = sorted({recording.labels["label"] for recording in every})
    clips = [r for kind in kinds for r in [r for r in every if r.labels["label"] == kind][:5]]
    assert len(clips) == 40
    model = load_model("logmel")
    fine = embed(clips, model, per="recording")
    coarse = embed(clips, model, per="recording", hop_s=0.96)
    joined = ensemble([fine, coarse])
    order = np.random.default_rng(0).permutation(40)
    shuffled = replace(
        joined,
        table=joined.table.iloc[order].reset_index(drop=True),
        vectors=joined.vectors[order],
        thumbnails=joined.thumbnails[order],
    )
    return tuple(found.with_projection(project(found, "pca")) for found in (fine, shuffled)), order


@pytest.fixture
def pair(page, server, sets, monkeypatch):
    """The page with both maps on it, the ensemble's on the right."""
    monkeypatch.setenv("EMBEDVIZ_CACHE", str(server.cache))
    workspace = Workspace.create()
    fine, joined = sets[0]
    write_set(joined, workspace.set_path("joined"))
    write_set(fine, workspace.set_path("fine"))
    page.goto(f"{server.url}/compare?w={workspace.token}")
    return settled(page)


def settled(page):
    page.wait_for_function(DRAWN)
    page.get_by_test_id("stStatusWidget").wait_for(state="detached")
    return page


def places(page, which):
    return {int(row): np.array(place) for row, *place in page.evaluate(PLACES, which)}


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


def upper_half(found):
    """The rows above the widest gap, and a lasso around them."""
    ys = np.sort([place[1] for place in found.values()])
    middle = slice(len(ys) // 4, 3 * len(ys) // 4)
    gap = int(np.diff(ys[middle]).argmax()) + middle.start
    split = (ys[gap] + ys[gap + 1]) / 2
    xs = [place[0] for place in found.values()]
    left, right, top = min(xs) - 12, max(xs) + 12, ys[0] - 12
    rows = sorted(row for row, place in found.items() if place[1] < split)
    return rows, [(left, top), (right, top), (right, split), (left, split)]


def lasso(page, corners):
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in [*corners[1:], corners[0]]:
        page.mouse.move(*corner, steps=6)
    page.mouse.up()


def comes(page, script, which, wanted):
    """Wait until a script says so of a map."""
    page.wait_for_function(
        f"([which, wanted]) => JSON.stringify(({script})(which)) === JSON.stringify(wanted)",
        arg=[which, wanted],
    )


def test_what_is_under_the_pointer_is_marked_in_the_other_map_without_the_server(
    page, server, pair, sets, console_errors, elsewhere, screenshot
):
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.reload()
    settled(page)
    page.wait_for_timeout(500)
    before = len(sent)
    assert before > 0
    row, place = loneliest(places(page, LEFT))
    hover(page, place)
    page.wait_for_function(f"({MARKED})(1) !== null")
    assert np.allclose(page.evaluate(MARKED, RIGHT), places(page, RIGHT)[row], atol=1)
    assert page.evaluate(MARKED, LEFT) is None
    # The other map's card shows the same clip as the other model received it.
    page.locator(".map-card").nth(RIGHT).wait_for()
    cards = [page.locator(".map-card").nth(which) for which in (LEFT, RIGHT)]
    assert cards[LEFT].inner_text() == cards[RIGHT].inner_text()
    number = int(np.flatnonzero(sets[1] == row)[0])
    assert f"/fine/{row}.png" in cards[LEFT].locator("img").get_attribute("src")
    assert f"/joined/{number}.png" in cards[RIGHT].locator("img").get_attribute("src")
    page.wait_for_function(
        "[...document.querySelectorAll('.map-card img')].every((one) => one.naturalWidth > 0)"
    )
    screenshot("compare-hover-light")
    page.mouse.move(5, 300)
    page.wait_for_function(f"({MARKED})(1) === null")
    cards[RIGHT].wait_for(state="hidden")
    # And the other way round.
    row, place = loneliest(places(page, RIGHT))
    hover(page, place)
    page.wait_for_function(f"({MARKED})(0) !== null")
    assert np.allclose(page.evaluate(MARKED, LEFT), places(page, LEFT)[row], atol=1)
    assert len(sent) == before
    assert console_errors == []
    assert elsewhere == []


def test_a_click_rings_the_row_in_both_maps_and_shows_it_twice(
    page, pair, console_errors, screenshot
):
    row, place = loneliest(places(page, RIGHT))
    page.mouse.click(*place)
    for which in (LEFT, RIGHT):
        comes(page, RINGED, which, row)
    # The ensemble keeps the pictures of its first member, and says so.
    page.get_by_text("What Log-mel received").nth(1).wait_for()
    page.wait_for_function("document.querySelectorAll('audio').length == 21")
    assert f"/fine/{row}.wav" in page.evaluate("document.querySelector('audio').src")
    page.get_by_text("in both", exact=True).first.wait_for()
    page.mouse.move(5, 300)
    settled(page)
    page.get_by_text("What Log-mel received").first.scroll_into_view_if_needed()
    screenshot("compare-row-light")
    screenshot("compare-row-dark", "dark")
    # Another row, chosen on the other map, takes its place in both.
    page.evaluate("document.querySelector('.map-chart').scrollIntoView({ block: 'center' })")
    found = places(page, LEFT)
    del found[row]
    other, place = loneliest(found)
    page.mouse.click(*place)
    for which in (LEFT, RIGHT):
        comes(page, RINGED, which, other)
    page.wait_for_function(f"document.querySelector('audio').src.includes('/fine/{other}.wav')")
    assert console_errors == []


def test_a_lasso_selects_the_same_rows_in_both_maps(page, pair, console_errors, screenshot):
    rows, corners = upper_half(places(page, LEFT))
    lasso(page, corners)
    for which in (LEFT, RIGHT):
        comes(page, SELECTED, which, rows)
    page.get_by_text(f"of the {len(rows)} selected points").wait_for()
    page.get_by_role("combobox", name=re.compile(f"{len(rows)} selected")).wait_for()
    settled(page)
    screenshot("compare-lasso-light")
    # A later lasso in the other map takes the place of the first.
    others, corners = upper_half(places(page, RIGHT))
    assert others != rows
    lasso(page, corners)
    for which in (LEFT, RIGHT):
        comes(page, SELECTED, which, others)
    page.get_by_text(f"of the {len(others)} selected points").wait_for()
    settled(page)
    row, place = loneliest(places(page, LEFT))
    page.mouse.click(*place)
    for which in (LEFT, RIGHT):
        comes(page, SELECTED, which, None)
        comes(page, RINGED, which, row)
    assert console_errors == []


def test_the_legend_isolates_a_category_in_both_maps(page, pair):
    page.locator(".map-chart").nth(LEFT).locator(".legendtoggle").nth(2).click()
    for which in (LEFT, RIGHT):
        comes(page, SEEN, which, [True, True, "legendonly", *[True] * 5])


def test_both_maps_are_coloured_by_what_the_models_share(page, pair, console_errors, screenshot):
    page.get_by_label("Colour both by").click()
    page.get_by_role("option", name="shared neighbours").click()
    page.wait_for_function(
        "[...document.querySelectorAll('.map-chart')].every((c) => c._fullData?.length === 2)"
    )
    settled(page)
    shares = [
        page.evaluate(
            "(which) => Array.from(document.querySelectorAll('.map-chart')[which]"
            "._fullData[0].marker.color)",
            which,
        )
        for which in (LEFT, RIGHT)
    ]
    assert shares[LEFT] == shares[RIGHT]
    assert 0 <= min(shares[LEFT]) < max(shares[LEFT]) <= 1
    page.mouse.move(5, 300)
    screenshot("compare-agreement-light")
    screenshot("compare-agreement-dark", "dark")
    assert console_errors == []


def test_the_keyboard_alone_reaches_a_row_on_both_maps(page, pair):
    for which in (LEFT, RIGHT):
        words = page.locator(".map-chart").nth(which).get_attribute("aria-label")
        assert "40 points" in words
    box = page.get_by_role("combobox", name=re.compile("Window"))
    box.focus()
    page.keyboard.type("whale")
    page.keyboard.press("Enter")
    page.get_by_text("What Log-mel received").nth(1).wait_for()
    page.wait_for_function(f"({RINGED})(0) !== null && ({RINGED})(0) === ({RINGED})(1)")
    page.mouse.click(5, 300)
    page.keyboard.press("h")
    heard = page.locator(".map-hear")
    assert [heard.nth(which).get_attribute("aria-pressed") for which in (LEFT, RIGHT)] == [
        "true",
        "true",
    ]
    heard.nth(RIGHT).click()
    assert [heard.nth(which).get_attribute("aria-pressed") for which in (LEFT, RIGHT)] == [
        "false",
        "false",
    ]


def test_the_maps_stand_below_each_other_on_a_phone(page, pair, screenshot):
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.querySelector('.map-chart')._fullLayout.width < 390")
    settled(page)
    boxes = [page.locator(".map").nth(which).bounding_box() for which in (LEFT, RIGHT)]
    assert boxes[RIGHT]["y"] >= boxes[LEFT]["y"] + boxes[LEFT]["height"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    row, place = loneliest(places(page, LEFT))
    page.mouse.click(*place)
    for which in (LEFT, RIGHT):
        comes(page, RINGED, which, row)
    page.get_by_text("What Log-mel received").nth(1).wait_for()
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    screenshot("compare-phone")
