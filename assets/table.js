// The rows of the map in words, for screen readers and the keyboard: the selected ones, else all
// that are not hidden, a hundred to a page. Nothing is loaded before the table is opened.

const PAGE_ROWS = 100;
const FRAME = `
  <summary>Table</summary>
  <p class="lm-wrong" role="alert" hidden></p>
  <div class="lm-rows-scroll" role="region" aria-label="Table of rows" tabindex="0">
    <table>
      <caption aria-live="polite">Reading the columns…</caption>
      <thead><tr></tr></thead>
      <tbody></tbody>
    </table>
  </div>
  <div class="lm-rows-pages" role="group" aria-label="Pages of the table">
    <button class="lm-act" type="button">Previous</button>
    <span></span>
    <button class="lm-act" type="button">Next</button>
  </div>`;
/** The first column's, whose values are the rows' own numbers. */
const ROW = "row";

const made = (tag, text = "") => Object.assign(document.createElement(tag), { textContent: text });
const some = (number) => number.toLocaleString("en");

export class Table {
  constructor(parent, state, source) {
    Object.assign(this, { state, source, page: 0, sorted: { name: ROW, way: 1 } });
    this.root = parent.appendChild(document.createElement("details"));
    this.root.className = "lm-rows";
    this.root.dataset.testid = "table";
    this.root.innerHTML = FRAME;
    const find = (what) => this.root.querySelector(what);
    this.wrong = find(".lm-wrong");
    this.scroll = find(".lm-rows-scroll");
    [this.caption, this.heads, this.body] = [find("caption"), find("thead tr"), find("tbody")];
    [this.previous, this.where, this.next] = find(".lm-rows-pages").children;
    this.previous.addEventListener("click", () => this.turn(this.page - 1));
    this.next.addEventListener("click", () => this.turn(this.page + 1));
    this.root.addEventListener("toggle", () => this.open());
    this.listen();
  }

  listen() {
    const { body, state } = this;
    const rowOf = ({ target }) => {
      const line = target.closest("tr");
      return line ? Number(line.dataset.row) : null;
    };
    body.addEventListener("click", (event) => event.target.closest("button") && state.pin(rowOf(event)));
    body.addEventListener("pointerover", (event) => state.hover(rowOf(event)));
    body.addEventListener("pointerleave", () => state.hover(null));
    body.addEventListener("focusin", (event) => {
      this.stop(event.target);
      state.hover(rowOf(event));
    });
    body.addEventListener("focusout", () => state.hover(null));
    body.addEventListener("keydown", (event) => this.step(event));
    state.addEventListener("select", () => this.later());
    state.addEventListener("visible", () => this.later());
    state.addEventListener("hover", () => this.mark());
    state.addEventListener("pin", () => this.follow());
  }

  async open() {
    if (!this.root.open) return;
    if (this.columns) {
      this.list();
      this.follow();
      return;
    }
    this.wrong.hidden = true;
    try {
      const load = async (one) => ({ ...one, column: await this.source.column(one.name) });
      this.columns = await Promise.all(this.source.columns.map(load));
    } catch (error) {
      this.wrong.textContent = error.message;
      this.wrong.hidden = false;
      return;
    }
    this.titles();
    this.sort(ROW);
    this.follow();
  }

  /** Show what the columns say now. */
  refresh() {
    this.columns = null;
    this.order = null;
    return this.open();
  }

  titles() {
    const titles = [{ name: ROW, title: "Row", kind: "numbers" }, ...this.columns];
    const heads = titles.map(({ name, title, kind }) => {
      const head = made("th");
      head.scope = "col";
      head.className = kind === "numbers" ? "lm-number" : "";
      head.dataset.name = name;
      const button = head.appendChild(made("button", title ?? name));
      button.type = "button";
      button.title = "Sort by this column";
      button.addEventListener("click", () => this.sort(name));
      return head;
    });
    this.heads.replaceChildren(...heads);
  }

  /** Sort by a column, the other way round when it is sorted by it already. */
  sort(name) {
    const same = this.order && name === this.sorted.name;
    this.sorted = { name, way: same ? -this.sorted.way : 1 };
    const found = this.columns.find((one) => one.name === name);
    this.order = sorted(this.state.count, name === ROW ? null : found?.column, this.sorted.way);
    for (const head of this.heads.children) {
      const ways = { 1: "ascending", "-1": "descending" };
      head.ariaSort = head.dataset.name === name ? ways[this.sorted.way] : "none";
    }
    this.page = 0;
    this.list();
  }

