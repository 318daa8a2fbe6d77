// Everything that the map asks about rows, over HTTP: columns, facts, pictures, sounds, neighbours.
// What came once is kept, so that walking to and fro asks nothing twice.

import { Kept, ROWS_KEPT, SHEETS_KEPT_BYTES } from "./kept.js";
import { unpackedColumn } from "./packs.js";

// How much wider to look for neighbours when only a part of a file's rows is shown.
const WIDER = 4;

export class Source {
  #dark = false;
  #columns = new Kept(Infinity);
  #facts = new Kept(ROWS_KEPT);
  #near = new Kept(ROWS_KEPT);
  #sheets = new Kept(SHEETS_KEPT_BYTES);
  #ahead = null;

  /**
   * @param {object} facts
   * @param {number} facts.count of rows
   * @param {{name: string, title: string, kind: string, url: string, own?: boolean}[]} facts.columns
   * @param {Object<string, string | null>} facts.addresses with {row}, {level} and {index} in them
   * @param {object | null} facts.pictures {frames, bands, perSheet, small: the same three}
   * @param {Uint32Array | null} facts.numbers what addresses know the rows by, if not by their place
   * @param {boolean} facts.dark
   */
  constructor({ count, columns, addresses, pictures, numbers = null, dark = false }) {
    Object.assign(this, { count, columns, addresses, pictures, numbers });
    this.#dark = dark;
    this.rows = numbers && new Map(Array.from(numbers, (number, row) => [number, row]));
  }

  get dark() {
    return this.#dark;
  }

  set dark(dark) {
    if (dark === this.#dark) return;
    this.#dark = dark;
    this.#sheets.clear();
  }

  /** Take over new lists: labels may have been set since, while the rows are the same. */
  update({ columns, addresses }) {
    Object.assign(this, { columns, addresses });
    this.#facts.clear();
  }

  /** Tell whether something can be asked for: "sound", "picture", "nearest", ... */
  has(what) {
    if (what === "picture") return Boolean(this.pictures && this.addresses.sheet);
    return Boolean(this.addresses[what]);
  }

  /** @returns {Promise<import("./packs.js").Numbers | import("./packs.js").Names>} */
  async column(name) {
    const found = this.columns.find((column) => column.name === name);
    if (!found) throw new Error(`There is no column ${name}.`);
    // By address: a column that has changed has another one.
    return this.#columns.once(found.url, async () => {
      const column = unpackedColumn(await this.bytes(found.url));
      // What was computed for these rows has a value for each of them, and for no others.
      return this.numbers && !found.own ? column.of(this.numbers) : column;
    });
  }

  /** What is known of a row; its fields are named where the server makes them. */
  row(row) {
    return this.#facts.once(row, () => this.#json(this.#address("row", row)));
  }

  /** @returns {Promise<{rows: number[], distances: number[]}>} without the row itself, nearest first */
  nearest(row, k = 10) {
    return this.#near.once(`${row} ${k}`, () => this.#nearest(row, k));
  }

  async #nearest(row, k) {
    for (let wide = k; ; wide *= WIDER) {
      const found = await this.#json(this.#address("nearest", row, { k: wide }));
      const own = found.rows.map((number, i) => [this.#own(number), found.distances[i]]);
      const here = own.filter(([other]) => other !== undefined).slice(0, k);
      if (!this.rows || here.length === k || found.rows.length < wide || wide > this.count * WIDER) {
        return { rows: here.map(([other]) => other), distances: here.map(([, distance]) => distance) };
      }
    }
  }

  /**
   * Give the rows most like one, itself included.
   * @param {{k: number} | {distance: number}} how
   * @returns {Promise<number[]>}
   */
  async similar(row, how) {
    const { rows } = await this.#json(this.#address("similar", row, how));
    return rows.map((number) => this.#own(number)).filter((other) => other !== undefined);
  }

  /** Give the row's patch: a pixel for each frame and band, in the colours of the theme. */
  picture(row) {
    return this.#cut(row, "full");
  }

  /** Give the row's patch small enough for lists. */
  small(row) {
    return this.#cut(row, "small");
  }

  /** Give the spectrogram of the recording around a row. */
  async around(row) {
    return bitmap(await this.bytes(this.#address("around", row, { colours: this.#colours })));
  }

  /** Give the row's exact window as the bytes of a WAV file. */
  sound(row) {
    return this.bytes(this.#address("sound", row));
  }

  /** Give the address of a stretch of the row's recording, in seconds from its start. */
  stretch(row, start_s, stop_s) {
    return this.#address("stretch", row, { start: start_s, stop: stop_s });
  }

  /** Give the address of the row's recording. */
  recording(row) {
    return this.#address("recording", row);
  }

  /** Load the pictures of rows that may be wanted soon: quietly, one sheet after the other. */
  async prefetch(rows) {
    if (!this.has("picture")) return;
    const { perSheet } = this.pictures;
    const sheets = new Set(Array.from(rows, (row) => Math.floor(this.#number(row) / perSheet)));
    this.#ahead = sheets;
    for (const index of sheets) {
      if (this.#ahead !== sheets) return;
      // Who needs it later asks again and is told what is wrong.
      await this.#sheet("full", index).catch(() => {});
    }
  }

  /** Give what an address answers; an error holds the server's own sentence. */
  async bytes(address) {
    const answer = await asked(address);
    return answer.arrayBuffer();
  }

  async #json(address) {
    const answer = await asked(address);
    return answer.json();
  }

  get #colours() {
    return this.#dark ? "magma" : "inverted";
  }

  #number(row) {
    return this.numbers ? this.numbers[row] : row;
  }

  #own(number) {
    return this.rows ? this.rows.get(number) : number;
  }

  #address(what, row, query = {}) {
    if (!this.addresses[what]) throw new Error("That is not kept here.");
    return filled(this.addresses[what], { row: this.#number(row) }, query);
  }

  /** Cut a row's picture out of the sheet that holds it. */
  async #cut(row, level) {
    if (!this.has("picture")) throw new Error("This set was made without pictures.");
    const { perSheet, frames, bands } = this.#measures(level);
    const sheet = await this.#sheet(level, Math.floor(this.#number(row) / perSheet));
    const cell = this.#number(row) % perSheet;
    const across = Math.sqrt(perSheet);
    return createImageBitmap(sheet, (cell % across) * frames, Math.floor(cell / across) * bands, frames, bands);
  }

  #measures(level) {
    return level === "small" ? this.pictures.small : this.pictures;
  }

  #sheet(level, index) {
    const { perSheet, frames, bands } = this.#measures(level);
    const address = filled(this.addresses.sheet, { level, index }, { colours: this.#colours });
    const load = async () => bitmap(await this.bytes(address));
    return this.#sheets.once(`${level} ${index}`, load, 4 * perSheet * frames * bands);
  }
}

/** Give an address with its places filled and a query added. */
function filled(template, places, query) {
  const text = template.replace(/\{(\w+)\}/g, (_, name) => places[name]);
  const address = new URL(text, document.baseURI);
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  return address.href;
}

/** Decode a picture to the very colours that its file holds. */
function bitmap(bytes) {
  return createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

async function asked(address) {
  let answer;
  try {
    answer = await fetch(address);
  } catch {
    throw new Error("The server does not answer; reload the page when it runs again.");
  }
  if (answer.ok) return answer;
  const plain = answer.headers.get("content-type")?.startsWith("text/plain");
  const sentence = plain ? (await answer.text()).trim() : "";
  throw new Error(sentence || `The server answered with error ${answer.status}.`);
}
