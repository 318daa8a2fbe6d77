// The frame of a map in three dimensions: Plotly draws its scene and turns it.

import { CONFIG, blank, inks, plotly } from "./plotly.js";

const ROOM = 0.06;

/** A map to turn: Plotly's scene gives the camera, whose matrices place the points. */
export class SceneFrame extends EventTarget {
  matrix = new Float32Array(16);

  constructor(place, extent, titles) {
    super();
    this.place = place;
    this.extent = extent;
    this.titles = titles ?? ["", "", ""];
    this.resize();
    this.start();
  }

  resize() {
    this.area = { left: 0, top: 0, width: this.place.clientWidth || 1, height: this.place.clientHeight || 1 };
    if (this.drawn) this.Plotly.Plots.resize(this.place);
  }

  async start() {
    const style = getComputedStyle(this.place);
    const { low, high } = this.extent;
    const room = low.map((least, i) => ROOM * (high[i] - least));
    const line = style.getPropertyValue("--st-border-color");
    const axis = (i) => ({
      title: { text: this.titles[i] }, range: [low[i] - room[i], high[i] + room[i]], gridcolor: line,
      showbackground: false, showspikes: false, showticklabels: false, zeroline: false,
    });
    const corners = [0, 1, 2].map((i) => [low[i], high[i]]);
    const trace = {
      type: "scatter3d", mode: "markers", hoverinfo: "skip",
      x: corners[0], y: corners[1], z: corners[2], marker: { size: 1, opacity: 0 },
    };
    const camera = { eye: { x: 1.15, y: 1.15, z: 0.8 } };
    this.Plotly = await plotly();
    if (this.closed) return;
    const axes = { xaxis: axis(0), yaxis: axis(1), zaxis: axis(2) };
    const scene = { ...axes, aspectmode: "cube", camera, dragmode: "orbit", hovermode: false };
    const layout = { ...blank(style), margin: { l: 0, r: 0, t: 0, b: 0 }, autosize: true, scene };
    await this.Plotly.react(this.place, [trace], layout, { ...CONFIG, scrollZoom: true });
    this.drawn = true;
    this.home = camera;
    this.follow();
  }

  /** Take over Plotly's camera whenever it has moved; its events miss the last steps of a turn. */
  follow() {
    if (this.closed) return;
    const scene = this.place._fullLayout?.scene?._scene;
    const camera = scene?.glplot?.cameraParams;
    if (camera) {
      const seen = multiplied(camera.projection, multiplied(camera.view, camera.model));
      // Plotly draws data scaled to numbers near 1.
      const matrix = seen.map((value, i) => value * (scene.dataScale[i >> 2] ?? 1));
      if (matrix.some((value, i) => Math.abs(value - this.matrix[i]) > 1e-7)) {
        this.matrix.set(matrix);
        this.dispatchEvent(new Event("move"));
      }
    }
    requestAnimationFrame(() => this.follow());
  }

  reset() {
    if (this.drawn) this.Plotly.relayout(this.place, { "scene.camera": this.home });
  }

  zoom(factor) {
    const eye = this.place._fullLayout?.scene?.camera?.eye;
    if (!eye) return;
    const scaled = Object.fromEntries(Object.entries(eye).map(([axis, value]) => [axis, value * factor]));
    this.Plotly.relayout(this.place, { "scene.camera.eye": scaled });
  }

  /** Follow another theme. */
  recolour() {
    const axes = ["scene.xaxis", "scene.yaxis", "scene.zaxis"];
    if (this.drawn) this.Plotly.relayout(this.place, inks(getComputedStyle(this.place), axes));
  }

  close() {
    this.closed = true;
    this.Plotly?.purge(this.place);
    this.place.replaceChildren();
  }
}

/** Multiply two 4 x 4 matrices stored by columns. */
function multiplied(a, b) {
  const product = new Float32Array(16);
  for (let column = 0; column < 4; column++) {
    for (let row = 0; row < 4; row++) {
      let sum = 0;
      for (let i = 0; i < 4; i++) sum += a[4 * i + row] * b[4 * column + i];
      product[4 * column + row] = sum;
    }
  }
  return product;
}
