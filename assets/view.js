// One map on the page: its frame, its points, what is drawn over them, and the card.

import { Card } from "./card.js";
import { MOST_POINTS, drawCells, inSight } from "./density.js";
import { FlatFrame, extent } from "./frame.js";
import { placeOf, rowAt, rowsAround, rowsInside } from "./nearby.js";
import { Overlay } from "./overlay.js";
import { Pointer } from "./pointer.js";
import { BEHIND, HIDDEN, Points, SELECTED } from "./points.js";
import { SceneFrame } from "./scene.js";

const REACH_PX = { mouse: 12, finger: 22 };
const NEAR = 8;
const SETTLED_MS = 40;
const NOTE_PX = 8;
const number = new Intl.NumberFormat("en");

export class View {
  /**
   * @param {HTMLElement} element with the parts of explore.js's stage
   * @param {import("./state.js").MapState} state
   * @param {object} source
   */
  constructor(element, state, source) {
    this.state = state;
    this.source = source;
    const part = (name) => element.querySelector(`.lm-${name}`);
    this.element = element;
    this.stage = part("stage");
    this.axes = part("axes");
    this.cells = part("cells");
    this.note = part("note");
    this.points = new Points(part("points"));
    this.overlay = new Overlay(part("overlay"));
    this.card = new Card(this.stage, state, source);
    this.pointer = new Pointer(this.stage, this);
    this.flags = new Uint8Array(state.count);
    state.addEventListener("hover", () => this.lightUp());
    for (const event of ["pin", "play"]) state.addEventListener(event, () => this.later());
    for (const event of ["select", "visible"]) state.addEventListener(event, () => this.mark());
    part("points").addEventListener("restored", () => this.later());
    this.resized = new ResizeObserver(() => {
      this.frame?.resize();
      this.later();
    });
    this.resized.observe(this.stage);
  }

  /**
   * Lay the points out; the view shows all of them.
   * @param {Float32Array} coordinates (count * dims)
   */
  place(coordinates, dims, titles) {
    this.frame?.close();
    this.coordinates = coordinates;
    this.dims = dims;
    const kind = dims === 3 ? SceneFrame : FlatFrame;
    this.frame = new kind(this.axes, extent(coordinates, dims), titles);
    this.frame.addEventListener("move", () => this.later());
    this.points.place(coordinates, dims);
    this.stage.dataset.dims = dims;
    this.later();
  }

  get solid() {
    return this.dims === 3;
  }

  /** What nearby.js must know. */
  get map() {
    return { coordinates: this.coordinates, dims: this.dims, matrix: this.frame.matrix, area: this.frame.area };
  }

  /**
   * @param {{groups: Uint8Array, colours: number[][], symbols: number[], behind: number | null}} look
   *   a group for each row, and the group whose points lie behind the others
   */
  paint(look) {
    this.look = look;
    this.points.groups(look.groups);
    this.points.paint(look.colours, look.symbols);
    this.mark();
  }

  /** Follow another theme, and columns that have changed. */
  refresh() {
    this.frame.recolour();
    this.card.refresh();
    this.later();
  }

  sizes(sizes) {
    this.points.sizes(sizes);
    this.later();
  }

  /** Send what is hidden, selected and behind. */
  mark() {
    const { hidden, selected } = this.state;
    const groups = this.look?.groups;
    const behind = this.look?.behind ?? -1;
    for (let row = 0; row < this.flags.length; row++) {
      this.flags[row] = hidden[row] * HIDDEN + selected[row] * SELECTED + (groups?.[row] === behind) * BEHIND;
    }
    this.points.flags(this.flags);
    this.later();
  }

  /** Draw with the next frame. */
  later() {
    this.asked ??= requestAnimationFrame(() => {
      this.asked = null;
      this.draw();
    });
  }

