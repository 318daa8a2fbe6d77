// One line to find rows by what is known of them: words in any column of text, `label:rain` in one,
// `start_s:2..5` or `start_s:>3` for numbers, `-word` for rows without it. All terms must hold.

const TERM = /(-)?(?:("[^"]+"|[^\s":]+):\s*)?("[^"]*"?|[^\s"]+)?/g;
const NUMBER = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?`;
// After two dots ".5" would be a third.
const BETWEEN = new RegExp(`^(${NUMBER})??\\.\\.(${NUMBER})?$`, "i");
const BESIDE = new RegExp(`^(>=|<=|>|<|=)?(${NUMBER})$`, "i");
// Numbers are told apart by this share of themselves: 0.1 of 32 bits is not the 0.1 that is typed.
const SLACK = 1e-6;

/**
 * Understand what was typed.
 * @returns {{not: boolean, column: string | null, text: string}[]} the terms
 */
export function parsed(text) {
  return [...text.matchAll(TERM)]
    .map(([, not, column, words]) => ({
      not: Boolean(not),
      column: column === undefined ? null : bare(column),
      text: bare(words ?? ""),
    }))
    .filter((term) => term.text);
}

/**
 * Give the rows for which all terms hold, in ascending order.
 * @param {{not: boolean, column: string | null, text: string}[]} terms
 * @param {{name: string, title?: string, kind: string, column: Names | Numbers}[]} columns
 * @returns {Uint32Array}
 * @throws {Error} a sentence, where a term asks for what is not there
 */
export function matching(terms, columns) {
  const count = columns.length ? valuesOf(columns[0].column).length : 0;
  const rows = new Uint8Array(count).fill(1);
  for (const term of terms) {
    const hits = new Uint8Array(count);
    for (const one of meant(term, columns)) mark(hits, one, term);
    const wanted = term.not ? 0 : 1;
    for (let row = 0; row < count; row++) if (hits[row] !== wanted) rows[row] = 0;
  }
  const found = new Uint32Array(count);
  let total = 0;
  for (let row = 0; row < count; row++) if (rows[row]) found[total++] = row;
  return found.subarray(0, terms.length ? total : 0);
}

/** Give the columns that a term looks into. */
function meant(term, columns) {
  if (term.column === null) return columns.filter((one) => one.kind === "names");
  const wanted = term.column.toLowerCase();
  const names = (one) => [one.name, one.title ?? one.name].map((name) => name.toLowerCase());
  const found = columns.find((one) => names(one).includes(wanted));
  if (!found) throw new Error(unknown(term.column, columns));
  if (found.kind === "numbers" && !range(term.text)) {
    throw new Error(`${found.name} holds numbers: write ${found.name}:2..5 or ${found.name}:>3.`);
  }
  return [found];
}

function unknown(name, columns) {
  const first = columns.slice(0, 6).map((one) => one.name).join(", ");
  const more = columns.length > 6 ? " and more" : "";
  return `There is no column "${name}", only ${first}${more}; put quotes around text with a colon.`;
}

function mark(hits, { kind, column }, { text }) {
  const values = valuesOf(column);
  if (kind === "numbers") {
    const { low, high } = range(text);
    for (let row = 0; row < values.length; row++) {
      if (values[row] >= low && values[row] <= high) hits[row] = 1;
    }
    return;
  }
  // A name is looked at once, however many rows have it.
  const named = hitNames(column, text);
  if (!named.includes(1)) return;
  for (let row = 0; row < values.length; row++) hits[row] |= named[values[row]];
}

/** Tell which names of a column a word is in; `=word` is the whole name. */
function hitNames(column, text) {
  const wanted = plain(text);
  const whole = wanted.length > 1 && wanted.startsWith("=");
  const names = plainNames(column);
  const hits = new Uint8Array(names.length);
  // A loop, because Uint8Array.from() takes five times as long, at every letter that is typed.
  for (let i = 0; i < names.length; i++) {
    if (whole ? names[i] === wanted.slice(1) : names[i].includes(wanted)) hits[i] = 1;
  }
  return hits;
}

const PLAIN_NAMES = new WeakMap();

function plainNames(column) {
  if (!PLAIN_NAMES.has(column)) PLAIN_NAMES.set(column, column.names.map(plain));
  return PLAIN_NAMES.get(column);
}

/** Understand "2..5", "2..", ">3", "<=3" or "3" as the numbers that it takes in; null where it is none. */
function range(text) {
  const between = text !== ".." && BETWEEN.exec(text);
  if (between) {
    const ends = [Number(between[1] ?? -Infinity), Number(between[2] ?? Infinity)];
    return { low: moved(Math.min(...ends), -1), high: moved(Math.max(...ends), 1) };
  }
  const beside = BESIDE.exec(text);
  if (!beside) return null;
  const [, sign = "=", digits] = beside;
  const value = Number(digits);
  if (sign === ">") return { low: moved(value, 1), high: Infinity };
  if (sign === ">=") return { low: moved(value, -1), high: Infinity };
  if (sign === "<") return { low: -Infinity, high: moved(value, -1) };
  if (sign === "<=") return { low: -Infinity, high: moved(value, 1) };
  return { low: moved(value, -1), high: moved(value, 1) };
}

const moved = (value, way) => value + way * (Math.abs(value) * SLACK || Number.MIN_VALUE);
const bare = (text) => text.replaceAll('"', "");
const plain = (text) => text.normalize("NFC").toLowerCase();
const valuesOf = (column) => column.codes ?? column.values;

/** Say how to search, by what there is to search. */
function hint(columns) {
  const text = columns.find((one) => one.kind === "names");
  const number = columns.find((one) => one.kind === "numbers");
  const words = text ? `, ${text.name}:word` : "";
  const ranges = number ? `, ${number.name}:2..5, ${number.name}:>3` : "";
  return `Type words${words}${ranges} or -word; Enter selects what matches.`;
}

const FORM = `
  <input class="lm-field" type="search" aria-label="Search" placeholder="Search"
    autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="search" />
  <p class="lm-found" aria-live="polite"></p>`;

/** The line itself; what it finds becomes the selection. */
export class Search {
  /** @param {Source} source whose columns are loaded when a search first needs them */
  constructor(parent, state, source) {
    this.state = state;
    this.source = source;
    this.turn = 0;
    this.root = parent.appendChild(document.createElement("form"));
    this.root.className = "lm-find";
    this.root.setAttribute("role", "search");
    this.root.dataset.testid = "search";
    this.root.innerHTML = FORM;
    [this.input, this.words] = this.root.children;
    this.hint = hint(source.columns);
    this.input.addEventListener("focus", () => this.tell());
    this.input.addEventListener("blur", () => !this.input.value && this.say(""));
    this.input.addEventListener("input", () => this.tell());
    this.input.addEventListener("keydown", (event) => this.press(event));
    this.root.addEventListener("submit", (event) => event.preventDefault());
    state.addEventListener("visible", () => this.input.value && this.tell());
  }

  press(event) {
    if (event.key === "Escape" && this.input.value) {
      // The first Esc empties the line, the next one means the map.
      event.stopPropagation();
      this.input.value = "";
      this.tell();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.select(event.altKey ? "remove" : event.shiftKey ? "add" : "replace");
    }
  }

  /** Say how many rows match what is typed, and give those of them that are not hidden. */
  async tell() {
    const rows = await this.rows();
    if (!rows) return [];
    const seen = rows.filter((row) => !this.state.hidden[row]);
    const hidden = rows.length - seen.length;
    const words = `${seen.length.toLocaleString("en")} ${seen.length === 1 ? "matches" : "match"}`;
    const more = hidden ? `, ${hidden.toLocaleString("en")} more among what is hidden` : "";
    this.say(rows.length ? words + more : "Nothing matches");
    return seen;
  }

  async select(how) {
    const rows = await this.tell();
    // Nothing found is no reason to lose what is selected.
    if (rows.length) this.state.select(rows, how);
  }

  /** Give the rows that match; null where nothing is searched, or meanwhile something else. */
  async rows() {
    const turn = ++this.turn;
    const terms = parsed(this.input.value);
    if (!terms.length) {
      this.say(this.hint);
      return null;
    }
    try {
      // Looked up before anything is loaded, so that a mistyped name is told at once.
      const wanted = new Set(terms.flatMap((term) => meant(term, this.source.columns)));
      const loaded = this.source.columns.filter((one) => wanted.has(one)).map((one) => this.load(one));
      const columns = await Promise.all(loaded);
      return turn === this.turn ? matching(terms, columns) : null;
    } catch (error) {
      if (turn === this.turn) this.say(error.message, true);
      return null;
    }
  }

  async load(one) {
    return { ...one, column: await this.source.column(one.name) };
  }

  say(words, wrong = false) {
    this.words.classList.toggle("lm-wrong", wrong);
    if (this.words.textContent !== words) this.words.textContent = words;
  }
}
