// The page around a map that was written into one file: its words, what colours its points, and the
// reader's choice of light or dark.

import { Embedded } from "./embedded.js";
import { mountMap } from "./explore.js";

/** Give a part of the page as text, or null where there is none. */
const part = (name) => document.getElementById(name)?.textContent ?? null;

class Page {
  constructor(facts) {
    this.facts = facts;
    this.source = new Embedded(facts, part);
    this.data = { ...facts.map, pinned: null };
    document.title = facts.title;
    document.querySelector("h1").textContent = facts.title;
    document.querySelector(".page-line").textContent = facts.line;
    this.note(".page-warning", [facts.warning].filter(Boolean));
    this.note(".page-notes", facts.notes);
    const { columns } = this.source;
    this.choose("colour", columns);
    this.choose("size", columns.filter(({ kind }) => kind === "numbers"), "all alike");
    this.scheme();
  }

  note(place, sentences) {
    const element = document.querySelector(place);
    element.hidden = sentences.length === 0;
    element.replaceChildren(...sentences.map((sentence) => made("p", sentence)));
  }

  /** Let the reader choose the column that something shows. */
  choose(what, columns, nothing) {
    const select = document.querySelector(`.page-${what} select`);
    const options = columns.map(({ name, title }) => Object.assign(made("option", title), { value: name }));
    if (nothing) options.unshift(Object.assign(made("option", nothing), { value: "" }));
    select.replaceChildren(...options);
    select.value = this.data[what]?.name ?? "";
    select.onchange = () => {
      const column = columns.find(({ name }) => name === select.value);
      this.show({ [what]: column ? { name: column.name, title: column.title, shown: null } : null });
    };
  }

  /** Follow the reader's light or dark, unless the file was written for one of them. */
  scheme() {
    const { dark } = this.facts;
    const system = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => {
      document.documentElement.dataset.scheme = (dark ?? system.matches) ? "dark" : "light";
      this.show({ dark: dark ?? system.matches });
    };
    if (dark === null) system.addEventListener("change", follow);
    follow();
  }

  show(changes) {
    this.data = { ...this.data, ...changes, pinned: this.map?.state.pinned ?? null };
    this.source.dark = this.data.dark;
    if (this.map) this.map.update(this.data);
    else this.map = mountMap(document.querySelector("main"), this.data, this.source, this.told());
  }

  /** Which names have colours of their own is the reader's choice as well. */
  told() {
    return { shown: (names) => this.show({ colour: { ...this.data.colour, shown: names } }) };
  }
}

function made(name, words) {
  const element = document.createElement(name);
  element.textContent = words;
  return element;
}

try {
  new Page(JSON.parse(part("facts")));
} catch (error) {
  document.querySelector("main").textContent = `This map cannot be shown: ${error.message}`;
}
