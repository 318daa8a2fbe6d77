"""Two maps side by side in a real browser: what is done in one is seen in the other."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from onmap import OnMap, choose, seen, selected_in_python

from embedviz.embed import embed
from embedviz.ensemble import ensemble
from embedviz.models import load_model
from embedviz.project import project
from embedviz.store import write_set

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LEFT, RIGHT = 0, 1


@pytest.fixture(scope="module")
def sets(demo_clips):
    """40 demo clips heard once and, in another order, together with themselves heard coarsely."""
    model = load_model("logmel")
    fine = embed(demo_clips, model, per="recording")
    coarse = embed(demo_clips, model, per="recording", hop_s=0.96)
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
def pair(open_map, own, sets, traffic, console_errors, elsewhere):
    """Both maps of a page, the ensemble's on the right; whatever fails unseen fails the test."""
    fine, joined = sets[0]
    write_set(joined, own.set_path("joined"))
    write_set(fine, own.set_path("fine"))
    left = open_map(own, "compare")
    yield left, OnMap(left.page, RIGHT)
    assert console_errors == []
    assert elsewhere == []


def number(sets, which: int, row: int) -> int:
    """Give the number of a row of the pair in the file of one of the sets."""
    return row if which == LEFT else int(np.flatnonzero(sets[1] == row)[0])


def both_say(pair, name: str, value: object) -> None:
    for side in pair:
        side.comes_to_say(name, value)


def test_what_is_under_the_pointer_is_lit_up_in_both_maps_without_the_server(
    pair, sets, traffic, screenshot
):
    sent = len(traffic.sent)
    for side in pair:
        [row] = side.lonely()
        side.hover(row)
        both_say(pair, "hover-row", row)
        # Each card shows the same clip as its own model received it.
        for which, other in enumerate(pair):
            wanted = seen(sets[0][which], number(sets, which, row), "inverted grey")
            np.testing.assert_array_equal(other.picture(row), wanted)
        assert pair[LEFT].card.inner_text() == pair[RIGHT].card.inner_text()
        assert sets[0][LEFT].table["recording"][row] in pair[LEFT].card.inner_text()
    screenshot("compare-hover-light")
    pair[LEFT].leave()
    both_say(pair, "hover-row", None)
    for side in pair:
        assert side.card.is_hidden()
    assert len(traffic.sent) == sent


def test_a_click_rings_the_row_in_both_maps_and_shows_it_twice(pair, screenshot):
    left, right = pair
    page = left.page
    [row] = right.lonely()
    right.click(row)
    both_say(pair, "pinned-row", row)
    # The ensemble keeps the pictures of its first member, and says so.
    page.get_by_text("What Log-mel received").nth(1).wait_for()
    page.wait_for_function("document.querySelectorAll('audio').length == 21")
    assert f"/fine/{row}.wav" in page.evaluate("document.querySelector('audio').src")
    page.get_by_text("in both", exact=True).first.wait_for()
    left.leave()
    left.ready(2)
    page.get_by_text("What Log-mel received").first.scroll_into_view_if_needed()
    screenshot("compare-row-light")
    screenshot("compare-row-dark", "dark")
    # Another row, chosen on the other map, takes its place in both.
    left.stage.scroll_into_view_if_needed()
    other = next(one for one in left.lonely(2) if one != row)
    left.click(other)
    both_say(pair, "pinned-row", other)
    page.wait_for_function(f"document.querySelector('audio').src.includes('/fine/{other}.wav')")


def test_a_lasso_selects_the_same_rows_in_both_maps(pair, traffic, screenshot):
    left, right = pair
    rows, corners = left.part(axis=1)
    before = traffic.total()
    left.lasso(corners)
    both_say(pair, "selected", len(rows))
    assert left.selected() == rows
    left.page.get_by_text(f"of the {len(rows)} selected points").wait_for()
    assert traffic.total() - before < 100_000
    left.leave()
    screenshot("compare-lasso-light")
    # A later lasso in the other map takes the place of the first.
    others, corners = right.part(axis=1)
    assert others != rows
    right.lasso(corners)
    both_say(pair, "selected", len(others))
    assert left.selected() == others
    left.page.get_by_text(f"of the {len(others)} selected points").wait_for()
    # A click on a point leaves it as it is; Esc takes it back.
    [row] = left.lonely()
    left.click(row)
    both_say(pair, "pinned-row", row)
    assert left.selected() == others
    left.page.keyboard.press("Escape")
    both_say(pair, "selected", 0)
    both_say(pair, "pinned-row", None)
    left.page.get_by_text("selected points").wait_for(state="detached")