  draw() {
    if (!this.look || this.closed) return;
    const { state, frame } = this;
    const dimmed = state.selectedCount > 0;
    const many = state.count > MOST_POINTS;
    const rows = many ? this.seen() : null;
    const asCells = many && !this.solid && rows.length > MOST_POINTS;
    this.cells.hidden = !asCells;
    if (asCells) {
      this.points.clear();
      const map = { ...this.map, ...this.look, selected: dimmed ? state.selected : null };
      const count = drawCells(this.cells, rows, map);
      this.say(`${number.format(rows.length)} points in sight, drawn as ${number.format(count)} cells in the colour of most of their points. Zoom in below ${number.format(MOST_POINTS)} to see each.`);
    } else {
      this.points.only(rows);
      const layered = this.look.behind !== null;
      this.points.draw(frame.matrix, frame.area, { dimmed, layered, ground: ground(this.stage) });
      const thinned = many && this.solid;
      this.say(thinned ? `Every ${this.step}th of ${number.format(state.count)} points is drawn.` : "");
    }
    this.overlay.draw(this.map, state);
    this.follow();
  }

  /** Give the rows to draw of a set too large to draw all. */
  seen() {
    const { hidden, count } = this.state;
    if (!this.solid) return inSight(this.coordinates, this.frame.matrix, hidden);
    this.step = Math.ceil(count / MOST_POINTS);
    return Uint32Array.from({ length: Math.floor(count / this.step) }, (_, i) => i * this.step);
  }

  /** Ring what is under the pointer, here or in another part, and put the card beside it. */
  lightUp() {
    this.follow();
    this.later();
  }

  follow() {
    if (this.state.hovered === null || !this.coordinates) return;
    const at = placeOf(this.state.hovered, this.map);
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (at) this.card.place(at, { left: 0, top: 0, width, height });
  }

  say(words) {
    if (this.note.textContent !== words) this.note.textContent = words;
    this.note.hidden = !words;
    if (!words) return;
    // In the corner of the area, where no axis is covered.
    const { left, top, height } = this.frame.area;
    this.note.style.left = `${left + NOTE_PX}px`;
    this.note.style.bottom = `${this.stage.clientHeight - top - height + NOTE_PX}px`;
  }

  // What the pointer means; see pointer.js.

  point(at) {
    if (!this.look) return;
    const row = rowAt(this.map, this.state.hidden, at, REACH_PX.mouse);
    this.state.hover(row);
    this.stage.style.cursor = row === null ? "" : "pointer";
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.prepare(at), SETTLED_MS);
  }

  /** Load what the pointer may reach next. */
  prepare(at) {
    const rows = rowsAround(this.map, this.state.hidden, at, NEAR);
    this.source.prefetch(rows);
    if (this.state.hearing) this.sounds?.prefetch(rows);
  }

  leave() {
    clearTimeout(this.waiting);
    this.state.hover(null);
  }

  tap(at, how) {
    const row = rowAt(this.map, this.state.hidden, at, REACH_PX.mouse);
    if (row === null) this.sounds?.stop();
    else if (how === "replace") this.state.pin(row);
    else this.state.select([row], how);
  }

  /** The first tap of a finger shows a point, the second pins it. */
  touch(at) {
    const row = rowAt(this.map, this.state.hidden, at, REACH_PX.finger);
    if (row !== null && row === this.state.hovered) this.state.pin(row);
    else this.state.hover(row);
  }

  outline(corners) {
    this.overlay.lasso = corners;
    this.later();
  }

  drawn(corners, how) {
    this.outline([]);
    this.state.select(rowsInside(this.map, this.state.hidden, corners), how);
  }

  pan(right, down) {
    this.frame.pan(right, down);
  }

  zoom(factor, at) {
    this.frame.zoom(factor, at);
  }

  reset() {
    this.frame.reset();
  }

  close() {
    this.closed = true;
    clearTimeout(this.waiting);
    this.resized.disconnect();
    this.frame?.close();
    this.points.close();
  }
}

/** Give the [red, green, blue] of an element's ground. */
function ground(element) {
  const [red, green, blue] = getComputedStyle(element).backgroundColor.match(/[\d.]+/g);
  return [red, green, blue].map(Number);
}
