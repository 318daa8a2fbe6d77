// The line under the map that counts the selected rows and offers what can be done with them there;
// what the server does with them (labels, files) is not here.

const FRAME = `
  <p class="lm-chosen-words" aria-live="polite"><span></span><span class="lm-muted"></span></p>
  <div class="lm-acts">
    <button class="lm-act" type="button" title="Show the selected rows alone">Isolate</button>
    <button class="lm-act" type="button" title="Hide the selected rows">Hide</button>
    <button class="lm-act" type="button" title="Select what is shown and not selected">Invert</button>
    <button class="lm-act" type="button" title="Select nothing">Clear</button>
    <button class="lm-act" type="button">Similar…</button>
    <button class="lm-act" type="button" title="Show what was hidden" hidden>Show all</button>
  </div>
  <form class="lm-similar" popover aria-label="Select rows similar to the chosen one" novalidate>
    <p>Select what is most like the chosen row, in embedding space:</p>
    <label><input class="lm-check" type="radio" name="how" value="k" checked /> the nearest
      <input class="lm-field" type="number" name="k" value="50" min="1" aria-label="How many rows" />
      rows</label>
    <label><input class="lm-check" type="radio" name="how" value="distance" /> all within
      <input class="lm-field" type="number" name="distance" value="0.2" min="0" step="0.05"
        aria-label="Distance, at most" /> of it</label>
    <p class="lm-wrong" role="alert"></p>
    <div class="lm-acts"><button class="lm-act lm-first">Select</button></div>
  </form>`;
const GAP_PX = 6;
const EDGE_PX = 8;
/** The form's width, as in lists.css; it is less high. */
const FORM_PX = 280;

const some = (number) => number.toLocaleString("en");

export class Selection {
  /** What is said while nothing is selected. */
  #hint = "Drag with the lasso, Shift-click the legend, or search; hold Shift to add, Alt to remove.";

  constructor(parent, state, source) {
    this.state = state;
    this.source = source;
    this.root = parent.appendChild(document.createElement("div"));
    this.root.className = "lm-chosen";
    this.root.dataset.testid = "selection-bar";
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "Selection");
    // Takes the focus when the button that had it goes.
    this.root.tabIndex = -1;
    this.root.innerHTML = FRAME;
    [this.words, this.acts, this.form] = this.root.children;
    [this.count, this.aside] = this.words.children;
    [this.isolate, this.hide, this.invert, this.clear, this.similar, this.all] = this.acts.children;
    this.wrong = this.form.querySelector(".lm-wrong");
    this.act();
    this.ask();
    for (const event of ["select", "visible", "pin"]) state.addEventListener(event, () => this.show());
    this.show();
  }

  get hint() {
    return this.#hint;
  }

  set hint(words) {
    this.#hint = words;
    this.show();
  }

  act() {
    const { state } = this;
    const on = (button, act) =>
      button.addEventListener("click", () => {
        act();
        if (button.hidden) this.root.focus({ preventScroll: true });
      });
    on(this.isolate, () => state.isolate(state.selectedRows()));
    on(this.hide, () => {
      state.hide(state.selectedRows());
      // What is done next should not be done to rows out of sight.
      state.select([]);
    });
    on(this.invert, () => state.select(this.visible((row) => !state.selected[row])));
    on(this.clear, () => state.select([]));
    on(this.all, () => state.showAll());
  }

  visible(wanted) {
    const rows = [];
    const { count, hidden } = this.state;
    for (let row = 0; row < count; row++) if (!hidden[row] && wanted(row)) rows.push(row);
    return rows;
  }

  show() {
    const { selectedCount, hiddenCount, pinned } = this.state;
    const none = selectedCount === 0;
    this.words.classList.toggle("lm-muted", none);
    this.say(this.count, none ? this.hint : `${some(selectedCount)} selected`);
    const hidden = none ? 0 : this.hiddenOnes();
    this.say(this.aside, hidden ? `, ${some(hidden)} of them hidden` : "");
    for (const button of [this.isolate, this.hide, this.invert, this.clear]) button.hidden = none;
    this.similar.hidden = !this.source.has("similar");
    this.similar.disabled = pinned === null;
    this.similar.title = pinned === null ? "Choose a point first" : "Select what is like the chosen row";
    this.all.hidden = hiddenCount === 0;
    this.say(this.all, `Show all (${some(hiddenCount)} hidden)`);
  }

  hiddenOnes() {
    const { count, hidden, hiddenCount, selected } = this.state;
    let both = 0;
    if (hiddenCount) for (let row = 0; row < count; row++) both += hidden[row] & selected[row];
    return both;
  }

  say(place, words) {
    if (place.textContent !== words) place.textContent = words;
  }

  /** Offer the form that asks how similar. */
  ask() {
    this.similar.popoverTargetElement = this.form;
    this.form.addEventListener("beforetoggle", (event) => event.newState === "open" && this.place());
    this.form.addEventListener("toggle", (event) => {
      if (event.newState === "open") this.form.elements[this.form.elements.how.value].select();
    });
    // Whoever writes into a field means it.
    for (const how of ["k", "distance"]) {
      this.form.elements[how].addEventListener("input", () => (this.form.elements.how.value = how));
    }
    // Esc closes the form; what is typed here is not for the map.
    this.form.addEventListener("keydown", (event) => event.stopPropagation());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.select();
    });
  }

  /** Put the form above its button, where nothing moves for it; below where there is no room. */
  place() {
    this.say(this.wrong, "");
    const box = this.similar.getBoundingClientRect();
    const above = box.top > FORM_PX;
    this.form.style.bottom = above ? `${window.innerHeight - box.top + GAP_PX}px` : "auto";
    this.form.style.top = above ? "auto" : `${box.bottom + GAP_PX}px`;
    const most = window.innerWidth - FORM_PX - EDGE_PX;
    this.form.style.left = `${Math.max(EDGE_PX, Math.min(box.left, most))}px`;
  }

  async select() {
    const { how, k, distance } = this.form.elements;
    const wanted = how.value === "k" ? { k: k.valueAsNumber } : { distance: distance.valueAsNumber };
    const usable = how.value === "k" ? Number.isInteger(wanted.k) && wanted.k > 0 : wanted.distance >= 0;
    if (!usable) return this.say(this.wrong, "Give a number of rows from 1 on, or a distance from 0 on.");
    this.say(this.wrong, "Looking…");
    try {
      const rows = await this.source.similar(this.state.pinned, wanted);
      this.state.select(rows.filter((row) => !this.state.hidden[row]));
      this.form.hidePopover();
    } catch (error) {
      this.say(this.wrong, error.message);
    }
  }
}
