"""The report of an evaluation, opened from disk in a browser that has no network."""

from __future__ import annotations

from dataclasses import replace

import evaluations
import numpy as np
import pytest
from conftest import recorded

from embedviz.evaluation.report import write

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PLAYED = """() => new Promise((resolve) => {
  const original = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    this.addEventListener("timeupdate", () => resolve([this.duration, this.currentTime]));
    return original.call(this);
  };
  document.querySelector(".units .play").click();
})"""


def test_a_mistake_is_listed_played_and_the_report_prints(page, console_errors, make_set, tmp_path):
    found = evaluations.evaluation(["rain", "dog"], each=5, models={"YAMNet": 0.6, "log-mel": 0.1})
    found = replace(found, units=replace(found.units, stop_s=(2.4,) * 10))
    first = found.probed[0]
    wrong = np.flatnonzero((found.units.truth == 0) & (first.predicted == 1))
    out = tmp_path / "report.html"
    write(found, out, sets={"YAMNet": recorded(make_set(40), tmp_path)})

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    page.goto(out.as_uri())
    figure = page.locator(".confusion").first
    figure.locator(".cell").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert figure.locator("h4").inner_text() == f"{len(wrong)} of 5 rain are taken for dog"
    names = figure.locator(".units .recording").all_inner_texts()
    assert names == [found.units.recording[unit] for unit in wrong]
    picture = "document.querySelector('.units img')"
    page.wait_for_function(f"() => {picture}.complete && {picture}.naturalWidth === 112")
    duration_s, time_s = page.evaluate(PLAYED)
    assert duration_s == pytest.approx(2.4, abs=0.1)
    assert 0 <= time_s <= duration_s
    assert page.locator(".play[aria-pressed=true]").count() == 1

    printed = page.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert len(printed) > 20_000
    page.emulate_media(media="print")
    # A4 less its margins, in CSS pixels: nothing is cut off on the right.
    page.set_viewport_size({"width": 687, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth") <= 687
    assert not figure.locator(".units").is_visible()
    assert console_errors == []
    assert [url for url in asked if not url.startswith(("file:///", "data:"))] == []
