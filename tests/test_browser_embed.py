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
    size = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 300})
    # Scrolls instead of covering the page.
    page.wait_for_function("document.querySelector('.st-key-results')?.clientHeight <= 60")
    page.set_viewport_size(size)
    page.get_by_role("button", name="See the map").click()
    page.wait_for_function("!document.title.startsWith('Embed')")
    assert "Explore" in page.title()
    explore = OnMap(page).ready()
    assert explore.says("points") == "15"
    explore.hover(explore.lonely()[0])
    assert "night/" in explore.card.inner_text()
    assert console_errors == []


def drop(page, paths):
    """Drop files and folders of this machine onto the page's zone, as a user does."""
    box = page.locator(".up-zone").bounding_box()
    middle = {"x": box["x"] + box["width"] / 3, "y": box["y"] + box["height"] / 2}
    files = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    browser = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": kind, "data": files, **middle})


def test_files_and_a_folder_are_dropped_with_their_table(page, server, night, console_errors):
    (night / ".hidden.wav").write_bytes(b"no sound")
    (night / "notes.txt").write_text("dusk")
    table = night.with_name("kinds.csv")
    table.write_text("file,kind\nfrog/1.wav,croak\nalone.wav,hum\n")
    sf.write(night.with_name("alone.wav"), tone(300, 1), 16000)
    page.goto(f"{server.url}/embed")
    page.get_by_role("button", name="Choose files").wait_for()
    drop(page, [night, night.with_name("alone.wav"), table])
    page.get_by_text("6 files added, 2 of other kinds left aside.").wait_for()
    page.get_by_text("4 recordings · 10.0 s · 2 labels").wait_for()
    page.get_by_text("1 file could not be read").wait_for()
    assert console_errors == []


def test_a_chosen_recording_is_heard(page, own, server, night, console_errors):
    for path in sorted(night.glob("*/[123].wav")):
        with path.open("rb") as content:
            own.save(f"{path.parent.name}/{path.name}", content)
    page.goto(f"{server.url}/embed?w={own.token}")
    page.get_by_text("Select a recording to hear it.").wait_for()
    row = page.get_by_test_id("stDataFrame").locator("tbody tr", has_text="owl/3.wav")
    row.wait_for(state="attached")
    box = page.get_by_test_id("stDataFrame").bounding_box()
    # The list is a canvas; its marks are on the left of the fourth line, below the heading.
    page.mouse.click(box["x"] + 12, box["y"] + 35 * 3.5)
    sound = page.locator("audio")
    sound.wait_for()
    page.wait_for_function("document.querySelector('audio').readyState >= 1")
    assert sound.evaluate("audio => audio.duration") == 3
    heard = page.request.get(sound.evaluate("audio => audio.currentSrc"))
    assert heard.body() == (night / "owl" / "3.wav").read_bytes()
    assert console_errors == []


def test_a_cut_upload_goes_on_and_a_cancelled_one_leaves_nothing(page, own, server, tmp_path):
    long, asked = tmp_path / "long.wav", []
    sf.write(long, np.random.default_rng(0).normal(size=6_000_000), 48000, subtype="PCM_16")

    def disturb(route):
        """Cut the second piece of a file once, and keep that of another on the way."""
        method, offset = route.request.method, route.request.url.partition("&offset=")[2]
        asked.append((method, offset))
        second = (method, offset) == ("PUT", str(8 << 20))
        if second and asked.count((method, offset)) == 1:
            route.abort("connectionreset")
        elif not (second and "held.wav" in route.request.url):
            route.continue_()

    page.route("**/upload/**", disturb)
    page.goto(f"{server.url}/embed?w={own.token}")
    page.locator("input[type=file]").first.set_input_files(long)
    page.get_by_text("1 recording · 2 min 5 s").wait_for()
    assert (own.uploads / "long.wav").read_bytes() == long.read_bytes()
    assert asked == [("GET", ""), ("PUT", "0"), *[("PUT", str(8 << 20))] * 2]

    page.locator("input[type=file]").first.set_input_files(long.rename(tmp_path / "held.wav"))
    page.get_by_text("held.wav · 8.4 of 12.0 MB").wait_for()
    assert len(list((own.folder / "incoming").iterdir())) == 1
    with page.expect_event("requestfinished", lambda request: request.method == "DELETE"):
        page.get_by_role("button", name="Cancel").click()
    page.get_by_text("1 cancelled.").wait_for()
    assert list((own.folder / "incoming").iterdir()) == []
    assert not (own.uploads / "held.wav").exists()
