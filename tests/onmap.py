"""A listening map as a person finds it in the browser, for the tests that drive one."""

from __future__ import annotations

import io
from contextlib import suppress

import numpy as np
import soundfile as sf
from playwright.sync_api import Locator, Page, TimeoutError
from scipy.spatial import cKDTree

from embedviz.data import EmbeddingSet
from embedviz.thumbnails import picture

EDGE_PX = 6
"""Nearer to the edge of a map than this no test points or draws."""
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# Row and place on the page of every point that is in sight on one of the maps.
PLACES = """([which, edge]) => {
  const map = document.querySelector('.lm').listeningMap;
  const box = map.views[which].stage.getBoundingClientRect();
  const rows = Array.from({ length: map.state.count }, (_, row) => [row, map.placeOf(row, which)]);
  return rows
    .filter(([row, place]) => place && !map.state.hidden[row]
      && place.x > box.left + edge && place.x < box.right - edge
      && place.y > box.top + edge && place.y < box.bottom - edge)
    .map(([row, place]) => [row, place.x, place.y]);
}"""
# Every row that was heard, in order; a window may be over before somebody looks.
NOTE_HEARD = """() => {
  window.heard = [];
  new MutationObserver(([{ target }]) => {
    const row = target.dataset.playingRow;
    if (row !== undefined && Number(row) !== window.heard.at(-1)) window.heard.push(Number(row));
  }).observe(document.querySelector('.lm'), { attributeFilter: ['data-playing-row'] });
}"""
PIXELS = """(canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  return [width, height, Array.from(data)];
}"""


