"""A map in one file, opened from disk in a browser that has no network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import recorded
from onmap import OnMap, pixels

from embedviz import figures, thumbnails
from embedviz.data import Projection
from embedviz.onefile import write_onefile

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ROWS = 24
# A row's sound as the page decodes it: seconds, samples, rate in Hz.
SOUND = """async (row) => {
  const { source } = document.querySelector('.lm').listeningMap.sounds;
  const context = new AudioContext();
  const sound = await context.decodeAudioData(await source.sound(row));
  return [sound.duration, Array.from(sound.getChannelData(0)), sound.sampleRate];
}"""
FACTS = "(row) => document.querySelector('.lm').listeningMap.sounds.source.row(row)"


@pytest.fixture
def mapped(make_set, tmp_path):
    """Rows on a circle; the last window of each recording is padded."""
    found = recorded(make_set(ROWS), tmp_path)
    angles = np.arange(ROWS) * 2 * np.pi / ROWS
    places = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found.table.loc[3::4, ["stop_s", "padding_s"]] = [2.0, 0.4]
    return found.with_projection(Projection("umap", places, {}))


@pytest.fixture
def open_file(page, console_errors, tmp_path):
    """Write a map, without sounds if nothing else is said, and open it without a network."""

    def opened(embedding_set, **options) -> OnMap:
        path = tmp_path / "map.html"
        write_onefile(embedding_set, path, **{"title": "night", "sound_budget_mb": 0} | options)
        page.context.set_offline(True)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return OnMap(page).ready()

    asked: list[str] = []
    yield opened
    assert [url for url in asked if not url.startswith(("file:///", "data:", "blob:"))] == []
    assert console_errors == []


@pytest.mark.parametrize(("scheme", "colours"), [("light", "inverted grey"), ("dark", "magma")])
def test_the_card_shows_the_rows_own_picture(page, open_file, mapped, scheme, colours):
    page.emulate_media(color_scheme=scheme)
    on_map = open_file(mapped)
    for row in (0, 7, 23):
        on_map.hover(row)
        expected = thumbnails.picture(mapped.thumbnails[row], colours=colours).convert("RGB")
        assert np.array_equal(on_map.picture(row), np.asarray(expected))
        assert mapped.table["recording"][row] in on_map.card.inner_text()


def test_the_page_follows_the_readers_scheme_while_it_is_open(page, open_file, mapped):
    on_map = open_file(mapped)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(251, 252, 253)"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => {ground} === 'rgb(12, 19, 28)'")
    on_map.hover(5)
    expected = thumbnails.picture(mapped.thumbnails[5], colours="magma").convert("RGB")
    assert np.array_equal(on_map.picture(5), np.asarray(expected))


def test_every_sound_is_that_of_its_window(page, open_file, mapped):
    open_file(mapped, sound_budget_mb=1)
    seconds, samples, rate_hz = page.evaluate(SOUND, 3)
    # From 1.44 s to 2.0 s.
    assert seconds == pytest.approx(0.56, abs=0.01)
    strength = np.abs(np.fft.rfft(samples))
    assert strength.argmax() * rate_hz / len(samples) == pytest.approx(1000, abs=5)


def test_hovering_plays_what_is_there(page, open_file, mapped):
    on_map = open_file(mapped, sound_budget_mb=1)
    page.get_by_role("button", name="Hear on hover").click()
    on_map.hover(4)
    on_map.comes_to_say("playing-row", 4)
    on_map.leave()
    on_map.comes_to_say("playing-row", None)


def test_a_click_shows_the_row_with_its_neighbours(page, open_file, mapped):
    on_map = open_file(mapped)
    on_map.click(9)
    on_map.comes_to_say("pinned-row", 9)
    panel = on_map.detail
    panel.get_by_text("What Log-mel received").wait_for()
    assert "clip002.wav" in panel.inner_text()
    first = panel.locator("canvas").first
    expected = thumbnails.picture(mapped.thumbnails[9], colours="inverted grey").convert("RGB")
    assert np.array_equal(pixels(first), np.asarray(expected))
    page.keyboard.press("ArrowRight")
    on_map.comes_to_say("pinned-row", 10)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => !document.querySelector('[data-pinned-row=\"10\"]')")


def test_what_is_known_of_a_row_is_what_a_server_would_say(page, open_file, mapped):
    open_file(mapped, sound_budget_mb=1)
    for row in (0, 3):
        found = page.evaluate(FACTS, row)
        start_s, stop_s = figures.patch_span(mapped, row)
        assert found["patch"]["start_s"] == pytest.approx(start_s)
        assert found["patch"]["stop_s"] == pytest.approx(stop_s)
        assert (found["duration_s"], found["rate_hz"], found["heard"]) == (2.4, 16000, True)
        values = {column["name"]: column["value"] for column in found["columns"]}
        assert values == mapped.table.iloc[row].to_dict()


def test_a_sound_that_did_not_fit_says_so(page, open_file, mapped):
    on_map = open_file(mapped, sound_budget_mb=0.01)
    silent = page.evaluate(
        "[...Array(24).keys()].find((row) => !document.getElementById(`sound-${row}`))"
    )
    on_map.click(silent)
    on_map.detail.get_by_role("status").get_by_text("is not in the file").wait_for()
    assert "of 24 points fit into 0.01 MB." in page.locator("footer").inner_text()


def test_the_reader_chooses_what_colours_the_points(page, open_file, mapped):
    open_file(mapped)
    legend = page.locator(".lm-legend")
    assert "class 1" in legend.inner_text()
    page.get_by_label("Colour").select_option("start_s")
    page.wait_for_function(
        "() => !document.querySelector('.lm-legend').innerText.includes('class 1')"
    )
    assert "start_s" in legend.inner_text()
    page.get_by_label("Size").select_option("start_s")
    page.get_by_label("Size").select_option("all alike")


def test_names_are_never_markup(page, open_file, mapped):
    evil = "<img src=x onerror=document.title='owned'>"
    labels = mapped.table["label"].where(mapped.table.index > 0, evil)
    on_map = open_file(replace(mapped, table=mapped.table.assign(label=labels)), title=evil)
    on_map.hover(0)
    assert evil in on_map.card.inner_text()
    assert page.locator("h1").inner_text() == evil
    assert page.title() == evil
    assert page.locator("img").count() == 0


def test_a_map_in_three_dimensions_turns_without_a_network(page, open_file, mapped):
    places = np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32)
    on_map = open_file(mapped.with_projection(Projection("pca", places, {}, (0.5, 0.3, 0.2))))
    page.locator(".gl-container canvas").first.wait_for()
    before = on_map.place_of(0)
    x, y = (edge + 40 for edge in (on_map.stage.bounding_box()[side] for side in "xy"))
    on_map.drag((x, y), (x + 120, y + 30))
    page.wait_for_function(
        "([x, y]) => { const at = document.querySelector('.lm').listeningMap.placeOf(0);"
        " return Math.hypot(at.x - x, at.y - y) > 3; }",
        arg=before,
    )
