"""The listening map of Explore in a real browser: what people see, hear, choose and share there."""

from __future__ import annotations

import io
import re
import urllib.error
import urllib.request
import zipfile
from dataclasses import replace
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from onmap import OnMap, choose, look_and_listen, pinned, pixels, seen, selected_in_python
from PIL import Image

from embedviz.data import Projection
from embedviz.embed import embed
from embedviz.models import load_model
from embedviz.neighbours import nearest
from embedviz.project import project
from embedviz.store import write_set
from embedviz.ui.workspace import Workspace

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

MOST_BYTES = 100_000
"""That an interaction may send over the websocket."""
MANY = 250_000


@pytest.fixture(scope="module")
def clips(demo_clips):
    """All windows of 40 recordings, laid out by PCA."""
    found = embed(demo_clips, load_model("logmel"))
    return found.with_projection(project(found, "pca"))


@pytest.fixture
def workspace(own, clips):
    """A workspace that has them as the set `clips`."""
    write_set(clips, own.set_path("clips"))
    return own


@pytest.fixture
def explore(open_map, workspace, traffic, console_errors, elsewhere):
    """Their map; whatever fails on the page unseen fails the test."""
    yield open_map(workspace)
    assert console_errors == []
    assert elsewhere == []


@pytest.fixture
def another_visit(chromium, console_errors):
    """Open pages for visitors of another kind, each in a context of its own."""
    contexts = []

    def visit(url: str, **kind) -> OnMap:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 720}} | kind)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: console_errors.append(str(error)))
        page.goto(url)
        return OnMap(page).ready()

    yield visit
    for context in contexts:
        context.close()
    assert console_errors == []


def rows_of(found, label: str) -> list[int]:
    return np.flatnonzero(found.table["label"] == label).tolist()


def path(url: str) -> str:
    """Give an address without its server, its token and what is asked of it."""
    return re.sub(r"/[A-Za-z0-9_-]{22}(?=/|$)", "", urlsplit(url).path)


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        answer.close()
        return answer.code


def longest_step(explore: OnMap, found) -> tuple[int, int]:
    """Give two windows that follow each other in a recording and lie far apart on the map."""
    places, names = explore.places(), found.table["recording"]
    steps = [row for row in range(1, len(found) - 1) if names[row - 1] == names[row + 1]]
    row = max(steps, key=lambda row: np.linalg.norm(places[row + 1] - places[row]))
    return row, row + 1


def drawn_over(explore: OnMap, place: tuple[float, float]) -> int:
    """Tell how strongly something is drawn over the points at a place, 0 to 255."""
    return explore.page.locator(".lm-overlay").evaluate(
        """(canvas, [x, y]) => {
          const box = canvas.getBoundingClientRect();
          const pen = canvas.getContext('2d');
          const { data } = pen.getImageData(x - box.left - 2, y - box.top - 2, 4, 4);
          return Math.max(...data.filter((_, i) => i % 4 === 3));
        }""",
        list(place),
    )


def colour_at(page, place: np.ndarray) -> list[int]:
    """Give the colour of the page at a place: red, green, blue."""
    x, y = np.round(place) - 1
    taken = page.screenshot(clip={"x": x, "y": y, "width": 2, "height": 2})
    return np.asarray(Image.open(io.BytesIO(taken)).convert("RGB"))[1, 1].tolist()


def swatch(page, name: str) -> list[int]:
    """Give the colour of a name in the legend."""
    entry = page.get_by_test_id("legend").get_by_role("button", name=re.compile(f"^{name}, "))
    colour = entry.locator("i").evaluate("(one) => getComputedStyle(one).backgroundColor")
    return [int(part) for part in re.findall(r"\d+", colour)]