def test_the_legend_isolates_a_category_in_both_maps(pair, sets):
    clicks = np.flatnonzero(sets[0][LEFT].table["label"] == "clicks").tolist()
    pair[LEFT].page.get_by_role("button", name=f"clicks, {len(clicks)} rows").click()
    for side in pair:
        assert sorted(side.places()) == clicks


def test_both_maps_are_coloured_by_what_the_models_share(pair, screenshot):
    page = pair[LEFT].page
    places = [side.places() for side in pair]
    choose(page, "Colour both by", "shared neighbours")
    legend = page.get_by_test_id("legend")
    legend.get_by_text("shared neighbours", exact=True).wait_for()
    pair[LEFT].ready(2)
    for side, before in zip(pair, places, strict=True):
        now = side.places()
        np.testing.assert_array_equal(list(now.values()), list(before.values()))
    words = legend.get_by_role("img").get_attribute("aria-label")
    low, high = map(float, re.search(r"from ([\d.]+) to ([\d.]+)", words).groups())
    assert 0 <= low < high <= 1
    # The scale selects in both maps what the models disagree about.
    legend.get_by_label("To", exact=True).fill(str((low + high) / 2))
    legend.get_by_label("To", exact=True).press("Enter")
    pair[LEFT].page.get_by_text("selected points").wait_for()
    chosen = pair[LEFT].selected()
    assert 0 < len(chosen) < 40
    both_say(pair, "selected", len(chosen))
    pair[LEFT].leave()
    screenshot("compare-agreement-light")
    screenshot("compare-agreement-dark", "dark")


def test_the_keyboard_alone_reaches_a_row_on_both_maps(pair, sets):
    page = pair[LEFT].page
    for side in pair:
        assert "40 points" in side.stage.get_attribute("aria-label")
    page.get_by_role("searchbox", name="Search").focus()
    page.keyboard.type("whale")
    page.keyboard.press("Enter")
    both_say(pair, "selected", 5)
    page.get_by_text("Table", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_text("5 selected rows", exact=True).wait_for()
    while not page.evaluate("document.activeElement.closest('tbody')"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    row = pair[LEFT].selected()[0]
    both_say(pair, "pinned-row", row)
    page.get_by_text("What Log-mel received").nth(1).wait_for()
    heard = page.get_by_role("button", name="Hear on hover")
    page.keyboard.press("h")
    assert heard.get_attribute("aria-pressed") == "true"
    heard.click()
    assert heard.get_attribute("aria-pressed") == "false"


def test_a_selection_is_sent_from_explore(page, open_map, own, sets, console_errors):
    fine, joined = sets[0]
    write_set(joined, own.set_path("joined"))
    write_set(fine, own.set_path("fine"))
    explore = open_map(own, set="fine")
    box = page.get_by_role("searchbox", name="Search")
    box.fill("label:whale")
    box.press("Enter")
    selected_in_python(explore, 5)
    rows = explore.selected()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_function("document.title.startsWith('Compare')")
    pair = OnMap(page).ready(2), OnMap(page, RIGHT)
    both_say(pair, "selected", 5)
    assert pair[LEFT].selected() == rows
    page.get_by_text("of the 5 selected points").wait_for()
    assert console_errors == []


def test_the_maps_stand_below_each_other_on_a_phone(pair, screenshot):
    left, right = pair
    page = left.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.querySelector('.lm-stage').clientWidth < 390")
    left.ready(2)
    above, below = left.stage.bounding_box(), right.stage.bounding_box()
    assert below["y"] >= above["y"] + above["height"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    # Narrow or wide, a map shows all of its points.
    assert [len(side.places()) for side in pair] == [40, 40]
    left.stage.scroll_into_view_if_needed()
    [row] = left.lonely()
    left.click(row)
    both_say(pair, "pinned-row", row)
    page.get_by_text("What Log-mel received").nth(1).wait_for()
    left.ready(2)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    screenshot("compare-phone")
