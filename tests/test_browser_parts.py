"""What shows and plays rows beside the map, on a bare page: card, panel, sounds, keys.

The app's own routes answer; only Streamlit and the map itself are left out.
"""

from __future__ import annotations

import io
import json
import re
import socket
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from embedviz import server, sheets, thumbnails
from embedviz.data import EmbeddingSet, Provenance, Source
from embedviz.store import write_set
from embedviz.ui.workspace import Workspace

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

RATE_HZ = 22050
SECONDS = 1.5
WINDOW_S = 0.5
NAMES = ["creek.wav", "wood.aiff"]
# Windows of the two recordings take turns, and those of the second are in no order.
ROWS = [("creek.wav", 0.0), ("wood.aiff", 1.0), ("creek.wav", 0.5), ("wood.aiff", 0.0)]
ROWS += [("creek.wav", 1.0), ("wood.aiff", 0.5)]
BANDS_HZ = tuple(np.geomspace(100, 10000, 16))
# Rows 0 to 5 lie on a circle, in this order around it.
CIRCLE = [0, 3, 4, 1, 5, 2]
THEMES = {
    "light": ["#16202B", "#0E7C86", "#FBFCFD", "#FFFFFF", "#DDE3EA", "#5B6B7C"],
    "dark": ["#E8EEF5", "#35C2C9", "#0C131C", "#131C28", "#263241", "#93A4B7"],
}
VARIABLES = ["text", "primary", "background", "secondary-background", "border", "gray"]
PAGE = """<!doctype html><html lang="en"><title>parts</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/map/panel.css">
<style>
  html { font-size: 15px; --st-font: sans-serif; --st-base-radius: 6px; STYLE }
  body { margin: 12px; background: var(--st-background-color); }
  #root { display: grid; grid-template-columns: minmax(0, 3fr) minmax(300px, 2fr); gap: 15px; }
  #stage { position: relative; }
  @media (max-width: 860px) {
    #root { grid-template-columns: minmax(0, 1fr); }
    #stage { height: 300px; }
  }
</style>
<div id="root" tabindex="0">
  <div id="stage"><input aria-label="Search"></div>
  <div id="side"></div>
</div>
<script type="module">
  import { MapState } from "/map/state.js";
  import { Source } from "/map/source.js";
  import { Sounds } from "/map/sounds.js";
  import { Card } from "/map/card.js";
  import { Panel } from "/map/panel.js";
  import { Keys } from "/map/keys.js";
  const place = (id) => document.getElementById(id);
  const facts = FACTS;
  const state = new MapState(facts.count);
  const numbers = facts.numbers && Uint32Array.from(facts.numbers);
  const source = new Source({ ...facts, numbers });
  const sounds = new Sounds(state, source);
  const card = new Card(place("stage"), state, source);
  const panel = new Panel(place("side"), state, source, sounds);
  const keys = new Keys(place("root"), state, source, sounds);
  Object.assign(window, { state, source, sounds, card, panel, keys, Source });
  await Promise.all([card.words.ready, panel.words.ready]);
  place("root").focus();
  document.body.dataset.ready = "true";
</script>"""
# Every sound that the page starts and when, in its own time, it is to be silent.
SPY = """
window.sounding = [];
const { start, stop } = AudioScheduledSourceNode.prototype;
AudioBufferSourceNode.prototype.start = function (...given) {
  const now = this.context.currentTime;
  const others = window.sounding.filter((other) => other.until > now + 0.006);
  this.note = { others: others.length, until: now + this.buffer.duration };
  window.sounding.push(this.note);
  return start.apply(this, given);
};
AudioBufferSourceNode.prototype.stop = function (when) {
  this.note.until = Math.min(this.note.until, when);
  return stop.call(this, when);
};
"""
PIXELS = """(canvas) => {
  const { width, height } = canvas;
  return [width, height, ...canvas.getContext('2d').getImageData(0, 0, width, height).data];
}"""