class OnMap:
    """A listening map as a person finds it: its points, its card and what it says of itself."""

    def __init__(self, page: Page, which: int = 0) -> None:
        self.page = page
        self.which = which
        self.root = page.get_by_test_id("listening-map").nth(which)
        self.stage = page.locator(".lm-stage").nth(which)
        self.card = page.get_by_test_id("hover-card").nth(which)
        self.detail = page.get_by_test_id("detail")

    def ready(self, maps: int = 1) -> OnMap:
        """Wait until all maps of the page are drawn and the server has nothing more to say."""
        self.page.wait_for_function(
            "(maps) => document.querySelectorAll("
            "'[data-testid=listening-map][data-ready=true]').length === maps",
            arg=maps,
        )
        self.page.get_by_test_id("stStatusWidget").wait_for(state="detached")
        self.page.evaluate(FRAMES)
        return self

    def says(self, name: str) -> str | None:
        """Give what the map says of itself: `pinned-row`, `selected`, ..."""
        return self.root.get_attribute(f"data-{name}")

    def comes_to_say(self, name: str, value: object) -> None:
        """Wait until the map says so; None means until it says nothing."""
        attribute = f"[data-{name}]" if value is None else f"[data-{name}='{value}']"
        wanted = f":not({attribute})" if value is None else attribute
        self.page.wait_for_function(
            "([which, wanted]) => document.querySelectorAll("
            "'[data-testid=listening-map]')[which]?.matches(wanted)",
            arg=[self.which, wanted],
        )

    def place_of(self, row: int) -> tuple[float, float]:
        """Give where the point of a row is on the page, in pixels."""
        place = self.page.evaluate(
            "([row, which]) => document.querySelector('.lm').listeningMap.placeOf(row, which)",
            [row, self.which],
        )
        return place["x"], place["y"]

    def places(self) -> dict[int, np.ndarray]:
        """Give the same of all points in sight."""
        found = self.page.evaluate(PLACES, [self.which, EDGE_PX])
        return {row: np.array(place) for row, *place in found}

    def lonely(self, count: int = 1) -> list[int]:
        """Give the rows that lie farthest from all others, which no pointer can mistake."""
        found = self.places()
        every = np.array(list(found.values()))
        apart = cKDTree(every).query(every, k=2)[0][:, 1]
        order = np.argsort(-apart, kind="stable")[:count]
        assert apart[order[-1]] > 2, "the points lie too close to be told apart"
        return [list(found)[place] for place in order]

    def hover(self, row: int) -> None:
        """Bring the pointer over a row's point and wait for its card."""
        x, y = self.place_of(row)
        self.page.mouse.move(x - 1, y - 1)
        self.page.mouse.move(x, y)
        self.comes_to_say("hover-row", row)

    def leave(self) -> None:
        """Take the pointer off the map."""
        self.page.mouse.move(5, 300)
        self.comes_to_say("hover-row", None)

    def click(self, row: int) -> None:
        self.page.mouse.click(*self.place_of(row))

    def part(self, axis: int = 0) -> tuple[list[int], list[tuple[float, float]]]:
        """Give the rows left of a gap (of axis 1: above it), and corners of a line around them."""
        found = self.places()
        along = np.sort([place[axis] for place in found.values()])
        middle = slice(len(along) // 4, 3 * len(along) // 4)
        gap = int(np.diff(along[middle]).argmax()) + middle.start
        split = (along[gap] + along[gap + 1]) / 2
        rows = sorted(row for row, place in found.items() if place[axis] < split)
        box = self.stage.bounding_box()
        low = [box["x"] + 2, box["y"] + 2]
        high = [box["x"] + box["width"] - 2, box["y"] + box["height"] - 2]
        high[axis] = split
        return rows, [tuple(low), (high[0], low[1]), tuple(high), (low[0], high[1])]

    def lasso(self, corners: list[tuple[float, float]]) -> None:
        """Draw a line around points."""
        self.page.mouse.move(*corners[0])
        self.page.mouse.down()
        for corner in [*corners[1:], corners[0]]:
            self.page.mouse.move(*corner, steps=4)
        self.page.mouse.up()

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Draw from one place to another."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*stop, steps=4)
        self.page.mouse.up()

    def selected(self) -> list[int]:
        """Give the selected rows."""
        return self.page.evaluate("document.querySelector('.lm').listeningMap.state.selectedRows()")

    def picture(self, row: int) -> np.ndarray:
        """Give the picture on the card, once it is that of the row: (height, width, 3)."""
        self.page.wait_for_function(
            "([which, row]) => document.querySelectorAll('[data-testid=hover-card]')[which]"
            ".dataset.row === String(row)",
            arg=[self.which, row],
        )
        return pixels(self.card.locator("canvas"))


def pixels(canvas: Locator) -> np.ndarray:
    """Give what is drawn on a canvas: (height, width, 3)."""
    width, height, data = canvas.evaluate(PIXELS)
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


def seen(found: EmbeddingSet, row: int, colours: str) -> np.ndarray:
    """Give what a row's picture must be: (height, width, 3)."""
    return np.asarray(picture(found.thumbnails[row], colours=colours).convert("RGB"))


def heard(found: EmbeddingSet, row: int) -> tuple[np.ndarray, int]:
    """Give the recording's own samples of a row's window, as 16 bits hold them, and their rate."""
    place = found.table.iloc[row]
    source = found.provenance.recordings[place["recording"]]
    start, stop = (round(place[end] * source.rate_hz) for end in ("start_s", "stop_s"))
    whole, rate_hz = sf.read(source.path, always_2d=True)
    return np.clip(np.round(whole[start:stop].mean(axis=1) * 32768), -32768, 32767), rate_hz


def look_and_listen(on_map: OnMap, found: EmbeddingSet, count: int) -> None:
    """Hover over points: card and sound must be those of the rows, one sound after the other."""
    page, sounds = on_map.page, {}
    page.on("response", lambda answer: sounds.update({answer.url.rpartition("/")[2]: answer}))
    page.get_by_role("button", name="Hear on hover").click()
    page.evaluate(NOTE_HEARD)
    rows = on_map.lonely(count)
    for row in rows:
        on_map.hover(row)
        page.wait_for_function("(row) => window.heard.at(-1) === row", arg=row)
        np.testing.assert_array_equal(on_map.picture(row), seen(found, row, "inverted grey"))
        place = found.table.iloc[row]
        span = f"{place['start_s']:.2f} – {place['stop_s']:.2f} s"
        words = [place.get("label"), place["recording"], span]
        said = [line for line in on_map.card.inner_text().split("\n") if line]
        assert said == [one for one in words if one], said
        samples, rate_hz = sf.read(io.BytesIO(sounds[f"{row}.wav"].body()), dtype="int16")
        wanted, wanted_hz = heard(found, row)
        assert rate_hz == wanted_hz
        np.testing.assert_array_equal(samples, wanted)
    on_map.leave()
    on_map.comes_to_say("playing-row", None)
    assert on_map.card.is_hidden()
    assert page.evaluate("window.heard") == rows
    page.get_by_role("button", name="Hear on hover").click()


def selected_in_python(on_map: OnMap, count: int) -> None:
    """Wait until the actions below the map know of the selection."""
    said = on_map.page.get_by_test_id("stMarkdown")
    said.get_by_text(f"{count:,} selected", exact=True).wait_for()


def pinned(on_map: OnMap, row: int) -> None:
    """Wait until a row is pinned and the panel shows it."""
    on_map.comes_to_say("pinned-row", row)
    on_map.page.wait_for_function(
        "(row) => document.querySelector('[data-testid=detail]').dataset.row === String(row)",
        arg=int(row),
    )


def choose(page: Page, box: str, option: str) -> None:
    """Choose from one of Streamlit's lists, which close when the page is drawn anew meanwhile."""
    for _ in range(5):
        page.get_by_role("combobox", name=box).click()
        with suppress(TimeoutError):
            return page.get_by_role("option", name=option, exact=True).click(timeout=3000)
        page.keyboard.press("Escape")
    raise AssertionError(f"{box} does not offer {option}")
