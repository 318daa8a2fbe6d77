// The side panel: the pinned point large, with its sound, what is known of it and its neighbours.
// It keeps its size from row to row: every part has its place before its content comes.

import { Neighbours, Words, looks, put } from "./card.js";
import { Spectrogram } from "./spectrogram.js";
import { Strip } from "./strip.js";

/** Neighbours are asked for where the pin stays this long, not at every point that it passes. */
const REST_MS = { passing: 300, chosen: 50 };
const EMPTY = "Choose a point on the map to hear and see it.";
const LONG = ["recording", "stretch"];
/** What each needs one of, and how it is played. */
const BUTTONS = [
  { mode: "window", title: "Play window", needs: ["sound"], play: "playWindow" },
  { mode: "from here", title: "Play from here", needs: LONG, play: "playOn" },
  { mode: "recording", title: "Play recording", needs: LONG, play: "playRecording" },
];

/** Write a column's value: numbers with the digits that say something. */
export function written(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(Math.abs(value) < 1000 ? 5 : 8)));
}

export class Panel {
  #off = new AbortController();

  /** @param {import("./sounds.js").Sounds} sounds */
  constructor(parent, state, source, sounds) {
    Object.assign(this, { state, source, sounds });
    this.words = new Words(source);
    this.element = put(parent, "aside", "lm-panel");
    this.element.dataset.testid = "detail";
    this.element.setAttribute("aria-label", "The chosen point");
    // For the focus of a button that goes away.
    this.element.tabIndex = -1;
    this.empty = put(this.element, "p", "lm-empty", EMPTY);
    this.live = put(this.element, "p", "lm-unseen");
    this.live.setAttribute("aria-live", "polite");
    this.detail = put(this.element, "div", "lm-detail");
    this.headline();
    this.pictures();
    this.player();
    const near = this.section("Nearest in embedding space");
    near.hidden = !source.has("nearest");
    this.neighbours = new Neighbours(near, state, source, this.words);
    this.columns = put(this.section("All columns"), "dl", "lm-columns");
    this.looks = looks(source);
    this.listen();
    this.show();
  }

  section(title, note = "") {
    const section = put(this.detail, "section");
    const heading = put(section, "h3", "", title);
    if (note) heading.append(" ");
    if (note) put(heading, "span", "lm-hint", note);
    return section;
  }

  headline() {
    const header = put(this.detail, "header", "lm-headline");
    this.name = put(header, "h2");
    const clear = put(header, "button", "lm-clear", "×");
    clear.type = "button";
    clear.title = "Clear (Esc)";
    clear.setAttribute("aria-label", "Clear the chosen point");
    clear.addEventListener("click", () => this.state.pin(null));
    this.line = put(header, "p");
  }

  pictures() {
    const { source, sounds, state } = this;
    const heard = this.section("What the model received");
    heard.hidden = !source.has("picture");
    this.receiver = heard.querySelector("h3");
    this.spectrogram = new Spectrogram(heard);
    const hear = (from_s, to_s) => sounds.playStretch(state.pinned, from_s, to_s);
    const drag = source.has("stretch") ? hear : null;
    this.surroundings = this.section("The recording around it", drag ? "drag to hear a stretch" : "");
    this.surroundings.hidden = !source.has("around");
    this.strip = new Strip(this.surroundings, drag);
  }

  player() {
    const player = put(this.detail, "div", "lm-player");
    const place = put(player, "div", "lm-plays");
    this.buttons = BUTTONS.filter(({ needs }) => needs.some((what) => this.source.has(what))).map((kind) => {
      const button = put(place, "button", "lm-play", kind.title);
      button.type = "button";
      button.addEventListener("click", () => {
        if (this.sounds.mode === kind.mode) this.sounds.stop();
        else this.sounds[kind.play](this.state.pinned);
      });
      return { button, mode: kind.mode };
    });
    this.problem = put(player, "p", "lm-trouble");
    this.problem.setAttribute("role", "status");
  }

