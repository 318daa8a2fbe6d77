// The frame of a flat map: where each point of the data lies on the screen, and the axes that say
// so. Plotly draws the axes; the points are drawn by points.js, several times as fast as by a
// Plotly trace (benchmarks/map.py).

import { CONFIG, blank, inks, plotly } from "./plotly.js";

const MARGIN_PX = { l: 46, r: 8, t: 8, b: 40 };
const ROOM = 0.06;
const CLOSEST = 1e-4;
const FARTHEST = 4;

/** Give the least and the greatest value of each axis; what is not finite is left aside. */
export function extent(coordinates, dims) {
  const low = Array.from({ length: dims }, () => Infinity);
  const high = Array.from({ length: dims }, () => -Infinity);
  for (let i = 0; i < coordinates.length; i++) {
    const value = coordinates[i];
    const axis = i % dims;
    if (value < low[axis]) low[axis] = value;
    if (value > high[axis]) high[axis] = value;
  }
  for (let axis = 0; axis < dims; axis++) {
    // Points in one place, or none, need room around them as well.
    if (!(high[axis] > low[axis])) {
      low[axis] = Number.isFinite(low[axis]) ? low[axis] - 1 : -1;
      high[axis] = low[axis] + 2;
    }
  }
  return { low, high };
}

/** A flat map: one scale for both axes, moved and zoomed by its centre and its units per pixel. */
export class FlatFrame extends EventTarget {
  matrix = new Float32Array(16);

  /**
   * @param {HTMLElement} place that Plotly draws into
   * @param {{low: number[], high: number[]}} extent of the points
   * @param {string[] | null} titles of the axes, or none to draw no axes
   */
  constructor(place, extent, titles) {
    super();
    this.place = place;
    this.extent = extent;
    this.titles = titles;
    this.margin = titles ? MARGIN_PX : { l: 0, r: 0, t: 0, b: 0 };
    this.resize();
    this.reset();
  }

  resize() {
    const { clientWidth, clientHeight } = this.place;
    const { l, r, t, b } = this.margin;
    const zoomed = this.view && this.view.units / this.whole().units;
    this.area = { left: l, top: t, width: Math.max(1, clientWidth - l - r), height: Math.max(1, clientHeight - t - b) };
    if (!this.view) return;
    // In a smaller place the same part of the map is seen smaller.
    this.view.units = zoomed * this.whole().units;
    this.move();
  }

  /** Give the view that holds all points. */
  whole() {
    const { low, high } = this.extent;
    const { width, height } = this.area;
    const units = Math.max((high[0] - low[0]) / width, (high[1] - low[1]) / height) * (1 + 2 * ROOM);
    return { x: (low[0] + high[0]) / 2, y: (low[1] + high[1]) / 2, units };
  }

  reset() {
    this.view = this.whole();
    this.move();
  }

  /** Move the map by pixels. */
  pan(right, down) {
    this.view.x -= right * this.view.units;
    this.view.y += down * this.view.units;
    this.move();
  }

  /** Zoom by a factor; what is under a place of the stage stays there. */
  zoom(factor, at) {
    const most = this.whole().units * FARTHEST;
    const units = Math.min(Math.max(this.view.units * factor, most * CLOSEST), most);
    const right = at.x - this.area.left - this.area.width / 2;
    const down = at.y - this.area.top - this.area.height / 2;
    this.view.x += right * (this.view.units - units);
    this.view.y -= down * (this.view.units - units);
    this.view.units = units;
    this.move();
  }

  move() {
    const { x, y, units } = this.view;
    const { width, height } = this.area;
    const across = 2 / (width * units);
    const up = 2 / (height * units);
    this.matrix.fill(0);
    this.matrix[0] = across;
    this.matrix[5] = up;
    this.matrix[12] = -x * across;
    this.matrix[13] = -y * up;
    this.matrix[15] = 1;
    this.draw();
    this.dispatchEvent(new Event("move"));
  }

  /** Let Plotly follow; the points do not wait for it. */
  draw() {
    if (!this.titles) return;
    const { x, y, units } = this.view;
    const right = (this.area.width / 2) * units;
    const up = (this.area.height / 2) * units;
    this.ranges = { "xaxis.range": [x - right, x + right], "yaxis.range": [y - up, y + up] };
    if (this.drawn) this.Plotly.relayout(this.place, this.ranges);
    else this.start();
  }

  async start() {
    if (this.starting) return;
    this.starting = true;
    const style = getComputedStyle(this.place);
    const axis = (title, range) => ({
      title: { text: title }, range, fixedrange: true, nticks: 8,
      gridcolor: style.getPropertyValue("--st-border-color"),
      zerolinecolor: style.getPropertyValue("--st-border-color"),
    });
    this.Plotly = await plotly();
    const layout = {
      ...blank(style), margin: this.margin, autosize: true,
      xaxis: axis(this.titles[0], this.ranges["xaxis.range"]),
      yaxis: axis(this.titles[1], this.ranges["yaxis.range"]),
    };
    if (this.closed) return;
    await this.Plotly.react(this.place, [{ x: [null], y: [null], type: "scatter" }], layout, CONFIG);
    this.drawn = true;
    this.Plotly.relayout(this.place, this.ranges);
  }

  /** Follow another theme. */
  recolour() {
    if (this.drawn) this.Plotly.relayout(this.place, inks(getComputedStyle(this.place), ["xaxis", "yaxis"]));
  }

  close() {
    this.closed = true;
    this.Plotly?.purge(this.place);
    this.place.replaceChildren();
  }
}