def solid(explore: OnMap) -> None:
    """Wait until the map has three dimensions and its camera stands still."""
    explore.page.locator(".lm-stage[data-dims='3']").wait_for()
    explore.ready()
    explore.page.wait_for_function(
        """() => {
          const place = document.querySelector('.lm').listeningMap.placeOf(0);
          const still = place && window.before?.x === place.x && window.before.y === place.y;
          window.before = place;
          return still;
        }""",
        polling=150,
    )


def many(make_set):
    """A set of more points than can be told apart, in two clouds."""
    rng = np.random.default_rng(0)
    coordinates = rng.normal(size=(MANY, 2)).astype(np.float32)
    coordinates[: MANY // 2, 0] -= 6
    few = make_set(8)
    return replace(
        few,
        table=few.table.iloc[np.arange(MANY) % len(few)].reset_index(drop=True),
        vectors=coordinates,
        thumbnails=None,
        projection=Projection("pca", coordinates, {}, (0.6, 0.3)),
    )


def test_what_is_under_the_pointer_is_seen_and_heard_as_it_is(explore, clips, traffic):
    sent = len(traffic.sent)
    explore.hover(explore.lonely()[0])
    assert explore.says("playing-row") is None
    look_and_listen(explore, clips, 20)
    # All of it without a word to the page's server-side part.
    assert len(traffic.sent) == sent


def test_a_click_pins_a_point_and_the_keys_lead_on_from_it(explore, clips, traffic, screenshot):
    page, detail = explore.page, explore.detail
    row, following = longest_step(explore, clips)
    before = traffic.total()
    explore.click(row)
    pinned(explore, row)
    page.wait_for_url(re.compile(rf"&pin={row}\b"))
    name = clips.table["recording"][row]
    detail.get_by_role("heading", name=name, exact=True).wait_for()
    assert detail.get_by_role("heading", name="What Log-mel received").is_visible()
    known = nearest(clips.vectors, row, k=10)
    neighbours = detail.get_by_role("listitem").get_by_role("button")
    assert neighbours.count() == 10
    for place in (0, 9):
        words = neighbours.nth(place).get_attribute("aria-label")
        assert clips.table["recording"][known[0][place]] in words
        assert words.endswith(f"{known[1][place]:.3f}")
    explore.ready()
    assert traffic.total() - before < MOST_BYTES
    explore.leave()
    screenshot("explore-pinned-light")
    screenshot("explore-pinned-dark", "dark")
    # A line joins the windows of the recording.
    places = (explore.place_of(row), explore.place_of(following))
    middle = tuple(np.mean(places, axis=0).tolist())
    assert drawn_over(explore, middle) > 0
    for key, wanted in (
        ("ArrowRight", following),
        ("ArrowLeft", row),
        ("ArrowDown", known[0][0]),
        ("ArrowDown", known[0][1]),
        ("ArrowUp", known[0][0]),
    ):
        page.keyboard.press(key)
        pinned(explore, wanted)
    page.keyboard.press("Space")
    explore.comes_to_say("playing-row", known[0][0])
    page.keyboard.press("Space")
    explore.comes_to_say("playing-row", None)
    neighbours.first.click()
    pinned(explore, nearest(clips.vectors, int(known[0][0]), k=1)[0][0])
    page.keyboard.press("Escape")
    explore.comes_to_say("pinned-row", None)
    detail.get_by_text("Choose a point on the map to hear and see it.").wait_for()
    page.wait_for_function("!location.search.includes('pin=')")
    assert drawn_over(explore, middle) == 0


def test_rows_within_a_line_are_selected_here_and_in_python(
    explore, clips, traffic, tmp_path, screenshot
):
    page = explore.page
    rows, corners = explore.part()
    before = traffic.total()
    explore.lasso(corners)
    explore.comes_to_say("selected", len(rows))
    assert explore.selected() == rows
    selected_in_python(explore, len(rows))
    page.wait_for_url(re.compile(r"&sel=[0-9a-f]{16}"))
    assert traffic.total() - before < MOST_BYTES
    explore.leave()
    screenshot("explore-selected-light")
    # Shift adds a box to it, Alt takes one away.
    above, around = explore.part(axis=1)
    page.get_by_role("button", name="Box").click()
    page.keyboard.down("Shift")
    explore.drag(around[0], around[2])
    page.keyboard.up("Shift")
    explore.comes_to_say("selected", len({*rows, *above}))
    assert explore.selected() == sorted({*rows, *above})
    page.keyboard.down("Alt")
    explore.drag(corners[0], corners[2])
    page.keyboard.up("Alt")
    left = sorted({*above} - {*rows})
    explore.comes_to_say("selected", len(left))
    assert explore.selected() == left
    selected_in_python(explore, len(left))
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV").click()
    waiting.value.save_as(tmp_path / "selection.csv")
    table = pd.read_csv(tmp_path / "selection.csv")
    assert table["row"].tolist() == left
    assert table["recording"].tolist() == clips.table["recording"][left].tolist()
    page.get_by_role("button", name="Clear", exact=True).click()
    explore.comes_to_say("selected", 0)
    selected_in_python(explore, 0)
    page.wait_for_function("!location.search.includes('sel=')")


def test_the_legend_and_the_search_choose_rows(explore, clips):
    page = explore.page
    every = set(explore.places())
    whales, rain = rows_of(clips, "whale"), rows_of(clips, "rain")
    lonely = next(row for row in explore.lonely(20) if row not in whales)
    entry = page.get_by_role("button", name=f"whale, {len(whales)} rows")
    entry.click()
    assert set(explore.places()) == set(whales)
    # What is not shown does not answer to the pointer.
    page.mouse.move(*explore.place_of(lonely))
    page.wait_for_timeout(100)
    assert explore.says("hover-row") in {None, *map(str, whales)}
    entry.click()
    assert set(explore.places()) == every
    entry.click(modifiers=["Shift"])
    explore.comes_to_say("selected", len(whales))
    assert explore.selected() == whales
    box = page.get_by_role("searchbox", name="Search")
    box.fill("label:rain start_s:<1")
    box.press("Enter")
    early = [row for row in rain if clips.table["start_s"][row] < 1]
    explore.comes_to_say("selected", len(early))
    assert explore.selected() == early
    page.get_by_role("button", name="Hide", exact=True).click()
    assert set(explore.places()) == every - set(early)
    page.get_by_role("button", name=f"Show all ({len(early)} hidden)").click()
    assert set(explore.places()) == every
    row = explore.lonely()[0]
    explore.click(row)
    page.get_by_role("button", name="Similar…").click()
    page.get_by_label("How many rows").fill("5")
    page.get_by_role("button", name="Select", exact=True).click()
    explore.comes_to_say("selected", 5)
    selected_in_python(explore, 5)
    near = nearest(clips.vectors, row, k=5)[0].tolist()
    assert set(explore.selected()) in ({*near}, {row, *near[:4]})


def test_the_map_zooms_and_other_colours_and_sizes_move_nothing(explore, clips):
    page = explore.page
    axes = page.locator(".lm-axes")
    shares = clips.projection.explained_variance
    for number in (1, 2):
        axes.get_by_text(f"PC{number} ({shares[number - 1]:.0%})", exact=True).wait_for()
    whole = explore.places()
    row = explore.lonely()[0]
    under = whole[row]
    assert colour_at(page, under) == pytest.approx(swatch(page, clips.table["label"][row]), abs=45)
    explore.hover(row)
    page.mouse.wheel(0, -500)
    # A pointer knows whole pixels.
    np.testing.assert_allclose(explore.place_of(row), under, atol=2)
    other = next(one for one in explore.lonely(9) if one != row)
    closer = np.linalg.norm(explore.place_of(other) - under)
    assert closer > 1.5 * np.linalg.norm(whole[other] - under)
    places = explore.places()
    asked = []
    page.on("request", lambda request: asked.append(path(request.url)))
    explore.leave()
    before = colour_at(page, under)
    choose(page, "Colour by", "start_s")
    page.get_by_test_id("legend").get_by_text("start_s in s", exact=True).wait_for()
    choose(page, "Size by", "start_s")
    page.get_by_test_id("legend").get_by_text("Size: start_s", exact=True).wait_for()
    explore.ready()
    assert colour_at(page, under) != before
    now = explore.places()
    assert now.keys() == places.keys()
    np.testing.assert_array_equal(list(now.values()), list(places.values()))
    assert [one for one in asked if one.startswith("/pack/")] == []
    page.get_by_role("button", name="Zoom out (key −)").click()
    assert np.linalg.norm(explore.place_of(other) - under) < closer
    page.get_by_role("button", name="Zoom in (key +)").click()
    np.testing.assert_allclose(explore.place_of(other), now[other], atol=0.1)
    box = explore.stage.bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] - 12, box["y"] + 12)
    np.testing.assert_allclose(explore.place_of(other), whole[other], atol=0.1)


