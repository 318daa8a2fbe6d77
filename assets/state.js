// What is under the pointer, pinned, playing, selected and hidden on a map. Every part of it, from
// the points to the table, listens here and changes things only here, so that none knows the others.

/**
 * Events, each without details:
 *   hover    `hovered` is another row, or null
 *   pin      `pinned` is another row, or null
 *   play     `playing` is another row, or null
 *   hear     `hearing` was switched on or off
 *   select   `selected` and `selectedCount` changed
 *   visible  `hidden` and `hiddenCount` changed
 */
export class MapState extends EventTarget {
  hovered = null;
  pinned = null;
  playing = null;
  hearing = false;
  selectedCount = 0;
  hiddenCount = 0;

  /** @param {number} count of all rows */
  constructor(count) {
    super();
    this.count = count;
    /** One byte a row, 1 where it is selected; 1 where it is hidden. */
    this.selected = new Uint8Array(count);
    this.hidden = new Uint8Array(count);
  }

  hover(row) {
    this.change("hover", "hovered", row);
  }

  pin(row) {
    this.change("pin", "pinned", row);
  }

  play(row) {
    this.change("play", "playing", row);
  }

  hear(wanted) {
    this.change("hear", "hearing", wanted);
  }

  change(event, name, value) {
    if (this[name] === value) return;
    this[name] = value;
    this.dispatchEvent(new Event(event));
  }

  /**
   * Select rows.
   * @param {Iterable<number>} rows
   * @param {"replace" | "add" | "remove"} how
   */
  select(rows, how = "replace") {
    if (how === "replace") this.selected.fill(0);
    for (const row of rows) this.selected[row] = how === "remove" ? 0 : 1;
    this.selectedCount = total(this.selected);
    this.dispatchEvent(new Event("select"));
  }

  /** Give the selected rows in ascending order. */
  selectedRows() {
    return chosen(this.selected);
  }

  /** Show all rows but these. */
  hide(rows) {
    for (const row of rows) this.hidden[row] = 1;
    this.seen();
  }

  /** Show these rows alone. */
  isolate(rows) {
    this.hidden.fill(1);
    for (const row of rows) this.hidden[row] = 0;
    this.seen();
  }

  showAll() {
    this.hidden.fill(0);
    this.seen();
  }

  seen() {
    this.hiddenCount = total(this.hidden);
    this.dispatchEvent(new Event("visible"));
  }
}

function total(flags) {
  let count = 0;
  for (let row = 0; row < flags.length; row++) count += flags[row];
  return count;
}

function chosen(flags) {
  const rows = [];
  for (let row = 0; row < flags.length; row++) if (flags[row]) rows.push(row);
  return rows;
}
