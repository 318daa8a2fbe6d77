// A spectrogram with axes in s and Hz, a cursor that moves with the sound, and a readout under the
// pointer. Marks stand at shares of the picture's width and height, so nothing is redrawn when it
// gets another size.

import { paint, put, wipe } from "./card.js";

const MOST_SECONDS = 7;
const OCTAVES_HZ = [16, 31, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000];
/** Share of the height that two frequencies keep between them. */
const APART = 0.085;

/** Give round numbers from low to high, at most `most` of them. */
export function roundTicks(low, high, most) {
  if (!(high > low)) return [];
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((times) => times * power).find((wide) => wide >= raw * (1 - 1e-9));
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-6); i * step <= high + step * 1e-6; i++) {
    ticks.push({ value: i * step, text: (i * step).toFixed(digits) });
  }
  return ticks;
}

/** Write a frequency as on an axis: 500, 1k, 2.5k. */
export function hertz(hz) {
  return hz < 1000 ? String(Math.round(hz)) : `${Number((hz / 1000).toPrecision(3))}k`;
}

/** Give the frequency at a place among bands: 0 is the middle of the lowest, 1 of the next one. */
export function bandHz(bands_hz, place) {
  if (bands_hz.length === 0) return NaN;
  const within = Math.max(0, Math.min(place, bands_hz.length - 1));
  const below = Math.floor(within);
  const above = Math.min(below + 1, bands_hz.length - 1);
  return bands_hz[below] + (within - below) * (bands_hz[above] - bands_hz[below]);
}

/** Give the octaves that bands (lowest first) reach, as shares of the picture's height. */
export function octaveTicks(bands_hz) {
  const ticks = [];
  for (const hz of OCTAVES_HZ.toReversed()) {
    const above = bands_hz.findIndex((band) => band >= hz);
    if (above < 0 || (above === 0 && bands_hz[0] > hz)) continue;
    const width = above > 0 ? bands_hz[above] - bands_hz[above - 1] : 1;
    const place = width > 0 ? above - (bands_hz[above] - hz) / width : above;
    const at = (place + 0.5) / bands_hz.length;
    if (ticks.length === 0 || ticks.at(-1).at - at >= APART) ticks.push({ at, text: hertz(hz) });
  }
  return ticks;
}

/** A picture of a stretch of time with its axes. */
export class Chart {
  constructor(parent, kind) {
    this.element = put(parent, "div", `lm-chart lm-chart-${kind}`);
    this.high = this.axis("y");
    this.picture = put(this.element, "div", "lm-chart-picture");
    this.beside = put(this.element, "div", "lm-chart-beside");
    put(this.element, "span", "lm-chart-unit", "Hz").ariaHidden = "true";
    this.wide = this.axis("x");
    put(this.element, "span", "lm-chart-unit", "s").ariaHidden = "true";
    this.canvas = put(this.picture, "canvas", "lm-pixels");
    this.line = put(this.picture, "div", "lm-cursor");
    this.read = put(this.picture, "span", "lm-readout");
    this.sentence = put(this.picture, "p", "lm-sentence");
    this.read.ariaHidden = "true";
    this.picture.addEventListener("pointermove", (event) => this.readout(event));
    this.picture.addEventListener("pointerleave", () => (this.read.textContent = ""));
    this.line.hidden = true;
    /** What the picture's borders stand for; null while there is none. */
    this.axes = null;
  }

  axis(name) {
    const axis = put(this.element, "div", `lm-chart-${name}`);
    axis.ariaHidden = "true";
    return axis;
  }