def test_a_computed_column_colours_the_map_where_it_is(explore, clips):
    """Clusters bring their names along, which are drawn over the points."""
    page, places = explore.page, explore.places()
    choose(page, "Colour by", "Cluster (HDBSCAN)")
    legend = page.get_by_test_id("legend")
    legend.get_by_text("Cluster (HDBSCAN)", exact=True).wait_for(timeout=60_000)
    legend.get_by_role("button", name=re.compile("^cluster 1, ")).wait_for()
    choose(page, "Colour by", "The map's trust")
    legend.get_by_text("The map's trust", exact=True).wait_for(timeout=60_000)
    explore.ready()
    np.testing.assert_array_equal(list(explore.places().values()), list(places.values()))


def test_another_projection_takes_the_place_of_the_first(explore, clips):
    page, before = explore.page, explore.places()
    page.get_by_text("t-SNE", exact=True).click()
    # The map goes while the other one is computed.
    page.wait_for_function(
        "document.querySelector('.lm')?.listeningMap?.data.maps[0].axes === null"
    )
    explore.ready()
    after = explore.places()
    assert after.keys() == before.keys()
    row = explore.lonely()[0]
    assert not np.allclose(after[row], before[row], atol=1)
    explore.hover(row)
    np.testing.assert_array_equal(explore.picture(row), seen(clips, row, "inverted grey"))