  /** Draw anew once, however often a lasso changes the selection until then. */
  later() {
    if (!this.root.open || !this.order || this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      this.page = 0;
      this.list();
    });
  }

  /** Take the rows that belong into the table, in its order. */
  list() {
    const { selected, selectedCount, hidden } = this.state;
    this.rows = this.order.filter(selectedCount ? (row) => selected[row] : (row) => !hidden[row]);
    this.draw();
  }

  turn(page) {
    this.page = page;
    this.draw();
    this.scroll.scrollTop = 0;
    // The button under the finger may just have gone.
    if (document.activeElement?.disabled) this.scroll.focus();
  }

  draw() {
    const last = Math.max(0, Math.ceil(this.rows.length / PAGE_ROWS) - 1);
    const from = this.page * PAGE_ROWS;
    const rows = this.rows.subarray(from, from + PAGE_ROWS);
    const kind = this.state.selectedCount ? "selected" : "visible";
    const counted = `${some(this.rows.length)} ${kind} ${this.rows.length === 1 ? "row" : "rows"}`;
    const here = last ? `; here ${some(from + 1)} to ${some(from + rows.length)}` : "";
    this.say(this.caption, counted + here);
    this.body.replaceChildren(...Array.from(rows, (row) => this.line(row)));
    this.previous.disabled = this.page === 0;
    this.next.disabled = this.page >= last;
    this.say(this.where, `Page ${some(this.page + 1)} of ${some(last + 1)}`);
    this.mark();
    this.stop(this.body.querySelector("[aria-current] button") ?? this.body.querySelector("button"));
  }

  say(place, words) {
    if (place.textContent !== words) place.textContent = words;
  }

  line(row) {
    const line = made("tr");
    line.dataset.row = row;
    const head = line.appendChild(made("th"));
    head.scope = "row";
    head.className = "lm-number";
    const button = head.appendChild(made("button", String(this.source.numbers?.[row] ?? row)));
    button.type = "button";
    button.setAttribute("aria-label", `Choose row ${button.textContent}`);
    for (const { kind, column } of this.columns) {
      const cell = line.appendChild(made("td", column.text(row)));
      if (kind === "numbers") cell.className = "lm-number";
      else cell.title = cell.textContent;
    }
    return line;
  }

  /** Mark the pinned row, and the one under the pointer wherever that is. */
  mark() {
    const { pinned, hovered } = this.state;
    for (const line of this.body.children) {
      const row = Number(line.dataset.row);
      line.classList.toggle("lm-under", row === hovered);
      if (row === pinned) line.setAttribute("aria-current", "true");
      else line.removeAttribute("aria-current");
    }
  }

  /** Turn to the page that the pinned row is on. */
  follow() {
    if (!this.root.open || !this.rows) return;
    const place = this.state.pinned === null ? -1 : this.rows.indexOf(this.state.pinned);
    const page = Math.floor(place / PAGE_ROWS);
    if (place >= 0 && page !== this.page) this.turn(page);
    else this.mark();
  }

  /** One row is a stop of the Tab key; arrows reach the others. */
  stop(wanted) {
    for (const button of this.body.querySelectorAll("button")) button.tabIndex = button === wanted ? 0 : -1;
  }

  step(event) {
    const lines = [...this.body.children];
    const at = lines.indexOf(event.target.closest("tr"));
    const moves = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: lines.length - 1 };
    if (!(event.key in moves)) return;
    // On the map around it these keys mean something else.
    event.preventDefault();
    event.stopPropagation();
    lines[Math.max(0, Math.min(moves[event.key], lines.length - 1))].querySelector("button").focus();
  }
}

/** Give all rows in the order of a column; those without a number come last either way. */
function sorted(count, column, way) {
  const rows = Uint32Array.from({ length: count }, (_, row) => row);
  if (!column) return way > 0 ? rows : rows.reverse();
  // The names of a column are in alphabetical order.
  const values = column.codes ?? column.values;
  const last = (value) => Number.isNaN(value);
  return rows.sort((one, another) => {
    const [a, b] = [values[one], values[another]];
    if (last(a) || last(b)) return last(a) - last(b) || one - another;
    return way * (a - b) || one - another;
  });
}
