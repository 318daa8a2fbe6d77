// How rows get their colours and sizes: pure functions from a column to one byte a row, which is
// all that the points need and all that the legend explains.

export const MOST_GROUPS = 20;
/** The group of rows that have no number; numbers lie between 0 and 254. */
export const NO_VALUE = 255;
/** A circle (0) for the first eight groups, a diamond (1) for the next eight, then a square (2). */
export const SYMBOLS = Array.from({ length: MOST_GROUPS }, (_, group) => Math.min(group >> 3, 2));
/** Names that say that there is none; their rows take the colour of the rest and lie behind. */
export const NAMELESS = new Set(["unknown", "no cluster"]);
/** Matplotlib's viridis in 16 even steps. */
export const VIRIDIS = [
  "#440154", "#481A6C", "#472F7D", "#414487", "#39568C", "#31688E", "#2A788E", "#23888E",
  "#1F988B", "#22A884", "#35B779", "#54C568", "#7AD151", "#A5DB36", "#D2E21B", "#FDE725",
];

/** Count the rows of each name of a column. */
export function counted({ names, codes }) {
  const counts = new Uint32Array(names.length);
  for (let row = 0; row < codes.length; row++) counts[codes[row]]++;
  return counts;
}

/**
 * Put every row into one of at most 20 groups, in alphabetical order; the rest is lumped in the last.
 * @param {Names} column
 * @param {{shown: string[] | null, palette: string[], other: string, symbols?: number[]}} options
 *   `shown`: the names that keep a colour, at most 19 where there are more than 20; null: the most frequent
 * @returns {{groups: Uint8Array, names: string[], counts: number[], colours: string[], symbols: number[],
 *   other: number | null, behind: number | null, all: string[], shown: string[]}} `other`: the group of what is lumped,
 *   `behind`: that group, or the one without a name
 */
export function categories(column, { shown = null, palette, other, symbols = SYMBOLS }) {
  const counts = counted(column);
  // A column of some rows keeps the names of all.
  const there = [...counts.keys()].filter((code) => counts[code]);
  const kept = coloured(there, column.names, counts, shown);
  const groupOf = new Uint8Array(column.names.length).fill(kept.length);
  kept.forEach((code, group) => (groupOf[code] = group));
  const lumped = there.length - kept.length;
  const named = kept.map((code) => column.names[code]);
  const each = kept.map((code) => counts[code]);
  const rest = column.codes.length - each.reduce((sum, some) => sum + some, 0);
  const nameless = named.findIndex((name) => NAMELESS.has(name));
  const bright = named.map((name) => !NAMELESS.has(name));
  let next = 0;
  return {
    groups: looked(groupOf, column.codes),
    names: lumped ? [...named, lumped === 1 ? "1 other" : `${lumped.toLocaleString("en")} others`] : named,
    counts: lumped ? [...each, rest] : each,
    colours: [...bright.map((own) => (own ? palette[next++ % palette.length] : other)), ...(lumped ? [other] : [])],
    symbols: symbols.slice(0, kept.length + (lumped ? 1 : 0)),
    other: lumped ? kept.length : null,
    behind: lumped ? kept.length : nameless < 0 ? null : nameless,
    all: there.map((code) => column.names[code]),
    shown: named,
  };
}

/** Give what a table says for each code; a loop, because there may be a million. */
function looked(table, codes) {
  const found = new Uint8Array(codes.length);
  for (let row = 0; row < codes.length; row++) found[row] = table[codes[row]];
  return found;
}

/** Choose the names that keep a colour of their own; all where there are few enough. */
function coloured(there, names, counts, shown) {
  const most = there.length > MOST_GROUPS ? MOST_GROUPS - 1 : MOST_GROUPS;
  const wanted = shown && new Set(shown);
  const first = shown
    ? there.filter((code) => wanted.has(names[code]))
    : there.toSorted((one, another) => counts[another] - counts[one] || one - another);
  return first.slice(0, most).sort((one, another) => one - another);
}