  /**
   * @param {ImageBitmap | HTMLCanvasElement} picture
   * @param {object} axes
   * @param {number} axes.start_s what its left border stands for
   * @param {number} axes.stop_s and its right one
   * @param {{at: number, text: string}[]} axes.ticks frequencies, `at` shares of the height
   * @param {(share: number) => number} axes.hzAt the frequency at a share of the height
   * @param {string} axes.title what it shows, for those who do not see it
   */
  draw(picture, axes) {
    this.axes = axes;
    this.fill(picture);
    this.sentence.textContent = "";
    this.picture.setAttribute("role", "img");
    this.picture.setAttribute("aria-label", axes.title);
    this.high.replaceChildren();
    for (const { at, text } of axes.ticks) put(this.high, "span", "", text).style.bottom = `${100 * at}%`;
    this.wide.replaceChildren();
    for (const { value, text } of roundTicks(axes.start_s, axes.stop_s, MOST_SECONDS)) {
      put(this.wide, "span", "", text).style.left = `${100 * this.share(value)}%`;
    }
    this.element.dataset.drawn = "true";
  }

  fill(picture) {
    paint(this.canvas, picture);
  }

  /** Take everything off; the room stays. */
  clear() {
    this.axes = null;
    wipe(this.canvas);
    this.high.replaceChildren();
    this.wide.replaceChildren();
    this.read.textContent = "";
    this.picture.removeAttribute("role");
    this.picture.removeAttribute("aria-label");
    this.sentence.textContent = "";
    delete this.element.dataset.drawn;
    this.cursor(null);
  }

  /** Say why there is no picture. */
  say(sentence) {
    this.clear();
    this.sentence.textContent = sentence;
  }

  /** Put the cursor at a second, or nowhere. */
  cursor(at_s) {
    const share = at_s === null || !this.axes ? -1 : this.share(at_s);
    this.line.hidden = !(share >= 0 && share <= 1);
    if (!this.line.hidden) this.line.style.left = `${100 * share}%`;
  }

  /** Give the place of a second as a share of the width. */
  share(second) {
    return (second - this.axes.start_s) / (this.axes.stop_s - this.axes.start_s);
  }

  /** Give the second under a place on the page, inside the picture. */
  secondAt(clientX) {
    const { left, width } = this.picture.getBoundingClientRect();
    const share = Math.max(0, Math.min((clientX - left) / width, 1));
    return this.axes.start_s + share * (this.axes.stop_s - this.axes.start_s);
  }

  readout(event) {
    if (!this.axes) return;
    const { bottom, height } = this.picture.getBoundingClientRect();
    const hz = this.axes.hzAt((bottom - event.clientY) / height);
    const high = hz < 1000 ? `${hertz(hz)} Hz` : `${hertz(hz).slice(0, -1)} kHz`;
    const second = `${this.secondAt(event.clientX).toFixed(2)} s`;
    this.read.textContent = Number.isFinite(hz) ? `${second} · ${high}` : second;
  }
}

/** What the model received for a row, large. */
export class Spectrogram extends Chart {
  constructor(parent) {
    super(parent, "patch");
    this.levels = put(this.beside, "div", "lm-levels");
    put(this.levels, "div", "lm-levels-bar");
    this.ends = ["high", "unit", "low"].map((end) => put(this.levels, "span", `lm-levels-${end}`));
    this.levels.hidden = true;
  }

  /**
   * @param {ImageBitmap} picture of the row's patch
   * @param {object} patch its facts, as `source.row` gives them
   * @param {string} receiver the model
   */
  show(picture, patch, receiver) {
    const { start_s, stop_s, bands_hz } = patch;
    const [low, high] = [bands_hz[0], bands_hz.at(-1)];
    const reach = bands_hz.length > 0 ? `, ${Math.round(low)} to ${Math.round(high)} Hz` : "";
    this.draw(picture, {
      start_s,
      stop_s,
      ticks: octaveTicks(bands_hz),
      hzAt: (share) => bandHz(bands_hz, share * bands_hz.length - 0.5),
      title: `Spectrogram that ${receiver} received: ${start_s.toFixed(2)} to ${stop_s.toFixed(2)} s${reach}`,
    });
    [patch.high, patch.unit, patch.low].forEach((words, i) => (this.ends[i].textContent = words));
    this.ends[1].title = patch.unit;
    this.levels.hidden = false;
  }
}
