// What the colours and sizes of the points mean. A name isolates, hides or selects its rows; a
// range of numbers is selected by dragging on their colours; the person says which names keep one.

import { Chooser } from "./chooser.js";
import { MOST_GROUPS } from "./colours.js";
import { Groups } from "./groups.js";
import { made } from "./pieces.js";
import { Scale } from "./scale.js";

const FRAME = `
  <div class="lm-colours-head">
    <strong class="lm-colours-title"></strong>
    <button class="lm-colours-which" type="button" title="Choose which keep a colour of their own"
      hidden></button>
  </div>
  <div class="lm-colours-body"></div>
  <div class="lm-sizes" hidden></div>`;

/** The frame of the legend, filled with names or numbers, and sizes. */
export class Legend {
  /** Called with the names that keep a colour of their own, when the person has chosen them. */
  onShown = () => {};

  constructor(parent, state) {
    this.state = state;
    this.root = parent.appendChild(made("section", "lm-colours"));
    this.root.dataset.testid = "legend";
    this.root.innerHTML = FRAME;
    [this.head, this.body, this.sizes] = this.root.children;
    [this.title, this.which] = this.head.children;
    this.chooser = new Chooser(this.root);
    this.which.addEventListener("click", () => {
      this.chooser.open(this.choices, (names) => this.onShown(names));
    });
    for (const event of ["hover", "select", "visible"]) {
      state.addEventListener(event, () => this.part?.[event]());
    }
  }

  /**
   * Explain other colours.
   * @param {object} given what `categories` or `numbers` of colours.js gave for a column, with
   *   `title`, `column`, and, where sizes tell something, `sizes: {title, steps}` of `sizeSteps`
   */
  show(given) {
    const { title, column, sizes = null } = given;
    const { all = [], shown = [] } = given.choices ?? given;
    this.root.setAttribute("aria-label", `Legend: ${title}`);
    this.title.textContent = this.title.title = column.unit ? `${title} in ${column.unit}` : title;
    this.which.hidden = column.kind !== "names" || all.length <= MOST_GROUPS;
    this.which.textContent = `${shown.length} of ${all.length.toLocaleString("en")} shown…`;
    this.choices = { title, column, all, shown };
    this.body.replaceChildren();
    this.part = new (column.kind === "names" ? Groups : Scale)(this.body, this.state, given);
    this.sizes.hidden = !sizes?.steps.length;
    if (sizes) this.explainSizes(sizes);
  }

  explainSizes({ title, steps }) {
    const each = steps.map((step) => {
      const line = made("span", "lm-size");
      const dot = made("i", "");
      dot.style.width = dot.style.height = `${step.size / 2}px`;
      line.append(dot, made("span", "", step.text));
      return line;
    });
    const heading = made("strong", "lm-colours-title", `Size: ${title}`);
    heading.title = heading.textContent;
    this.sizes.replaceChildren(heading, ...each);
  }
}
