// The numbers of a legend: a bar of colours, of which a range can be selected.

import { spelled } from "./colours.js";
import { made, counting, visibleRows } from "./pieces.js";

const DRAG_PX = 3;
/** As a share of the scale, how near to its ends no other number is written. */
const END = 0.12;
const SCALE = `
  <div class="lm-scale-colours">
    <div class="lm-scale-bar" role="img">
      <i class="lm-scale-range" hidden></i>
      <i class="lm-scale-here" hidden></i>
    </div>
    <div class="lm-scale-ticks"></div>
  </div>
  <div class="lm-scale-ends" role="group" aria-label="Select a range">
    <input class="lm-field" type="number" step="any" aria-label="From" />
    <span aria-hidden="true">to</span>
    <input class="lm-field" type="number" step="any" aria-label="To" />
  </div>
  <span class="lm-missing" hidden><i class="lm-swatch" data-symbol="0"></i><span></span></span>`;

/** Numbers with their colours, and a range of them to select. */
export class Scale {
  constructor(place, state, given) {
    const { title, column, low, high, scale, missing } = given;
    Object.assign(this, { state, low, high, values: column.values });
    const root = place.appendChild(made("div", "lm-scale"));
    root.innerHTML = SCALE;
    this.bar = root.querySelector(".lm-scale-bar");
    [this.range, this.here] = this.bar.children;
    this.ends = [...root.querySelectorAll("input")];
    this.bar.style.background = `linear-gradient(to right, ${scale.join(", ")})`;
    const unit = column.unit ? ` ${column.unit}` : "";
    const spelt = (value) => spelled(value, high - low);
    const span = low === null ? "no values" : `from ${spelt(low)} to ${spelt(high)}${unit}`;
    this.bar.setAttribute("aria-label", `Colours of ${title}, ${span}`);
    root.querySelector(".lm-scale-ticks").append(...this.ticks(given.ticks, spelt));
    const none = root.querySelector(".lm-missing");
    none.hidden = !missing;
    none.firstChild.style.background = given.none;
    none.lastChild.textContent = `${counting(missing)} without a value`;
    this.listen();
  }

  /** Both ends, and the round numbers that leave room beside them. */
  ticks(values, spelt) {
    const inner = values.filter((value) => this.share(value) > END && this.share(value) < 1 - END);
    const all = this.high > this.low ? [this.low, ...inner, this.high] : values;
    return all.map((value) => {
      const tick = made("span", "", spelt(value));
      tick.style.left = `${this.share(value) * 100}%`;
      return tick;
    });
  }

  share(value) {
    return this.high > this.low ? (value - this.low) / (this.high - this.low) : 0.5;
  }

  listen() {
    const [from, to] = this.ends;
    const usable = this.high > this.low;
    for (const end of this.ends) {
      end.disabled = !usable;
      end.placeholder = usable ? spelled(end === from ? this.low : this.high, this.high - this.low) : "";
      end.addEventListener("change", () => {
        if (from.value === "" && to.value === "") this.choose(null);
        else this.choose([Number(from.value || this.low), Number(to.value || this.high)]);
      });
    }
    if (!usable) return;
    const at = (event) => {
      const box = this.bar.getBoundingClientRect();
      const share = Math.max(0, Math.min((event.clientX - box.left) / box.width, 1));
      return this.low + share * (this.high - this.low);
    };
    this.bar.addEventListener("pointerdown", (event) => {
      this.bar.setPointerCapture(event.pointerId);
      this.pressed = { x: event.clientX, value: at(event) };
    });
    this.bar.addEventListener("pointermove", (event) => {
      if (this.pressed) this.frame([this.pressed.value, at(event)]);
    });
    this.bar.addEventListener("pointercancel", () => this.release());
    this.bar.addEventListener("pointerup", (event) => {
      if (!this.pressed) return;
      const still = Math.abs(event.clientX - this.pressed.x) < DRAG_PX;
      const how = event.altKey ? "remove" : event.shiftKey ? "add" : "replace";
      this.choose(still ? null : [this.pressed.value, at(event)], how);
      this.pressed = null;
    });
  }

  release() {
    this.pressed = null;
    this.frame(null);
  }

  /** Select the rows within a range; null takes the selection back. */
  choose(ends, how = "replace") {
    this.frame(ends);
    const { state, values } = this;
    // What is typed has fewer digits than 32 bits have.
    const slack = 1e-6 * (this.high - this.low);
    const [least, most] = ends ? [Math.min(...ends) - slack, Math.max(...ends) + slack] : [0, 0];
    const inside = (row) => ends && values[row] >= least && values[row] <= most;
    this.choosing = true;
    state.select(visibleRows(state, inside), how);
    this.choosing = false;
  }

  /** Frame a range on the colours and write its ends beside them. */
  frame(ends) {
    this.range.hidden = !ends;
    const [from, to] = ends ? [Math.min(...ends), Math.max(...ends)] : [null, null];
    if (ends) {
      this.range.style.left = `${this.share(from) * 100}%`;
      this.range.style.width = `${(this.share(to) - this.share(from)) * 100}%`;
    }
    const plain = (value) => (value === null ? "" : Number(value.toPrecision(4)));
    this.ends[0].value = plain(from);
    this.ends[1].value = plain(to);
  }

  visible() {}

  /** A selection made elsewhere is not this range. */
  select() {
    if (!this.choosing && !this.range.hidden) this.frame(null);
  }

  hover() {
    const value = this.state.hovered === null ? NaN : this.values[this.state.hovered];
    this.here.hidden = !Number.isFinite(value);
    if (!this.here.hidden) this.here.style.left = `${this.share(value) * 100}%`;
  }
}
