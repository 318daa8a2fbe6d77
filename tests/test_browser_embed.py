from __future__ import annotations

import numpy as np
import pytest
import soundfile as sf
from conftest import tone
from onmap import OnMap

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

MAP_MS = 150_000
"""UMAP compiles on first use, on two busy cores for more than a minute."""


@pytest.fixture
def night(tmp_path):
    """A folder of three recordings under two names, and a file that is none."""
    rng = np.random.default_rng(0)
    for name, hz in (("frog/1.wav", 440), ("frog/2.wav", 660), ("owl/3.wav", 1500)):
        path = tmp_path / "night" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, tone(hz, 3) + 0.01 * rng.normal(size=48000), 16000)
    (tmp_path / "night" / "owl" / "4.wav").write_bytes(b"RIFF, but no sound follows")
    return tmp_path / "night"


def test_a_folder_is_embedded_and_leads_to_its_map(page, server, night, console_errors, screenshot):
    page.goto(f"{server.url}/embed")
    page.get_by_text("No recordings yet").wait_for()
    page.get_by_role("button", name="A folder").click()
    page.locator("input[webkitdirectory]").set_input_files(night)
    page.get_by_text("3 recordings · 9.0 s · 2 labels").wait_for()
    page.get_by_text("1 file could not be read").click()
    page.get_by_text("night/owl/4.wav").wait_for()
    screenshot("embed-loaded-light")
    page.get_by_role("button", name="Embed 3 recordings").click()
    page.get_by_text("Embedding 3 recordings with Log-mel").first.wait_for()
    page.get_by_role("link", name="Models").click()
    page.get_by_role("heading", name="YAMNet").wait_for()
    screenshot("models-light")
    page.get_by_role("link", name="Embed", exact=True).click()
    page.get_by_text("15 points of 3 recordings").wait_for(timeout=MAP_MS)
    page.get_by_text("1 recording left out").wait_for()
    screenshot("embed-done-light")
    screenshot("embed-done-dark", "dark")
    page.get_by_role("button", name="See the map").click()
    page.wait_for_function("!document.title.startsWith('Embed')")
    assert "Explore" in page.title()
    explore = OnMap(page).ready()
    assert explore.says("points") == "15"
    explore.hover(explore.lonely()[0])
    assert "night/" in explore.card.inner_text()
    assert console_errors == []