def test_a_map_in_three_dimensions_is_hovered_pinned_drawn_on_and_turned(
    explore, clips, screenshot
):
    page = explore.page
    page.get_by_text("3-D", exact=True).click()
    solid(explore)
    places = explore.places()
    assert len(places) == len(clips)
    row = explore.lonely()[0]
    explore.hover(row)
    np.testing.assert_array_equal(explore.picture(row), seen(clips, row, "inverted grey"))
    page.mouse.down()
    page.mouse.up()
    pinned(explore, row)
    solid(explore)
    np.testing.assert_allclose(explore.place_of(row), places[row], atol=1)
    box = explore.stage.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    explore.drag(middle, (middle[0] + 120, middle[1] + 30))
    solid(explore)
    assert np.linalg.norm(explore.place_of(row) - places[row]) > 10
    assert explore.says("pinned-row") == str(row)
    screenshot("explore-solid-light")
    page.get_by_role("button", name="Lasso").click()
    rows, corners = explore.part()
    explore.lasso(corners)
    explore.comes_to_say("selected", len(rows))
    assert explore.selected() == rows


def test_the_address_shows_another_person_the_same_map(explore, clips, another_visit):
    page = explore.page
    choose(page, "Colour by", "recording")
    choose(page, "Size by", "start_s")
    page.get_by_text("3-D", exact=True).click()
    solid(explore)
    box = page.get_by_role("searchbox", name="Search")
    box.fill("label:siren")
    box.press("Enter")
    selected_in_python(explore, len(rows_of(clips, "siren")))
    row = explore.lonely()[0]
    explore.click(row)
    page.wait_for_url(re.compile(rf"&pin={row}\b"))
    other = another_visit(page.url)
    other.comes_to_say("pinned-row", row)
    other.comes_to_say("selected", len(rows_of(clips, "siren")))
    assert other.selected() == rows_of(clips, "siren")
    selected_in_python(other, len(rows_of(clips, "siren")))
    legend = other.page.get_by_test_id("legend")
    assert legend.get_by_text("recording", exact=True).is_visible()
    assert legend.get_by_text("Size: start_s", exact=True).is_visible()
    solid(other)
    np.testing.assert_allclose(other.place_of(row), explore.place_of(row), atol=1)


