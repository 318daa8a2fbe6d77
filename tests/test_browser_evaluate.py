"""The page Evaluate in a real browser: a set is evaluated, and a cell of its matrix heard."""

from __future__ import annotations

import numpy as np
import pytest
from onmap import OnMap

from embedviz.embed import embed
from embedviz.models import load_model
from embedviz.project import project
from embedviz.store import write_set

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PLAYED = """(audio) => new Promise((resolve) => {
  audio.addEventListener("timeupdate", () => resolve([audio.duration, audio.currentTime]));
  audio.play();
})"""


def test_a_set_is_evaluated_and_a_cell_is_heard_and_seen_on_the_map(
    page, server, own, demo_clips, console_errors, elsewhere, screenshot
):
    night = embed(demo_clips, load_model("logmel"), per="recording")
    write_set(night.with_projection(project(night, "pca")), own.set_path("night"))
    page.goto(f"{server.url}/evaluate?w={own.token}")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    page.get_by_text("separates “label”").wait_for(timeout=90_000)
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot').length === 2")
    screenshot("evaluate-models-light")
    screenshot("evaluate-models-dark", "dark")

    page.get_by_role("tab", name="Mistakes").click()
    # With the keyboard alone: to the next cell that holds anything.
    cells = page.get_by_test_id("confusion").get_by_role("button")
    cells.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    pressed = page.locator("[data-testid=confusion] button[aria-pressed=true]")
    words = pressed.get_attribute("aria-label")
    count = int(pressed.inner_text())
    page.get_by_test_id("stMarkdownContainer").get_by_text(words, exact=True).wait_for()
    player = page.locator("audio").first
    player.wait_for(state="attached")
    assert page.locator("audio").count() == count
    name = page.locator("[data-testid=stElementContainer] strong").nth(1).inner_text()
    duration_s, time_s = player.evaluate(PLAYED)
    length_s = night.table.set_index("recording")["stop_s"][name]
    assert duration_s == pytest.approx(length_s, abs=0.1)
    assert 0 <= time_s <= duration_s
    player.evaluate("(audio) => audio.pause()")
    page.get_by_test_id("confusion").scroll_into_view_if_needed()
    screenshot("evaluate-mistakes-light", "light")
    screenshot("evaluate-mistakes-dark", "dark")

    page.get_by_role("button", name="Show them on the map").click()
    on_map = OnMap(page).ready()
    on_map.comes_to_say("selected", count)
    kind = words.split(" of ")[1].split(" ", 1)[1]
    rows = np.array(on_map.selected())
    assert all(kind.startswith(label) for label in night.table["label"][rows])
    assert console_errors == []
    assert elsewhere == []