@pytest.fixture(scope="module")
def site():
    """The app's routes and one more, which gives the page that a test has put into `page`."""
    site = SimpleNamespace(page="")
    pages = Route("/page", lambda request: HTMLResponse(site.page))
    app = Starlette(routes=[*server.routes(), pages])
    serving = uvicorn.Server(
        uvicorn.Config(
            app, log_level="error", ws="none", lifespan="off", timeout_graceful_shutdown=1
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serving.run, args=([listener],))
        thread.start()
        while not serving.started:
            time.sleep(0.01)
        site.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield site
        serving.should_exit = True
        thread.join()


@pytest.fixture
def heard():
    """Six windows of two recordings, with pictures, labels and places in embedding space."""
    rng = np.random.default_rng(4)
    table = pd.DataFrame(ROWS, columns=["recording", "start_s"])
    table["stop_s"] = table["start_s"] + WINDOW_S
    table["label"] = ["frog", "<b>owl</b>", "frog", "wind", "frog", "wind"]
    table["level_db"] = np.linspace(-31.23456789, -12, 6)
    angles = np.empty(6)
    angles[CIRCLE] = np.array([0.0, 0.1, 0.25, 0.45, 0.7, 1.0])
    made = Provenance(
        model="logmel",
        variant="default",
        weights={},
        verified=True,
        rate_hz=16000,
        window_s=WINDOW_S,
        hop_s=WINDOW_S,
        per="window",
        precision="float32",
        version="0.1.0",
        bands_hz=BANDS_HZ,
        patch_range=(-5.0, 5.0),
        patch_unit="dB",
        label_columns=("label",),
    )
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    pictures = rng.integers(0, 256, (6, 20, 16), dtype=np.uint8)
    return EmbeddingSet(table=table, vectors=vectors, provenance=made, thumbnails=pictures)


@pytest.fixture
def workspace(heard):
    """A workspace with the set `walk` and its recordings."""
    workspace = Workspace.create()
    rng = np.random.default_rng(5)
    sources = {}
    for name in NAMES:
        path = workspace.uploads / name
        sf.write(path, rng.uniform(-0.1, 0.1, round(SECONDS * RATE_HZ)), RATE_HZ)
        sources[name] = Source(str(path), "0" * 64, SECONDS, RATE_HZ, 1)
    provenance = replace(heard.provenance, recordings=sources)
    write_set(replace(heard, provenance=provenance), workspace.set_path("walk"))
    return workspace


@pytest.fixture
def show(page, site, workspace, heard):
    """Open the page in a theme, with what a test changes of the facts that `Source` is given."""

    def open_page(theme="light", **changes):
        site.page = filled(theme, facts(site, workspace, heard, theme) | changes)
        page.add_init_script(SPY)
        page.goto(f"{site.url}/page")
        page.locator("body[data-ready]").wait_for()
        return page

    return open_page


def filled(theme, facts):
    named = zip(VARIABLES, THEMES[theme], strict=True)
    style = "".join(f"--st-{name}-color: {colour};" for name, colour in named)
    return PAGE.replace("STYLE", style).replace("FACTS", json.dumps(facts))


def facts(site, workspace, found, theme):
    """What the app tells `Source` of a set."""
    at = {
        kind: f"{site.url}/{kind}/{workspace.token}/walk/{rest}"
        for kind, rest in {
            "sound": "{row}.wav",
            "stretch": "{row}.wav",
            "recording": "{row}",
            "around": "{row}.png",
            "row": "{row}.json",
            "nearest": "{row}.json",
            "similar": "{row}.json",
            "sheet": "{level}/{index}.png",
        }.items()
    }
    names = ["label", "recording", "start_s", "stop_s", "level_db"]
    columns = [
        {
            "name": name,
            "title": {"level_db": "Level in dB"}.get(name, name),
            "kind": "names" if name in ("label", "recording") else "numbers",
            "url": f"{site.url}/column/{workspace.token}/walk/{name}",
        }
        for name in names
    ]
    return {
        "count": len(found),
        "columns": columns,
        "addresses": at,
        "pictures": sheets.layout(found.thumbnails),
        "numbers": None,
        "dark": theme == "dark",
    }


def pixels(picture):
    """A picture as the canvas gives it: width, height, then red, green, blue, opacity of each."""
    rgba = np.asarray(picture.convert("RGBA"))
    return [picture.width, picture.height, *rgba.ravel().tolist()]


def patch(found, row, theme="light"):
    colours = {"light": "inverted grey", "dark": "magma"}[theme]
    return pixels(thumbnails.picture(found.thumbnails[row], colours=colours))


def pin(page, row):
    page.evaluate("(row) => state.pin(row)", row)
    page.locator(f"[data-testid=detail][data-row='{row}']").wait_for()


def wait(page, condition):
    page.wait_for_function(f"() => {condition}", polling=5)


def samples(workspace, name, start_s, stop_s):
    return sf.read(
        workspace.uploads / name,
        start=round(start_s * RATE_HZ),
        stop=round(stop_s * RATE_HZ),
        dtype="int16",
    )[0]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_card_shows_the_very_patch_of_the_row_under_the_pointer(show, heard, theme):
    page = show(theme)
    card = page.get_by_test_id("hover-card")
    assert card.is_hidden()
    for row in (3, 0, 5):
        page.evaluate("(row) => state.hover(row)", row)
        page.locator(f"[data-testid=hover-card][data-row='{row}']").wait_for()
        assert card.locator("canvas").evaluate(PIXELS) == patch(heard, row, theme)
        name, start_s = ROWS[row]
        span = f"{start_s:.2f} – {start_s + WINDOW_S:.2f} s"
        words = card.locator("p:visible").all_inner_texts()
        assert words == [heard.table["label"][row], name, span]
    page.evaluate("state.hover(null)")
    assert card.is_hidden()


def test_the_card_never_shows_another_rows_picture(show, heard):
    page = show()
    page.evaluate("""() => {
      window.later = {};
      const picture = source.picture.bind(source);
      source.picture = async (row) => {
        await new Promise((resolve) => (later[row] = resolve));
        return picture(row);
      };
    }""")
    card = page.get_by_test_id("hover-card")
    page.evaluate("state.hover(0); later[0]()")
    page.locator("[data-testid=hover-card][data-row='0']").wait_for()
    page.evaluate("state.hover(1); state.hover(4)")
    assert card.get_attribute("data-row") is None
    assert not any(card.locator("canvas").evaluate(PIXELS)[2:])
    page.evaluate("later[4]()")
    page.locator("[data-testid=hover-card][data-row='4']").wait_for()
    page.evaluate("later[1]()")
    page.wait_for_timeout(50)
    assert card.get_attribute("data-row") == "4"
    assert card.locator("canvas").evaluate(PIXELS) == patch(heard, 4)


def test_the_card_stays_inside_its_box(show):
    page = show()
    page.evaluate("state.hover(2)")
    page.locator("[data-testid=hover-card][data-row='2']").wait_for()
    for x, y in [(10, 10), (690, 10), (690, 490), (350, 250)]:
        page.evaluate(
            "([x, y]) => card.place({ x, y }, { left: 0, top: 0, width: 700, height: 500 })", [x, y]
        )
        left, top, width, height = page.evaluate(
            "() => ['Left', 'Top', 'Width', 'Height'].map((e) => card.element[`offset${e}`])"
        )
        assert 0 <= left <= 700 - width
        assert 0 <= top <= 500 - height
        assert not left < x < left + width, "the card hides the point"


def test_hovering_plays_the_exact_window_one_sound_at_a_time(show, workspace, console_errors):
    page = show()
    page.keyboard.press("h")
    assert page.evaluate("state.hearing")
    for row in (0, 1, 2):
        with page.expect_response(re.compile(f"/sound/.*/{row}.wav")) as answer:
            page.evaluate("(row) => state.hover(row)", row)
        found, rate_hz = sf.read(io.BytesIO(answer.value.body()), dtype="int16")
        name, start_s = ROWS[row]
        assert rate_hz == RATE_HZ
        np.testing.assert_array_equal(found, samples(workspace, name, start_s, start_s + WINDOW_S))
        wait(page, f"state.playing === {row}")
    # Known by now, and begun while the one before still sounds.
    page.evaluate("state.hover(0)")
    wait(page, "state.playing === 0")
    page.evaluate("state.hover(null)")
    assert page.evaluate("state.playing") is None
    sounding = page.evaluate("sounding")
    assert len(sounding) == 4
    assert [sound["others"] for sound in sounding] == [0, 0, 0, 0]
    latency = page.evaluate("sounds.latency")
    assert len(latency) == 4
    assert all(0 <= ms < 5000 for ms in latency)
    page.evaluate("state.hover(1)")
    wait(page, "state.playing === 1")
    page.keyboard.press("h")
    assert page.evaluate("[state.hearing, state.playing]") == [False, None]
    assert not console_errors


def test_a_sound_that_comes_too_late_is_not_played(show):
    page = show()
    page.keyboard.press("h")
    page.evaluate("""() => {
      const sound = source.sound.bind(source);
      source.sound = async (row) => {
        const bytes = await sound(row);
        await new Promise((resolve) => (window.arrive = resolve));
        return bytes;
      };
      state.hover(0);
    }""")
    wait(page, "window.arrive")
    page.evaluate("state.hover(null); arrive()")
    page.wait_for_timeout(100)
    assert page.evaluate("[sounding.length, state.playing]") == [0, None]


def test_nearby_sounds_come_before_they_are_wanted(show):
    page = show()
    page.keyboard.press("h")
    with page.expect_response(re.compile("/sound/.*/5.wav")):
        page.evaluate("sounds.prefetch([3, 4, 5])")
    page.wait_for_timeout(100)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("state.hover(4)")
    wait(page, "state.playing === 4")
    assert not [url for url in asked if "/sound/" in url]


def test_without_a_gesture_hearing_switches_itself_off(
    page, site, workspace, heard, console_errors
):
    # Whatever Playwright evaluates counts as a gesture, so the page itself tells what happened.
    alone = """<script type="module">
      await new Promise((resolve) => setTimeout(resolve, 200));
      state.hear(true);
      state.addEventListener("hear", async () => {
        await sounds.playWindow(0);
        console.log(`${state.hearing}, ${state.playing}: ${sounds.problem}`);
      });
    </script>"""
    site.page = filled("light", facts(site, workspace, heard, "light")) + alone
    with page.expect_console_message(lambda message: message.type == "log") as said:
        page.goto(f"{site.url}/page")
    sentence = "The browser plays no sound before the first click or key on this page."
    assert said.value.text == f"false, null: {sentence}"
    assert not console_errors


def test_the_panel_says_what_is_known_of_the_chosen_point(show, heard):
    page = show()
    panel = page.get_by_role("complementary", name="The chosen point")
    assert panel.inner_text().strip() == "Choose a point on the map to hear and see it."
    pin(page, 1)
    assert panel.get_by_role("heading", level=2).inner_text() == "wood.aiff"
    # Never as HTML.
    assert panel.locator(".lm-headline p").inner_text() == "1.00 – 1.50 s · <b>owl</b>"
    terms = dict(
        zip(
            panel.locator("dt").all_inner_texts(),
            panel.locator("dd").all_inner_texts(),
            strict=True,
        )
    )
    assert terms == {
        "recording": "wood.aiff",
        "start_s": "1",
        "stop_s": "1.5",
        "label": "<b>owl</b>",
        "Level in dB": "-27.388",
    }
    live = panel.locator("[aria-live=polite]")
    assert live.inner_text() == "<b>owl</b>, wood.aiff, 1.00 to 1.50 s"
    page.keyboard.press("Escape")
    assert page.evaluate("state.pinned") is None
    assert live.inner_text() == ""


def test_the_large_picture_is_the_patch_with_axes_in_s_and_hz(show, heard):
    page = show()
    pin(page, 5)
    chart = page.locator(".lm-chart-patch")
    assert chart.locator("canvas").evaluate(PIXELS) == patch(heard, 5)
    said = "Spectrogram that Log-mel received: 0.50 to 1.00 s, 100 to 10000 Hz"
    assert chart.get_by_role("img").get_attribute("aria-label") == said
    assert chart.locator(".lm-chart-unit").all_inner_texts() == ["Hz", "s"]
    seconds = marks(chart, "x", "left")
    assert seconds == {"0.5": 0, "0.6": 20, "0.7": 40, "0.8": 60, "0.9": 80, "1.0": 100}
    hertz = marks(chart, "y", "bottom")
    assert list(hertz) == ["8k", "4k", "2k", "1k", "500", "250", "125"]
    for text, at in hertz.items():
        hz = float(text.replace("k", "000"))
        band = np.interp(hz, BANDS_HZ, np.arange(16))
        assert at == 100 * (band + 0.5) / 16


def marks(chart, axis, side):
    """What an axis says, and where in %."""
    found = chart.locator(f".lm-chart-{axis} span").evaluate_all(
        "(marks, side) => marks.map((mark) => [mark.textContent, parseFloat(mark.style[side])])",
        side,
    )
    return {text: pytest.approx(at, abs=0.01) for text, at in found}


def test_cursors_move_with_the_sound(show):
    page = show()
    pin(page, 2)
    assert page.locator(".lm-cursor:visible").count() == 0
    page.keyboard.press("Space")
    wait(page, "state.playing === 2")
    seen = page.evaluate("""async () => {
      const at = (chart) =>
        parseFloat(document.querySelector(`.lm-chart-${chart} .lm-cursor`).style.left);
      const seen = [];
      while (state.playing === 2) {
        await new Promise(requestAnimationFrame);
        if (sounds.now()) seen.push([sounds.now().at_s, at("patch"), at("around")]);
      }
      return seen;
    }""")
    seconds, patch, around = np.array(seen).T
    assert np.all(np.diff(seconds) >= 0)
    assert seconds[-1] > seconds[0] + 0.1
    # Of 0.5 to 1 s and of 0 to 1.5 s; set in this frame or the one before, however long it lasted.
    for shown_s in (0.5 + 0.5 * patch / 100, 1.5 * around / 100):
        assert np.all(shown_s[1:] >= seconds[:-1] - 0.02)
        assert np.all(shown_s <= seconds + 0.02)
    assert page.locator(".lm-cursor:visible").count() == 0


def test_play_recording_moves_the_pin_along_and_stops_at_its_end(show):
    page = show()
    pin(page, 0)
    # At half speed, so that a busy machine that skips some frames skips no window.
    page.evaluate("""() => {
      const { play } = HTMLMediaElement.prototype;
      HTMLMediaElement.prototype.play = function () {
        this.playbackRate = 0.5;
        return play.call(this);
      };
      window.frames_seen = [];
      const look = () => {
        if (sounds.playing) frames_seen.push([sounds.now().at_s, state.pinned]);
        requestAnimationFrame(look);
      };
      look();
    }""")
    asked = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    button = page.get_by_role("button", name="Play recording")
    button.click()
    wait(page, "state.playing === 0")
    assert button.get_attribute("aria-pressed") == "true"
    wait(page, "sounds.mode === null && state.playing === null")
    assert button.get_attribute("aria-pressed") == "false"
    seconds, pinned = np.array(page.evaluate("frames_seen")).T
    # Each is pinned with the frame in which its middle has been heard, or with the next.
    due = np.array([0, 2, 4])[np.searchsorted([0.75, 1.25], seconds, side="right")]
    assert set(pinned) == {0, 2, 4}
    assert np.all((pinned == due) | (pinned == np.roll(due, 1)))
    assert page.evaluate("state.pinned") == 4
    assert any("/recording/" in path for path in asked)
    assert not any("/stretch/" in path for path in asked)


def test_play_from_here_leaves_the_pin_and_choosing_another_point_stops_it(show):
    page = show()
    pin(page, 2)
    page.keyboard.press("h")
    page.get_by_role("button", name="Play from here").click()
    # Nor does the pointer's way over the map.
    page.evaluate("state.hover(1)")
    wait(page, "state.playing === 4")
    assert page.evaluate("state.pinned") == 2
    # The sound goes on while the test asks.
    assert 1.1 < page.evaluate("sounds.now().at_s") < 2.5
    pin(page, 5)
    assert page.evaluate("[state.playing, sounds.mode]") == [None, None]


def test_a_recording_that_the_browser_cannot_play_is_cut_by_the_server(show):
    page = show()
    pin(page, 3)
    with page.expect_response(re.compile("/stretch/")) as answer:
        page.get_by_role("button", name="Play recording").click()
    assert parse_qs(urlsplit(answer.value.url).query) == {"start": ["0"], "stop": ["1.5"]}
    wait(page, "state.pinned === 5")
    page.keyboard.press("Escape")
    assert page.evaluate("[state.pinned, state.playing, sounds.mode]") == [None, None, None]


def test_dragging_on_the_recording_plays_that_stretch(show):
    page = show()
    pin(page, 0)
    strip = page.locator(".lm-chart-around .lm-chart-picture")
    frame = strip.locator(".lm-frame")
    box = strip.bounding_box()
    assert frame.bounding_box()["x"] == pytest.approx(box["x"], abs=1)
    assert frame.bounding_box()["width"] == pytest.approx(box["width"] / 3, abs=1)
    x, y = box["x"], box["y"] + box["height"] / 2
    page.mouse.move(x + box["width"] * 0.8, y)
    assert strip.locator(".lm-readout").inner_text() == "1.20 s · 5.51 kHz"
    page.mouse.down()
    page.mouse.move(x + box["width"] * 0.6, y)
    with page.expect_response(re.compile("/stretch/.*/0.wav")) as answer:
        page.mouse.up()
    query = parse_qs(urlsplit(answer.value.url).query)
    assert float(query["start"][0]) == pytest.approx(0.9, abs=0.01)
    assert float(query["stop"][0]) == pytest.approx(1.2, abs=0.01)
    # What is heard there lies between the middles of rows 2 and 4.
    wait(page, "state.playing === 2")
    assert page.evaluate("state.pinned") == 0
    wait(page, "state.playing === null")
    pin(page, 2)
    assert frame.bounding_box()["x"] == pytest.approx(box["x"] + box["width"] / 3, abs=1)


def test_neighbours_light_up_sound_and_pin(show, heard):
    page = show()
    pin(page, 4)
    buttons = page.locator(".lm-neighbour[data-row]")
    # Angles to 0.25: row 3 at 0.1, row 1 at 0.45, row 0 at 0, row 5 at 0.7, row 2 at 1.
    order, apart = [3, 1, 0, 5, 2], [0.15, 0.2, 0.25, 0.45, 0.75]
    buttons.nth(4).wait_for()
    distances = buttons.locator(".lm-neighbour-distance").all_inner_texts()
    assert distances == [f"{1 - np.cos(angle):.3f}" for angle in apart]
    names = buttons.locator(".lm-neighbour-name").all_inner_texts()
    assert names == [heard.table["label"][row] for row in order]
    page.keyboard.press("h")
    buttons.nth(1).hover()
    assert page.evaluate("state.hovered") == 1
    wait(page, "state.playing === 1")
    name = "<b>owl</b>, wood.aiff, 1.00 to 1.50 s, distance 0.020"
    page.get_by_role("button", name=name).click()
    assert page.evaluate("state.pinned") == 1
    page.mouse.move(5, 300)
    assert page.evaluate("[state.hovered, state.playing]") == [None, None]
    # The keyboard keeps its place in the list, where other rows stand now.
    buttons.nth(4).wait_for()
    assert page.evaluate("document.activeElement.matches('li:nth-child(2) > .lm-neighbour')")
    page.keyboard.press("Tab")
    assert page.evaluate("state.hovered") == int(buttons.nth(2).get_attribute("data-row"))
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === panel.element"), "it is not lost"


def test_the_keyboard_walks_through_recordings_and_neighbours(show):
    page = show()

    def pressed(key):
        page.keyboard.press(key)
        page.wait_for_timeout(80)
        return page.evaluate("state.pinned")

    pin(page, 3)
    assert [pressed("ArrowRight") for _ in range(3)] == [5, 1, 1], "the last window stays"
    assert [pressed("ArrowLeft") for _ in range(3)] == [5, 3, 3]
    # Neighbours of row 3, then back to it; what is pinned on the way changes nothing.
    assert [pressed("ArrowDown") for _ in range(3)] == [0, 4, 1]
    assert [pressed("ArrowUp") for _ in range(4)] == [4, 0, 3, 3]
    assert pressed("ArrowDown") == 0
    # The walk starts anew from a point that was reached otherwise.
    assert pressed("ArrowRight") == 2
    assert pressed("ArrowDown") == 5
    page.get_by_label("Search").focus()
    assert pressed("ArrowDown") == 5
    page.keyboard.type(" h")
    assert page.evaluate("[state.hearing, sounds.mode]") == [False, None]


def test_the_keyboard_plays_stops_and_clears(show):
    page = show()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("state.pinned") == 0, "a walk begins somewhere"
    page.keyboard.press("Space")
    wait(page, "state.playing === 0")
    page.keyboard.press("Space")
    assert page.evaluate("state.playing") is None
    # Whoever hears what is under the pointer also hears where the keys lead.
    page.keyboard.press("H")
    page.keyboard.press("ArrowRight")
    wait(page, "state.playing === 2")
    page.evaluate("state.select([1, 2])")
    page.keyboard.press("Escape")
    assert page.evaluate("[state.pinned, state.playing, state.selectedCount]") == [None, None, 0]


def test_the_panel_keeps_its_size_from_row_to_row(show):
    page = show()
    places = """() => [...document.querySelectorAll('.lm-panel, .lm-panel section, .lm-player')]
      .map((part) => part.getBoundingClientRect().top + part.getBoundingClientRect().height)"""
    pin(page, 0)
    before = page.evaluate(places)
    on_the_way = page.evaluate(f"() => {{ state.pin(1); return ({places})(); }}")
    page.locator("[data-testid=detail][data-row='1']").wait_for()
    assert on_the_way == before == page.evaluate(places)
    panel = page.locator(".lm-panel").bounding_box()
    assert panel["height"] <= 680
    assert panel["width"] == pytest.approx(0.4 * 1256, abs=8)


def test_what_is_gone_is_said_in_a_sentence(show, workspace, console_errors):
    page = show()
    (workspace.uploads / "creek.wav").unlink()
    pin(page, 0)
    sentence = "creek.wav is not where it was when the set was made."
    assert page.locator(".lm-chart-around .lm-sentence").inner_text() == sentence
    assert page.get_by_role("button", name=re.compile("^Play")).evaluate_all(
        "(buttons) => buttons.every((button) => button.disabled)"
    )
    page.keyboard.press("Space")
    wait(page, "sounds.problem !== ''")
    assert page.get_by_role("status").inner_text() == sentence
    # The other recording is still there.
    pin(page, 1)
    assert page.locator(".lm-chart-around .lm-sentence").inner_text() == ""
    assert page.get_by_role("status").inner_text() == ""
    workspace.set_path("walk").unlink()
    page.evaluate("state.pin(5)")
    page.get_by_text("There is no set 'walk' in this workspace.").first.wait_for()
    assert not [error for error in console_errors if "Failed to load resource" not in error]


def test_a_set_without_pictures_and_recordings_shows_what_is_left(show, workspace, heard):
    plain = replace(heard, thumbnails=None)
    write_set(plain, workspace.set_path("walk"))
    page = show(pictures=None)
    page.evaluate("state.hover(2)")
    page.locator("[data-testid=hover-card][data-row='2']").wait_for()
    assert page.locator("canvas:visible").count() == 0
    pin(page, 2)
    panel = page.get_by_test_id("detail")
    assert panel.locator("h3:visible").all_inner_texts() == [
        "The recording around it drag to hear a stretch",
        "Nearest in embedding space",
        "All columns",
    ]
    panel.get_by_text("The set does not say where creek.wav lies.").wait_for()


def test_a_part_of_a_files_rows_is_asked_for_by_the_files_numbers(show, heard):
    # As on one of two maps that share only some rows: own row 0 is row 5 of the file, and so on.
    numbers = [5, 3, 4, 1]
    page = show(count=4, numbers=numbers)
    page.evaluate("state.hover(2)")
    page.locator("[data-testid=hover-card][data-row='2']").wait_for()
    card = page.get_by_test_id("hover-card")
    assert card.locator("canvas").evaluate(PIXELS) == patch(heard, 4)
    assert card.locator("p:visible").all_inner_texts()[1:] == ["creek.wav", "1.00 – 1.50 s"]
    assert page.evaluate("source.row(3).then((facts) => facts.start_s)") == 1.0
    # The file's rows 0 and 2 are not on this map; two are found all the same.
    near = page.evaluate("source.nearest(2, 2)")
    assert near["rows"] == [1, 3]
    assert page.evaluate("source.similar(1, { k: 3 })") == [1, 2]


def test_what_was_asked_once_is_kept_and_what_failed_is_asked_again(show):
    page = show()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        "Promise.all([source.row(1), source.row(1), source.picture(0), source.picture(5)])"
    )
    assert len(asked) == 2
    refused = "source.row(99).catch((error) => error.message)"
    assert page.evaluate(refused) == "The set has 6 rows; row 99 is not one."
    page.evaluate(refused)
    assert len(asked) == 4
    page.evaluate("source.dark = true; source.picture(0)")
    page.evaluate("source.picture(0)")
    assert sum("/sheet/" in url for url in asked) == 2


def test_card_and_panel_follow_another_theme_and_new_labels(show, workspace, heard):
    page = show()
    pin(page, 2)
    page.evaluate("state.hover(2)")
    found = workspace.open_set("walk")
    changed = found.table.assign(label=["rain"] * 6)
    write_set(replace(found, table=changed), workspace.set_path("walk"))
    page.evaluate("""() => {
      const columns = source.columns.map((column) => ({ ...column, url: `${column.url}?anew` }));
      source.update({ columns, addresses: source.addresses });
      source.dark = true;
      return Promise.all([card.refresh(), panel.refresh()]);
    }""")
    card = page.get_by_test_id("hover-card")
    card.get_by_text("rain").wait_for()
    page.locator("[data-testid=hover-card][data-row='2']").wait_for()
    page.locator("[data-testid=detail][data-row='2']").wait_for()
    assert card.locator("canvas").evaluate(PIXELS) == patch(heard, 2, "dark")
    assert page.locator(".lm-chart-patch canvas").evaluate(PIXELS) == patch(heard, 2, "dark")
    assert page.locator(".lm-headline p").inner_text().endswith("rain")
    assert "rain" in page.locator("dd").all_inner_texts()