def test_two_people_never_see_each_others_rows(
    explore, workspace, server, clips, make_set, another_visit
):
    asked = set()
    explore.page.on("request", lambda request: asked.add(request.url))
    explore.page.reload()
    explore.ready()
    explore.page.keyboard.press("Tab")
    explore.page.get_by_role("button", name="Hear on hover").click()
    explore.hover(explore.lonely()[0])
    explore.comes_to_say("playing-row", explore.lonely()[0])
    explore.click(explore.lonely()[0])
    pinned(explore, explore.lonely()[0])
    explore.lasso(explore.part()[1])
    selected_in_python(explore, len(explore.selected()))
    explore.page.wait_for_url(re.compile(r"&sel="))
    chosen = re.search(r"&sel=([0-9a-f]{16})", explore.page.url)[1]
    asked.add(f"{server.url}/selection/{workspace.token}/clips/{chosen}")
    theirs = Workspace.create()
    found = make_set()
    write_set(found.with_projection(project(found, "pca")), theirs.set_path("theirs"))
    other = another_visit(f"{server.url}/explore?w={theirs.token}&set=clips")
    assert other.says("points") == "40"
    mine = {url for url in asked if workspace.token in url and "/explore" not in url}
    mine |= {
        url.replace("/sound/", "/stretch/") + "?start=0&stop=1" for url in mine if "/sound/" in url
    }
    kinds = {path(url).split("/")[1] for url in mine}
    assert kinds >= {
        "sound",
        "stretch",
        "sheet",
        "row",
        "nearest",
        "around",
        "column",
        "pack",
        "selection",
    }
    for url in mine - {f"{server.url}/selection/{workspace.token}/clips"}:
        assert status(url) == 200, url
        assert status(url.replace(workspace.token, theirs.token)) == 404, url
        assert status(url.replace(workspace.token, "a" * 22)) == 404, url


def test_a_selection_is_labelled_and_the_label_undone(explore, clips):
    page = explore.page
    legend, rain = page.get_by_test_id("legend"), rows_of(clips, "rain")
    row = next(row for row in explore.lonely(60) if row in rain)
    explore.click(row)
    box = page.get_by_role("searchbox", name="Search")
    box.fill("label:rain")
    box.press("Enter")
    selected_in_python(explore, len(rain))
    page.get_by_role("button", name="Label", exact=True).click()
    page.get_by_role("textbox", name="Label").fill("wet")
    page.get_by_role("button", name=f"Label {len(rain)} rows").click()
    legend.get_by_role("button", name=f"wet, {len(rain)} rows").wait_for()
    explore.detail.get_by_role("definition").get_by_text("wet", exact=True).wait_for()
    explore.hover(row)
    explore.card.get_by_text("wet", exact=True).wait_for()
    page.get_by_role("button", name="Undo label").click()
    legend.get_by_role("button", name=f"rain, {len(rain)} rows").wait_for()
    page.get_by_role("button", name="Undo label").wait_for(state="detached")
    explore.hover(row)
    explore.card.get_by_text("rain", exact=True).wait_for()
    # Into a column that there was not.
    page.get_by_role("button", name="Label", exact=True).click()
    page.get_by_role("textbox", name="Label").fill("wet")
    choose(page, "In the column", "a new column …")
    page.get_by_role("textbox", name="Name of a new column").fill("weather")
    page.get_by_role("button", name=f"Label {len(rain)} rows").click()
    page.get_by_role("button", name="Undo label").wait_for()
    choose(page, "Colour by", "weather")
    legend.get_by_role("button", name=f"wet, {len(rain)} rows").wait_for()
    assert explore.selected() == rain
    explore.hover(row)
    explore.card.get_by_text("rain · wet", exact=True).wait_for()
    page.get_by_role("button", name="Undo label").click()
    legend.get_by_role("button", name=f"rain, {len(rain)} rows").wait_for()
    page.get_by_role("button", name="Undo label").wait_for(state="detached")


