// The choice of the names that keep a colour of their own.

import { MOST_GROUPS, counted } from "./colours.js";
import { made, nameAndCount } from "./pieces.js";

const MOST_SHOWN = MOST_GROUPS - 1;
/** A longer list is searched, not scrolled. */
const MOST_LISTED = 200;
const CHOOSER = `
  <form method="dialog">
    <h2></h2>
    <input class="lm-field" type="search" aria-label="Search the names" placeholder="Search"
      autocomplete="off" />
    <ul></ul>
    <p aria-live="polite"></p>
    <div class="lm-acts">
      <button class="lm-act" type="button">Most frequent</button>
      <button class="lm-act" type="button">None</button>
      <button class="lm-act" type="button">Cancel</button>
      <button class="lm-act lm-first" value="done">Show these</button>
    </div>
  </form>`;

/** The dialog in which the person says which names keep a colour of their own. */
export class Chooser {
  constructor(parent) {
    this.dialog = parent.appendChild(made("dialog", "lm-chooser"));
    this.dialog.innerHTML = CHOOSER;
    [this.heading, this.field, this.list, this.words] = this.dialog.firstElementChild.children;
    const [frequent, none, cancel, done] = this.dialog.querySelectorAll("button");
    this.done = done;
    this.field.addEventListener("input", () => this.fill());
    this.field.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
    frequent.addEventListener("click", () => this.check(this.frequent.slice(0, MOST_SHOWN)));
    none.addEventListener("click", () => this.check([]));
    cancel.addEventListener("click", () => this.dialog.close(""));
    this.list.addEventListener("change", ({ target }) => {
      if (target.checked) this.chosen.add(target.value);
      else this.chosen.delete(target.value);
      this.tell();
    });
    // Typed letters and arrows are not for the map behind it.
    this.dialog.addEventListener("keydown", (event) => event.stopPropagation());
    this.dialog.addEventListener("close", () => {
      if (this.dialog.returnValue === "done") this.chose([...this.chosen].sort());
    });
  }

  open({ title, column, all, shown }, chose) {
    const counts = counted(column);
    this.counts = new Map(column.names.map((name, code) => [name, counts[code]]));
    this.frequent = all.toSorted((one, another) => this.counts.get(another) - this.counts.get(one));
    this.chosen = new Set(shown);
    // What is chosen stands first when the dialog opens, and nothing moves while it is open.
    this.order = [...shown, ...this.frequent.filter((name) => !this.chosen.has(name))];
    this.chose = chose;
    this.heading.textContent = `Which of ${all.length.toLocaleString("en")} keep a colour (${title})`;
    this.dialog.setAttribute("aria-label", this.heading.textContent);
    this.dialog.returnValue = "";
    this.field.value = "";
    this.fill();
    this.dialog.showModal();
  }

  check(names) {
    this.chosen = new Set(names);
    this.fill();
  }

  fill() {
    const wanted = this.field.value.trim().toLowerCase();
    const found = this.order.filter((name) => name.toLowerCase().includes(wanted));
    this.more = Math.max(0, found.length - MOST_LISTED);
    this.list.replaceChildren(...found.slice(0, MOST_LISTED).map((name) => this.line(name)));
    this.list.scrollTop = 0;
    this.tell();
  }

  line(name) {
    const item = made("li", "");
    const label = made("label", "");
    const box = Object.assign(made("input", "lm-check"), { type: "checkbox", value: name });
    box.checked = this.chosen.has(name);
    label.append(box, ...nameAndCount(name, this.counts.get(name)));
    item.append(label);
    return item;
  }

  tell() {
    const full = this.chosen.size >= MOST_SHOWN;
    for (const box of this.list.querySelectorAll("input")) box.disabled = full && !box.checked;
    const limit = full ? "; uncheck one to choose another" : "";
    const more = this.more ? ` ${this.more.toLocaleString("en")} more are found by searching.` : "";
    this.words.textContent = `${this.chosen.size} of at most ${MOST_SHOWN} chosen${limit}.${more}`;
    this.done.disabled = !this.chosen.size;
  }
}
