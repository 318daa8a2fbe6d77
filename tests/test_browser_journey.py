"""The whole way in a real browser: recordings, a map, one point, a selection, a bundle."""

from __future__ import annotations

import re
import zipfile

import pandas as pd
import pytest
from onmap import OnMap, look_and_listen, pinned, selected_in_python

from embedviz.projector.validate import validate_bundle
from embedviz.ui.workspace import Workspace

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

MAP_MS = 150_000
"""UMAP compiles on first use, on two busy cores for more than a minute."""
CLIPS = ("dog_bark", "rain", "rooster")
TOKEN = re.compile(r"\bw=([A-Za-z0-9_-]{22})")

PICTURES = """() => {
  const pictures = [...document.querySelectorAll('[data-testid=stImage] img')];
  return pictures.length > 0 && pictures.every((one) => one.complete && one.naturalWidth > 0);
}"""


def downloaded(page, label, folder):
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def go(page, name):
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_function(f"document.title == '{name} · embedviz'")


@pytest.mark.shared
def test_clips_become_a_map_a_point_a_selection_and_a_bundle(
    page, server, shared, tmp_path, monkeypatch, console_errors, elsewhere, screenshot
):
    monkeypatch.setenv("EMBEDVIZ_CACHE", str(server.cache))
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
    explore = OnMap(page).ready()
    assert explore.says("points") == "27"
    found = Workspace.open(token).open_set("recordings-logmel")
    look_and_listen(explore, found, 20)
    pin_and_look(explore, found, screenshot)
    select_and_keep(explore, tmp_path)
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


def pin_and_look(explore, found, screenshot):
    [row] = explore.lonely()
    place = explore.place_of(row)
    explore.click(row)
    pinned(explore, row)
    name = found.table["recording"][row]
    explore.detail.get_by_role("heading", name=name, exact=True).wait_for()
    explore.detail.get_by_role("heading", name="What Log-mel received").wait_for()
    assert explore.detail.get_by_role("listitem").get_by_role("button").count() == 10
    # The ring around the point moves nothing.
    assert explore.place_of(row) == place
    explore.leave()
    screenshot("explore-journey-light")


def select_and_keep(explore, folder):
    rows, corners = explore.part()
    explore.lasso(corners)
    selected_in_python(explore, len(rows))
    table = pd.read_csv(downloaded(explore.page, "CSV", folder))
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