def test_the_clips_of_a_selection_are_taken_along(explore, clips, tmp_path):
    page, sirens = explore.page, rows_of(clips, "siren")
    box = page.get_by_role("searchbox", name="Search")
    box.fill("label:siren")
    box.press("Enter")
    selected_in_python(explore, len(sirens))
    page.get_by_role("button", name="Clips").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download clips-clips.zip").click()
    waiting.value.save_as(tmp_path / "clips.zip")
    with zipfile.ZipFile(tmp_path / "clips.zip") as packed:
        assert len([name for name in packed.namelist() if name.endswith(".wav")]) == len(sirens)


def test_a_sound_from_outside_gets_a_star_where_its_like_lie(explore, clips, screenshot):
    """The sound is one of the set's own: PCA puts each of its windows where the set's lies."""
    page = explore.page
    [lonely] = explore.lonely()
    name = clips.table["recording"][lonely]
    assert drawn_over(explore, explore.place_of(lonely)) == 0
    page.get_by_text("Ask with a sound").click()
    upload = page.get_by_test_id("stFileUploader").locator("input[type=file]")
    upload.set_input_files(clips.provenance.recordings[name].path)
    page.get_by_text(f"Most like {name.rpartition('/')[2]}").wait_for()
    page.get_by_text("at 0.000").first.wait_for()
    page.wait_for_function("document.querySelector('.lm').listeningMap.data.maps[0].guests.length")
    rows = np.flatnonzero(clips.table["recording"] == name)
    guests = page.evaluate("document.querySelector('.lm').listeningMap.data.maps[0].guests")
    np.testing.assert_allclose(guests, clips.projection.coordinates[rows], atol=1e-2)
    explore.ready()
    assert drawn_over(explore, explore.place_of(lonely)) == 255
    screenshot("explore-asked-light")


