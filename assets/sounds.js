// What is heard: the window under the pointer, a window by choice, or a recording from a place on.
// One sound at a time, whatever it is.

import { Kept } from "./kept.js";
import { Clip, Passage, playable } from "./playing.js";

const BUFFERS_KEPT_BYTES = 64e6;
const NEARBY_AT_ONCE = 3;
const LATENCIES_KEPT = 200;
/** A pointer that only crosses a point asks for nothing. */
const REST_MS = 25;
/** A browser that wants a click first never says so; it leaves the audio asleep. */
const REFUSED_MS = 1000;
const NO_GESTURE = "The browser plays no sound before the first click or key on this page.";

/** Plays; tells by the event "change" when `mode` or `problem` is another. */
export class Sounds extends EventTarget {
  /** "hover", "window", "from here", "recording", "stretch" or, when nothing is wanted, null. */
  mode = null;
  /** Why the last sound that was wanted is not heard, in a sentence. */
  problem = "";
  /** Milliseconds from hovering over a row to the start of its sound, the last ones. */
  latency = [];
  #turn = 0;
  #clips = new Kept(BUFFERS_KEPT_BYTES);
  #coming = new Map();
  #ahead = [];
  #early = 0;
  #urgent = 0;
  #silent = new Set();
  #off = new AbortController();

