"""How quick is the listening map? Hover on the demo; 100,000 and 1,000,000 rows in a real browser.

python benchmarks/map.py

All on this machine, the browser without a graphics card. Rows are synthetic; those of the demo
are its recordings. The last lines set our points beside a Plotly trace of the same points.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from playwright.sync_api import Page, sync_playwright

from embedviz.data import EmbeddingSet, Projection, Provenance
from embedviz.launch import prepare_demo
from embedviz.store import write_set
from embedviz.ui.workspace import Workspace

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from browser import find
from running import ARGUMENTS, app, own_folders

HOVERED = 50
CLASSES = 12
READY = "[data-testid=listening-map][data-ready=true]"
MAP = "document.querySelector('[data-testid=listening-map]').listeningMap"
# From the event of the pointer to the card with the row's picture, and to the start of its sound.
WATCH = """() => {
  window.times = { card: [], sound: [] };
  let moved = 0;
  addEventListener("pointermove", () => (moved = performance.now()), true);
  const watch = (element, attribute, kind) => new MutationObserver(() => {
    if (element.hasAttribute(attribute)) window.times[kind].push(performance.now() - moved);
  }).observe(element, { attributes: true, attributeFilter: [attribute] });
  watch(document.querySelector("[data-testid=hover-card]"), "data-row", "card");
  watch(document.querySelector("[data-testid=listening-map]"), "data-playing-row", "sound");
}"""
FRAME = """async (act) => {
  const map = document.querySelector('[data-testid=listening-map]').listeningMap;
  const times = [];
  for (let i = 0; i < 10; i++) {
    const before = performance.now();
    map.views[0].pan(5, 3);
    map.views[0].draw();
    const gl = map.views[0].points.gl;
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    times.push(performance.now() - before);
  }
  return times.sort((a, b) => a - b)[5];
}"""
# The same points by our own layer and by Plotly's trace of its own: to draw, to colour anew.
BESIDE = """async (count) => {
  const { Points } = await import(new URL("/map/points.js", location));
  await new Promise((loaded) => {
    const script = document.createElement("script");
    script.src = "/plotly/plotly.min.js";
    script.onload = loaded;
    document.head.append(script);
  });
  const random = (n) => Float32Array.from({ length: n }, Math.random);
  const places = random(2 * count);
  const area = { left: 0, top: 0, width: 800, height: 500 };
  const canvas = document.createElement("canvas");
  const chart = document.createElement("div");
  for (const element of [canvas, chart]) {
    Object.assign(element.style, { width: "800px", height: "500px", display: "block" });
    document.body.append(element);
  }
  const seen = (gl) => gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  const timed = async (act) => {
    const times = [];
    for (let turn = 0; turn < 6; turn++) {
      const before = performance.now();
      await act(turn % 2);
      times.push(performance.now() - before);
    }
    // Without the first, which warms up.
    return times.slice(1).sort((a, b) => a - b)[2];
  };
  const points = new Points(canvas);
  const matrix = Float32Array.of(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, -1, -1, 0, 1);
  const bytes = (value) => new Uint8Array(count).fill(value);
  const draw = () => {
    points.draw(matrix, area, { dimmed: false, layered: false, ground: [255, 255, 255] });
    seen(points.gl);
  };
  const grouped = (turn) => Uint8Array.from({ length: count }, (_, row) => (row + turn) % 10);
  const groups = [grouped(0), grouped(1)];
  points.place(places, 2);
  points.sizes(bytes(6));
  points.flags(bytes(0));
  points.groups(groups[0]);
  points.paint(Array.from({ length: 10 }, (_, group) => [25 * group, 100, 200]), []);
  draw();
  const traces = (codes) => Array.from({ length: 10 }, (_, group) => {
    const rows = Array.from(codes.keys()).filter((row) => codes[row] === group);
    return {
      type: "scattergl", mode: "markers", hoverinfo: "none", marker: { size: 3 },
      x: Float32Array.from(rows, (row) => places[2 * row]),
      y: Float32Array.from(rows, (row) => places[2 * row + 1]),
    };
  });
  const whole = { range: [0, 1] };
  const layout = { showlegend: false, uirevision: 1, xaxis: whole, yaxis: whole };
  const [before, after] = groups.map(traces);
  await Plotly.newPlot(chart, before, layout);
  const finish = () => chart.querySelectorAll("canvas").forEach((one) => {
    const gl = one.getContext("webgl") ?? one.getContext("webgl2");
    if (gl) seen(gl);
  });
  const ours = [
    await timed(draw),
    await timed((turn) => {
      points.groups(groups[turn]);
      draw();
    }),
  ];
  const theirs = [
    await timed(async (turn) => {
      await Plotly.relayout(chart, { "xaxis.range": [0.1 * turn, 0.9] });
      finish();
    }),
    await timed(async (turn) => {
      await Plotly.react(chart, turn ? after : before, layout);
      finish();
    }),
  ];
  return { ours, theirs };
}"""


class Wire:
    """Counts what crosses a page's websocket."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        page.on("websocket", self._listen)

    def _listen(self, socket) -> None:  # noqa: ANN001 (Playwright's own)
        for event in ("framesent", "framereceived"):
            socket.on(event, self._add)

    def _add(self, content: str | bytes) -> None:
        self.bytes += len(content)

    def taken(self) -> int:
        """Give what came since it was asked last."""
        found, self.bytes = self.bytes, 0
        return found