/**
 * Give every row its place in a colour scale, 0 to 254, or 255 where it has no number.
 * @param {Numbers} column
 * @param {{scale?: string[], none?: string}} options colours as #rrggbb; `none`: of rows without a number
 * @returns {{groups: Uint8Array, colours: string[], symbols: number[], low: number | null,
 *   high: number | null, ticks: number[], scale: string[], none: string, missing: number}}
 *   `missing`: how many rows have no number
 */
export function numbers({ values }, { scale = VIRIDIS, none = "#9AA5B1" } = {}) {
  const { low, high, missing } = extent(values);
  const step = high > low ? 254 / (high - low) : 0;
  const groups = new Uint8Array(values.length);
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    // Where all are equal, they take the middle.
    if (!Number.isFinite(value)) groups[row] = NO_VALUE;
    else groups[row] = step ? Math.round((value - low) * step) : 127;
  }
  const colours = [...Array.from({ length: NO_VALUE }, (_, place) => between(scale, place / 254)), none];
  return { groups, colours, symbols: [], low, high, ticks: ticks(low, high), scale, none, missing };
}

/** Give the colour at a share of the way through a scale. */
function between(scale, share) {
  const at = share * (scale.length - 1);
  const first = Math.min(Math.floor(at), scale.length - 2);
  const parts = [1, 3, 5].map((digit) => {
    const [from, to] = [first, first + 1].map((i) => parseInt(scale[i].slice(digit, digit + 2), 16));
    return Math.round(from + (at - first) * (to - from)).toString(16).padStart(2, "0");
  });
  return `#${parts.join("")}`;
}

function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  let missing = 0;
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (!Number.isFinite(value)) missing++;
    else {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return missing === values.length ? { low: null, high: null, missing } : { low, high, missing };
}

/** Give three to seven round numbers between two; the number itself where both are the same. */
export function ticks(low, high) {
  if (low === null) return [];
  if (low === high) return [low];
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => power * factor >= rough * (1 - 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // Ten digits: 3 * 0.1 is not quite 0.3.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(10)));
}

/** Spell a number with as many digits as tell apart what lies within `span`. */
export function spelled(value, span) {
  if (value !== 0 && Math.max(Math.abs(value), span) < 1e-5) return value.toPrecision(3);
  const digits = Math.max(0, Math.min(12, 2 - Math.floor(Math.log10(span || Math.abs(value) || 1))));
  return (value + 0).toLocaleString("en", { maximumFractionDigits: digits });
}

/** Give the size of a point in half pixels, where no column gives it: the more, the smaller. */
export function baseSize(count) {
  return 2 * (count <= 2_000 ? 8 : count <= 20_000 ? 5 : 3);
}

/**
 * Give every point its size in half pixels: half to twice the usual, its area in proportion to the number.
 * @param {Numbers | Names | null} column names count by their place in the alphabet
 * @param {number} count of all rows
 */
export function sizes(column, count) {
  const base = baseSize(count);
  if (!column) return new Uint8Array(count).fill(base);
  if (column.kind === "names") {
    const last = column.names.length - 1;
    const ofName = column.names.map((_, code) => sizeAt(last ? code / last : 0.5, base));
    return looked(ofName, column.codes);
  }
  const { low, high } = extent(column.values);
  const found = new Uint8Array(count).fill(sizeAt(0, base));
  for (let row = 0; row < count; row++) {
    const value = column.values[row];
    if (Number.isFinite(value)) found[row] = sizeAt(high > low ? (value - low) / (high - low) : 0.5, base);
  }
  return found;
}

/** Give up to three sizes with what they stand for, smallest first. */
export function sizeSteps(column, count) {
  const base = baseSize(count);
  if (column.kind === "names") {
    const last = column.names.length - 1;
    const codes = [...new Set([0, last >> 1, last])].filter((code) => code >= 0);
    return codes.map((code) => ({ text: column.names[code], size: sizeAt(last ? code / last : 0.5, base) }));
  }
  const { low, high } = extent(column.values);
  if (low === null) return [];
  const shares = high > low ? [0, 0.5, 1] : [0.5];
  return shares.map((share) => ({
    text: spelled(high > low ? low + share * (high - low) : low, high - low),
    size: sizeAt(share, base),
  }));
}

function sizeAt(share, base) {
  return Math.round(base * Math.sqrt(0.25 + 3.75 * share));
}