  constructor(state, source) {
    super();
    Object.assign(this, { state, source });
    const options = { signal: this.#off.signal };
    state.addEventListener("hover", () => this.#hovered(), options);
    state.addEventListener("hear", () => this.#heard(), options);
    state.addEventListener("pin", () => this.#pinned(), options);
    this.#heard();
  }

  /** Load the sounds of rows that may be wanted soon: a few at a time, what was named last. */
  prefetch(rows) {
    this.#ahead = Array.from(rows).filter((row) => !this.#silent.has(row));
    this.#more();
  }

  /** Play a row's exact window. */
  async playWindow(row, mode = "window") {
    const turn = this.#begin(mode);
    try {
      const [awake, clip] = await Promise.all([this.#wake(), this.#wanted(row)]);
      if (turn !== this.#turn) return;
      if (!awake) {
        if (mode === "hover") this.state.hear(false);
        throw new Error(NO_GESTURE);
      }
      this.playing = new Clip(this.context, clip, () => this.stop());
      this.playing.row = row;
      this.state.play(row);
    } catch (error) {
      if (turn === this.#turn) this.#fail(error.message);
    }
  }

  /** Play on from a row's start to the recording's end; the pin stays. */
  playOn(row) {
    return this.#passage(row, "from here");
  }

  /** Play on from a row's start to the recording's end; the pin moves along. */
  playRecording(row) {
    return this.#passage(row, "recording");
  }

  /** Play any stretch of a row's recording, in seconds from its start. */
  playStretch(row, start_s, stop_s) {
    return this.#passage(row, "stretch", { start_s, stop_s });
  }

  stop() {
    this.#end();
    this.mode = null;
    this.state.play(null);
    this.#changed();
  }

  /** Give what is heard now: a row of its recording, and the second of it; null in silence. */
  now() {
    if (!this.playing) return null;
    const { row } = this.playing;
    if (this.playing instanceof Passage) return { row, at_s: this.playing.at_s };
    return this.starts ? { row, at_s: this.starts.values[row] + this.playing.heard_s } : null;
  }

  close() {
    this.stop();
    this.#off.abort();
    this.context?.close();
  }

  #hovered() {
    const { hovered, hearing } = this.state;
    clearTimeout(this.timer);
    // A passage was asked for; the pointer's way over the map does not end it.
    if (this.mode !== null && this.mode !== "hover" && this.mode !== "window") return;
    if (this.mode === "hover") this.stop();
    if (!hearing || hovered === null || this.#silent.has(hovered)) return;
    const since = performance.now();
    if (this.#clips.get(hovered)) this.#play(hovered, since);
    else this.timer = setTimeout(() => this.#play(hovered, since), REST_MS);
  }

  async #play(row, since) {
    await this.playWindow(row, "hover");
    if (this.playing?.row !== row || this.mode !== "hover") return;
    this.latency.push(performance.now() - since);
    this.latency.splice(0, this.latency.length - LATENCIES_KEPT);
  }

  async #heard() {
    if (!this.state.hearing) {
      if (this.mode === "hover") this.stop();
      return;
    }
    if (!(await this.#wake())) this.state.hear(false);
    else if (this.mode === null) this.#hovered();
  }

  /** What plays on ends when another point is chosen. */
  #pinned() {
    const along = this.playing instanceof Passage && this.state.pinned === this.playing.moved;
    this.problem = "";
    if (this.mode !== "hover" && this.mode !== null && !along) this.stop();
    else this.#changed();
  }

  /** Wake the audio; tells whether the browser let it wake. */
  async #wake() {
    this.#open();
    if (this.context.state !== "running") {
      const late = new Promise((resolve) => setTimeout(resolve, REFUSED_MS));
      await Promise.race([this.context.resume(), late]);
    }
    return this.context.state === "running";
  }

  #open() {
    if (this.context) return;
    this.context = new AudioContext({ latencyHint: "interactive" });
    // Only for the cursor: nothing waits for it.
    this.source.column("start_s").then((starts) => (this.starts = starts), () => {});
  }

  /** Give the decoded sound that is waited for; what might be wanted later waits meanwhile. */
  async #wanted(row) {
    this.#urgent += 1;
    try {
      return await this.#clip(row);
    } finally {
      this.#urgent -= 1;
      this.#more();
    }
  }

  #more() {
    while (this.context && !this.#urgent && this.#early < NEARBY_AT_ONCE && this.#ahead.length > 0) {
      this.#early += 1;
      const done = () => {
        this.#early -= 1;
        this.#more();
      };
      // Nobody waits for it: who needs it later is told what is wrong.
      this.#clip(this.#ahead.shift()).then(done, done);
    }
  }

  #clip(row) {
    const kept = this.#clips.get(row) ?? this.#coming.get(row);
    if (kept) return Promise.resolve(kept);
    const coming = this.#load(row).finally(() => this.#coming.delete(row));
    this.#coming.set(row, coming);
    return coming;
  }

  async #load(row) {
    try {
      const bytes = await this.source.sound(row);
      const clip = await this.context.decodeAudioData(bytes).catch(() => {
        throw new Error("The browser cannot decode this sound.");
      });
      this.#clips.set(row, clip, 4 * clip.length * clip.numberOfChannels);
      this.#silent.delete(row);
      return clip;
    } catch (error) {
      this.#silent.add(row);
      throw error;
    }
  }

  async #passage(row, mode, stretch = {}) {
    const turn = this.#begin(mode);
    try {
      const facts = await this.source.row(row);
      if (turn !== this.#turn) return;
      if (!facts.heard) throw new Error(facts.why);
      const whole = mode !== "stretch" && this.source.has("recording") && playable(facts.recording);
      const span = { start_s: facts.start_s, stop_s: facts.duration_s, ...stretch };
      const told = {
        ended: () => this.stop(),
        failed: (sentence) => this.#fail(sentence),
        refused: () => this.#fail(NO_GESTURE),
      };
      const what = { row, ...span, whole, moves: mode === "recording" };
      this.playing = new Passage(this.source, this.state, what, told);
    } catch (error) {
      if (turn === this.#turn) this.#fail(error.message);
    }
  }

  /** End what is heard and begin something else; gives its turn. */
  #begin(mode) {
    this.#end();
    this.problem = "";
    this.mode = mode;
    this.state.play(null);
    this.#changed();
    return this.#turn;
  }

  #end() {
    this.#turn += 1;
    clearTimeout(this.timer);
    this.playing?.stop();
    this.playing = null;
  }

  #fail(sentence) {
    this.problem = this.mode === "hover" ? "" : sentence;
    this.stop();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