def synthetic(rows: int, dims: int = 16) -> EmbeddingSet:
    """Give rows in clusters, ten windows a recording, with a map but without sounds."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, CLASSES, rows)
    angles = 2 * np.pi * kinds / CLASSES
    places = 8 * np.stack([np.cos(angles), np.sin(angles)], axis=1) + rng.normal(size=(rows, 2))
    windows = np.arange(rows) % 10
    table = pd.DataFrame(
        {
            "recording": [f"night/{row // 10:06d}.wav" for row in range(rows)],
            "start_s": windows * 0.96,
            "stop_s": windows * 0.96 + 0.96,
            "label": np.array([f"call {kind:02d}" for kind in range(CLASSES)])[kinds],
            "level_db": rng.normal(-40, 8, rows).astype(np.float32),
        }
    )
    vectors = rng.normal(size=(rows, dims)).astype(np.float32)
    pictures = rng.integers(0, 256, (rows, 24, 16), np.uint8) if rows <= 100_000 else None
    made = Provenance(
        "synthetic", "", {}, True, 16000, 0.96, 0.96, "window", "float32", "0",
        label_columns=("label",),
    )  # fmt: skip
    projection = Projection("umap", places.astype(np.float32), {})
    return EmbeddingSet(table, vectors, made, pictures, projection)


def hover(page: Page, url: str) -> None:
    """Print how long the card and the sound take on the demo."""
    page.goto(url)
    page.wait_for_selector(READY)
    page.evaluate(WATCH)
    page.keyboard.press("h")
    page.wait_for_function(f"{MAP}.state.hearing")
    count = page.evaluate(f"{MAP}.state.count")
    for row in np.random.default_rng(0).choice(count, HOVERED, replace=False).tolist():
        place = page.evaluate(f"{MAP}.placeOf({row})")
        page.mouse.move(place["x"], place["y"])
        page.wait_for_timeout(400)
    times = page.evaluate("window.times")
    for kind, limit in (("card", 50), ("sound", 150)):
        found = times[kind]
        print(f"hover to {kind:5} median {median(found):5.0f} ms of {len(found)} (wanted: {limit})")


def scale(page: Page, wire: Wire, url: str, rows: int) -> None:
    """Print the timings of a large set."""
    workspace = Workspace.create()
    write_set(synthetic(rows), workspace.set_path("large"))
    print(f"{rows:,} rows")
    started = time.monotonic()
    page.goto(f"{url}/?w={workspace.token}&set=large")
    page.wait_for_selector(READY, timeout=120_000)
    page.wait_for_function(f"{MAP}.views[0].look")
    print(f"  first paint      {time.monotonic() - started:6.2f} s, {wire.taken() / 1e3:.0f} kB")
    print(f"  pan, one frame   {page.evaluate(FRAME):6.0f} ms")
    note = page.locator(".lm-note").inner_text()
    if note:
        print(f"  it says          {note}")
    lasso(page, wire)
    recolour(page, wire)


def lasso(page: Page, wire: Wire) -> None:
    """Select about half of the points, and wait until the server knows them."""
    page.evaluate(f"{MAP}.tools.take('lasso')")
    box = page.locator(".lm-stage").bounding_box()
    left, top = box["x"] + 4, box["y"] + 4
    right, bottom = box["x"] + box["width"] / 2, box["y"] + box["height"] - 4
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=8)
    wire.taken()
    started = time.monotonic()
    page.mouse.up()
    page.wait_for_function(f"{MAP}.state.selectedCount > 0")
    shown = time.monotonic() - started
    count = page.evaluate(f"{MAP}.state.selectedCount")
    page.get_by_text(f"{count:,} selected").nth(1).wait_for()
    known = time.monotonic() - started
    print(
        f"  lasso            {shown * 1e3:6.0f} ms for {count:,} rows; known to the page after "
        f"{known * 1e3:.0f} ms, {wire.taken() / 1e3:.0f} kB on the websocket"
    )


def recolour(page: Page, wire: Wire) -> None:
    """Colour by a number instead of a label."""
    wire.taken()
    page.get_by_role("combobox", name="Colour by").click()
    started = time.monotonic()
    page.get_by_role("option", name="level_db").click()
    page.wait_for_function(f"{MAP}.views[0].look.low !== undefined")
    seconds = time.monotonic() - started
    page.wait_for_timeout(500)
    kilobytes = wire.taken() / 1e3
    print(f"  colour change    {seconds * 1e3:6.0f} ms, {kilobytes:.0f} kB on the websocket")


def beside_plotly(page: Page, url: str, count: int) -> None:
    """Print how much quicker our points are than Plotly's."""
    page.goto(f"{url}/_stcore/health")
    found = page.evaluate(BESIDE, count)
    pairs = zip(("draw", "colour anew"), found["ours"], found["theirs"], strict=True)
    for what, ours, theirs in pairs:
        print(
            f"{count:,} points, {what:12} {ours:6.0f} ms; Plotly's scattergl {theirs:6.0f} ms: "
            f"{theirs / ours:.1f} times as fast"
        )


def main() -> None:
    """Run everything in folders of its own."""
    executable = find()
    if executable is None:
        raise SystemExit("There is no Chromium; get one with `python tools/browser.py`.")
    with TemporaryDirectory() as folder, own_folders(Path(folder)):
        prepare_demo(lambda line: None)
        with app(Path(folder) / "log.txt") as url, sync_playwright() as playwright:
            sound = "--autoplay-policy=no-user-gesture-required"
            browser = playwright.chromium.launch(
                executable_path=executable, args=[*ARGUMENTS, sound]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            wire = Wire(page)
            hover(page, url)
            for rows in (100_000, 1_000_000):
                scale(page, wire, url, rows)
            beside_plotly(page, url, 100_000)
            browser.close()


if __name__ == "__main__":
    main()
