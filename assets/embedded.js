// Everything that the map asks about rows, from inside the page itself: what source.js asks a server
// for, a file that opens from disk carries along (embedviz/onefile).

import { bytesOf, unpackedColumn } from "./packs.js";
import { Kept, ROWS_KEPT, SHEETS_KEPT_BYTES } from "./kept.js";

const STEPS = 65535;
const FARTHEST = 2;
/** Digits that 32 bits hold: 0.1 shall not read 0.10000000149. */
const SINGLE_DIGITS = 7;

export class Embedded {
  #dark = false;
  #columns = new Kept(Infinity);
  #rows = new Kept(ROWS_KEPT);
  #sheets = new Kept(SHEETS_KEPT_BYTES);

  /**
   * @param {object} facts see embedviz/onefile/facts.py
   * @param {(name: string) => string | null} part gives a part of the page as base64, or null
   */
  constructor(facts, part) {
    Object.assign(this, { facts, part });
    this.count = facts.map.count;
    this.columns = facts.map.maps[0].columns;
    this.pictures = facts.pictures;
    this.numbers = null;
    // Not as an object: a recording may have the name of something that every object has.
    this.recordings = new Map(Object.entries(facts.recordings));
    this.there = {
      row: true,
      picture: Boolean(facts.pictures),
      sound: facts.sounds.count > 0,
      nearest: facts.neighbours > 0,
    };
  }

  get dark() {
    return this.#dark;
  }

  set dark(dark) {
    if (dark === this.#dark) return;
    this.#dark = dark;
    this.#sheets.clear();
  }

  /** Tell whether something can be asked for: "sound", "picture", "nearest", ... */
  has(what) {
    return this.there[what] ?? false;
  }

  /** Give a part of the page as bytes. */
  async bytes(name) {
    const text = this.part(name);
    if (text === null) throw new Error("That is not in this file.");
    return bytesOf(text).buffer;
  }

  /** @returns {Promise<import("./packs.js").Numbers | import("./packs.js").Names>} */
  column(name) {
    return this.#columns.once(name, async () => {
      const found = this.columns.find((column) => column.name === name);
      if (!found) throw new Error(`There is no column ${name}.`);
      return unpackedColumn(await this.bytes(found.url));
    });
  }

  /** What is known of a row; the fields are those that a server would give. */
  row(row) {
    return this.#rows.once(row, () => this.#facts(row));
  }

  async #facts(row) {
    const loaded = await Promise.all(this.columns.map(({ name }) => this.column(name)));
    const values = new Map(this.columns.map(({ name }, i) => [name, valueOf(loaded[i], row)]));
    const recording = values.get("recording");
    const [duration_s, rate_hz] = this.recordings.get(recording) ?? [null, null];
    const heard = this.part(`sound-${row}`) !== null;
    return {
      recording,
      start_s: values.get("start_s"),
      stop_s: values.get("stop_s"),
      duration_s,
      rate_hz,
      columns: Array.from(values, ([name, value]) => ({ name, value })),
      heard,
      why: heard ? "" : this.facts.sounds.why,
      patch: this.facts.patch && { ...this.facts.patch, ...patchSpan(values, this.facts.patch.window_s) },
      receiver: this.facts.receiver,
      around: null,
    };
  }

  /** @returns {Promise<{rows: number[], distances: number[]}>} without the row itself, nearest first */
  async nearest(row, k = 10) {
    const each = this.facts.neighbours;
    this.near ??= Promise.all([this.bytes("near-rows"), this.bytes("near-distances")]);
    const [rows, steps] = await this.near;
    const [first, last] = [row * each, row * each + Math.min(k, each)];
    return {
      rows: Array.from(new Uint32Array(rows).subarray(first, last)),
      distances: Array.from(new Uint16Array(steps).subarray(first, last), (step) => (step / STEPS) * FARTHEST),
    };
  }

  /** The file knows the nearest rows alone. */
  async similar() {
    throw new Error("This file does not hold how alike all points are.");
  }

  /** Give the row's patch: a pixel for each frame and band, in the colours of the theme. */
  picture(row) {
    return this.#cut(row, {});
  }

  /** Give the row's patch small enough for lists. */
  small(row) {
    const { frames, bands } = this.pictures.small;
    return this.#cut(row, { resizeWidth: frames, resizeHeight: bands, resizeQuality: "medium" });
  }

  /** Give the row's sound, compressed. */
  async sound(row) {
    if (this.part(`sound-${row}`) === null) throw new Error(this.facts.sounds.why);
    return this.bytes(`sound-${row}`);
  }

  async around() {
    throw new Error("This file does not hold the recordings.");
  }

  stretch() {
    throw new Error("This file does not hold the recordings.");
  }

  recording() {
    throw new Error("This file does not hold the recordings.");
  }

  /** Decode the pictures of rows that may be wanted soon. */
  prefetch(rows) {
    if (!this.has("picture")) return;
    const wanted = new Set(Array.from(rows, (row) => Math.floor(row / this.pictures.perSheet)));
    for (const index of wanted) this.#sheet(index).catch(() => {});
  }

  async #cut(row, resized) {
    const { perSheet, frames, bands } = this.pictures;
    const sheet = await this.#sheet(Math.floor(row / perSheet));
    const across = Math.sqrt(perSheet);
    const cell = row % perSheet;
    const [left, top] = [(cell % across) * frames, Math.floor(cell / across) * bands];
    return createImageBitmap(sheet, left, top, frames, bands, resized);
  }

  #sheet(index) {
    const { perSheet, frames, bands } = this.pictures;
    const load = async () => {
      const bytes = new Uint8Array(await this.bytes(`sheet-${index}`));
      const { at, light, dark } = this.facts.palettes;
      // A PNG's palette lies in one place of every sheet; another one gives it other colours.
      bytes.set(bytesOf(this.#dark ? dark : light), at);
      const exactly = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
      return createImageBitmap(new Blob([bytes], { type: "image/png" }), exactly);
    };
    return this.#sheets.once(index, load, 4 * perSheet * frames * bands);
  }
}

/** Give the seconds that a row's picture shows; a window's edges and padding belong to it. */
export function patchSpan(values, window_s) {
  const [start_s, stop_s] = [values.get("start_s"), values.get("stop_s")];
  if (window_s === null) return { start_s, stop_s };
  const end_s = stop_s + (values.get("padding_s") || 0);
  return { start_s: Math.min(start_s, end_s - window_s), stop_s: end_s };
}

function valueOf(column, row) {
  if (column.kind === "names") return column.text(row);
  const value = column.values[row];
  if (Number.isNaN(value)) return "";
  return column.dtype === "float32" ? Number(value.toPrecision(SINGLE_DIGITS)) : value;
}
