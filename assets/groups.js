// The names of a legend with their colours.

import { made, swatch, nameAndCount, counting, visibleRows } from "./pieces.js";

const EYE = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M1 8s2.5-4.5 7-4.5S15 8 15 8s-2.5 4.5-7
  4.5S1 8 1 8z"/><circle cx="8" cy="8" r="2"/><path class="lm-strike" d="M3 13.5 13 2.5"/></svg>`;

/** Names with their colours; one of all its buttons is a stop of the Tab key, arrows reach the others. */
export class Groups {
  constructor(place, state, { title, groups, names, counts, colours, symbols }) {
    Object.assign(this, { state, groups, counts });
    this.bar = place.appendChild(made("div", "lm-groups"));
    this.bar.setAttribute("role", "toolbar");
    this.bar.setAttribute("aria-label", title);
    const marks = names.map((_, group) => swatch(colours[group], symbols[group]));
    this.entries = names.map((name, group) => this.entry(name, group, marks[group]));
    this.bar.append(...this.entries.map((entry) => entry.root));
    this.bar.addEventListener("keydown", (event) => this.step(event));
    this.bar.addEventListener("focusin", (event) => this.stop(event.target));
    this.stop(this.bar.querySelector("button"));
    this.visible();
    this.select();
  }

  entry(name, group, mark) {
    const root = made("span", "lm-entry");
    const main = made("button", "lm-entry-name");
    const eye = made("button", "lm-eye");
    main.append(mark, ...nameAndCount(name, this.counts[group]));
    main.title = `${name}\nClick: show it alone. Shift: select it. Alt: hide it.`;
    main.setAttribute("aria-label", `${name}, ${counting(this.counts[group])}`);
    eye.innerHTML = EYE;
    main.type = eye.type = "button";
    main.addEventListener("click", (event) => this.press(group, event));
    eye.addEventListener("click", () => this.toggle(group));
    root.append(main, eye);
    return { root, main, eye, name };
  }

  press(group, { shiftKey, altKey }) {
    if (altKey) this.toggle(group);
    else if (shiftKey) this.mark(group);
    else if (this.alone === group) this.state.showAll();
    else this.state.isolate(this.rows(group));
  }

  rows(group) {
    const rows = [];
    for (let row = 0; row < this.groups.length; row++) if (this.groups[row] === group) rows.push(row);
    return rows;
  }

  toggle(group) {
    const { state, groups } = this;
    if (this.shown[group]) state.hide(this.rows(group));
    else state.isolate([...this.rows(group), ...visibleRows(state, (row) => groups[row] !== group)]);
  }

  /** Add the rows of a group to the selection, or take them out if all are in it. */
  mark(group) {
    const { state, groups } = this;
    const rows = visibleRows(state, (row) => groups[row] === group);
    state.select(rows, rows.every((row) => state.selected[row]) ? "remove" : "add");
  }

  visible() {
    this.shown = new Uint32Array(this.entries.length);
    const { groups, state } = this;
    for (let row = 0; row < groups.length; row++) if (!state.hidden[row]) this.shown[groups[row]]++;
    const total = state.count - state.hiddenCount;
    const whole = (some, group) => some === total && some === this.counts[group];
    this.alone = state.hiddenCount && total ? this.shown.findIndex(whole) : -1;
    this.entries.forEach(({ root, main, eye, name }, group) => {
      const hidden = !this.shown[group];
      root.classList.toggle("lm-hidden", hidden);
      main.setAttribute("aria-pressed", this.alone === group);
      eye.setAttribute("aria-label", `${hidden ? "Show" : "Hide"} ${name}`);
      eye.title = eye.ariaLabel;
    });
  }

  /** Underline what is selected as a whole. */
  select() {
    const chosen = new Uint32Array(this.entries.length);
    const { groups, state } = this;
    for (let row = 0; row < groups.length; row++) chosen[groups[row]] += state.selected[row];
    this.entries.forEach(({ root }, group) => {
      root.classList.toggle("lm-selected", chosen[group] > 0 && chosen[group] >= this.shown[group]);
    });
  }

  hover() {
    const under = this.state.hovered === null ? -1 : this.groups[this.state.hovered];
    this.entries.forEach(({ root }, group) => root.classList.toggle("lm-under", group === under));
  }

  step(event) {
    const buttons = [...this.bar.querySelectorAll("button")];
    const at = buttons.indexOf(event.target);
    const last = buttons.length - 1;
    const along = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last };
    const moves = { ...along, ArrowUp: at - 2, ArrowDown: at + 2 };
    if (!(event.key in moves)) return;
    // On the map around it these keys mean something else.
    event.preventDefault();
    event.stopPropagation();
    buttons[Math.max(0, Math.min(moves[event.key], last))].focus();
  }

  stop(wanted) {
    for (const button of this.bar.querySelectorAll("button")) button.tabIndex = button === wanted ? 0 : -1;
  }
}