  listen() {
    const options = { signal: this.#off.signal };
    this.state.addEventListener("pin", () => this.show(), options);
    this.state.addEventListener("play", () => this.follow(), options);
    this.sounds.addEventListener("change", () => this.press(), options);
    this.words.ready.then(() => this.title());
  }

  /** Show the pinned row, or that there is none. */
  async show() {
    const { pinned: row } = this.state;
    if (row === null && this.detail.matches(":focus-within")) this.element.focus();
    this.empty.hidden = row !== null;
    this.detail.hidden = row === null;
    delete this.element.dataset.row;
    this.known = null;
    this.title();
    this.press();
    if (row === null) return;
    this.element.setAttribute("aria-busy", "true");
    this.element.classList.toggle("lm-dark", this.source.dark);
    this.spectrogram.clear();
    this.neighbours.clear();
    clearTimeout(this.resting);
    const rest_ms = this.sounds.mode === "recording" ? REST_MS.passing : REST_MS.chosen;
    this.resting = setTimeout(() => this.neighbours.show(row), rest_ms);
    try {
      const facts = await this.source.row(row);
      if (row !== this.state.pinned) return;
      this.describe(facts);
      await Promise.all([this.see(row, facts), this.surround(row, facts)]);
    } catch (error) {
      if (row === this.state.pinned) this.fail(error.message);
    }
    if (row !== this.state.pinned) return;
    this.element.setAttribute("aria-busy", "false");
    this.element.dataset.row = row;
  }

  /** Say which row it is; the columns know that before the server answers. */
  title() {
    const { words, state, sounds } = this;
    const row = state.pinned;
    // A walk along a recording would never stop talking.
    if (sounds.mode !== "recording") this.live.textContent = row === null ? "" : words.sentence(row);
    if (row === null) return;
    this.name.textContent = words.recording(row);
    this.name.title = words.recording(row);
    const parts = [words.span(row), ...words.labels(row), words.topClass(row)];
    this.line.textContent = parts.filter(Boolean).join(" · ");
    this.line.title = this.line.textContent;
  }

  describe(facts) {
    this.known = facts;
    this.receiver.textContent = `What ${facts.receiver} received`;
    this.columns.replaceChildren();
    for (const { name, value } of facts.columns) {
      const pair = put(this.columns, "div", name === "recording" ? "lm-wide" : "");
      put(pair, "dt", "", this.source.columns.find((column) => column.name === name)?.title ?? name);
      put(pair, "dd", "", written(value));
    }
    this.press();
  }

  /** Show what the model received. */
  async see(row, facts) {
    try {
      if (!facts.patch) throw new Error("This set was made without pictures.");
      const picture = await this.source.picture(row);
      if (row === this.state.pinned) this.spectrogram.show(picture, facts.patch, facts.receiver);
    } catch (error) {
      if (row === this.state.pinned) this.spectrogram.say(error.message);
    }
  }

  /** Show the recording around the window; a picture that holds it already stays where it is. */
  async surround(row, facts) {
    if (this.strip.holds(facts)) {
      this.strip.mark(facts);
      return;
    }
    if (facts.recording !== this.strip.recording) this.strip.clear();
    try {
      if (!facts.around) throw new Error(facts.why || "The recording around it cannot be shown.");
      const picture = await this.source.around(row);
      if (row === this.state.pinned) this.strip.show(picture, facts);
    } catch (error) {
      if (row === this.state.pinned) this.strip.say(error.message);
    }
  }

  /** Say why nothing is known of the row. */
  fail(sentence) {
    this.columns.replaceChildren();
    this.strip.clear();
    this.spectrogram.say(sentence);
  }

  /** Keep the buttons true to what plays and to what can be played. */
  press() {
    const { sounds, known } = this;
    const why = known && !known.heard ? known.why : "";
    for (const { button, mode } of this.buttons) {
      button.disabled = why !== "";
      button.setAttribute("aria-pressed", String(sounds.mode === mode));
    }
    // Where the recording would be seen the sentence stands there.
    this.problem.textContent = sounds.problem || (this.surroundings.hidden ? why : "");
  }

  /** Move the cursors with the sound, with every frame. */
  follow() {
    cancelAnimationFrame(this.asked);
    const playing = this.state.playing !== null;
    const now = playing ? this.sounds.now() : null;
    const here = now && this.words.recording(now.row) === this.words.recording(this.state.pinned);
    for (const chart of [this.spectrogram, this.strip]) chart.cursor(here ? now.at_s : null);
    if (playing) this.asked = requestAnimationFrame(() => this.follow());
  }

  /** Follow another theme and columns that have changed. */
  async refresh() {
    if (looks(this.source) === this.looks) return;
    this.looks = looks(this.source);
    await this.words.load();
    this.strip.clear();
    this.show();
  }

  close() {
    this.#off.abort();
    cancelAnimationFrame(this.asked);
    clearTimeout(this.resting);
    this.element.remove();
  }
}