def test_the_keyboard_alone_reaches_a_row_of_the_table(explore):
    page = explore.page
    assert "190 points" in explore.stage.get_attribute("aria-label")
    page.get_by_text("Table", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Choose row 0").wait_for()
    while not page.evaluate("document.activeElement.closest('tbody')"):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    explore.comes_to_say("hover-row", 2)
    page.keyboard.press("Enter")
    pinned(explore, 2)
    assert page.locator("tr[aria-current=true]").inner_text().startswith("2")


def test_a_finger_looks_with_the_first_tap_and_pins_with_the_second(
    workspace, server, clips, another_visit
):
    explore = another_visit(
        f"{server.url}/explore?w={workspace.token}",
        has_touch=True,
        viewport={"width": 390, "height": 844},
    )
    row, other = explore.lonely(2)
    explore.stage.scroll_into_view_if_needed()
    explore.page.touchscreen.tap(*explore.place_of(row))
    explore.comes_to_say("hover-row", row)
    np.testing.assert_array_equal(explore.picture(row), seen(clips, row, "inverted grey"))
    assert explore.card.is_visible()
    assert explore.says("pinned-row") is None
    explore.page.touchscreen.tap(*explore.place_of(row))
    pinned(explore, row)
    explore.page.touchscreen.tap(*explore.place_of(other))
    explore.comes_to_say("hover-row", other)
    assert explore.says("pinned-row") == str(row)
    # The card stays on the map, whatever point it is about.
    places = explore.places()
    for pick in (min, max):
        explore.page.touchscreen.tap(*places[pick(places, key=lambda row: places[row][0])])
        explore.card.wait_for()
        card, stage = explore.card.bounding_box(), explore.stage.bounding_box()
        for start, size in (("x", "width"), ("y", "height")):
            assert card[start] >= stage[start]
            assert card[start] + card[size] <= stage[start] + stage[size] + 1
    assert explore.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_map_follows_the_theme_and_keeps_still_for_who_wants_that(
    workspace, server, clips, another_visit, traffic
):
    explore = another_visit(
        f"{server.url}/explore?w={workspace.token}", color_scheme="dark", reduced_motion="reduce"
    )
    page = explore.page
    moving = """() => [...document.querySelectorAll('.lm, .lm *')].filter((one) =>
      getComputedStyle(one).transitionDuration.split(', ').some((time) => time !== '0s')
      || getComputedStyle(one).animationName !== 'none').map((one) => one.className)"""
    [row] = explore.lonely()
    explore.click(row)
    pinned(explore, row)
    assert page.evaluate(moving) == []
    for scheme, colours in (("dark", "magma"), ("light", "inverted grey"), ("dark", "magma")):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_function(
            "(dark) => document.querySelector('.lm').listeningMap.data.dark === dark",
            arg=scheme == "dark",
        )
        page.wait_for_function("document.querySelector('[data-testid=detail][aria-busy=false]')")
        np.testing.assert_array_equal(explore.picture(row), seen(clips, row, colours))
        large = pixels(explore.detail.locator("canvas").first)
        np.testing.assert_array_equal(large, seen(clips, row, colours))
        line = page.locator(".lm-axes .gridlayer path").first
        assert line.evaluate("(one) => getComputedStyle(one).stroke") == page.evaluate(
            "getComputedStyle(document.querySelector('.lm-stage')).borderTopColor"
        )


def test_many_points_are_told_as_cells_and_chosen_by_the_hundred_thousand(
    open_map, own, make_set, traffic, console_errors, screenshot
):
    write_set(many(make_set), own.set_path("many"))
    explore = open_map(own)
    page = explore.page
    page.get_by_text(f"{MANY:,} points in sight, drawn as").wait_for()
    assert explore.says("points") == str(MANY)
    screenshot("explore-many-light")
    before = traffic.total()
    box = explore.stage.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_role("button", name="Box").click()
    explore.drag((box["x"] + 2, box["y"] + 2), (middle[0], box["y"] + box["height"] - 2))
    page.wait_for_function(
        "Number(document.querySelector('[data-testid=listening-map]').dataset.selected) > 100000"
    )
    selected_in_python(explore, int(explore.says("selected")))
    assert traffic.total() - before < MOST_BYTES
    page.mouse.move(*middle)
    page.mouse.wheel(0, -1500)
    page.get_by_text("points in sight, drawn as").wait_for(state="hidden")
    explore.hover(explore.lonely()[0])
    assert console_errors == []


def test_what_is_chosen_outlives_another_projection_and_another_page(explore):
    page = explore.page
    row = explore.lonely()[0]
    explore.lasso(explore.part()[1])
    rows = explore.selected()
    selected_in_python(explore, len(rows))
    explore.click(row)
    pinned(explore, row)
    explore.ready()
    page.get_by_text("t-SNE", exact=True).click()
    flat = "document.querySelector('.lm')?.listeningMap?.data.maps[0].axes === null"
    page.wait_for_function(flat)
    explore.ready()
    assert explore.selected() == rows
    pinned(explore, row)
    page.get_by_role("link", name="Models").click()
    page.get_by_role("heading", name="YAMNet").wait_for()
    page.get_by_role("link", name="Explore").click()
    page.wait_for_function("document.title.startsWith('Explore')")
    explore.ready()
    pinned(explore, row)
