// What plays: a decoded window, or a passage of a recording.

import { windowsOf } from "./keys.js";

const FADE_S = 0.005;
const LONGEST_STRETCH_S = 600;
const TYPES = {
  flac: "audio/flac",
  m4a: "audio/mp4",
  mp3: "audio/mpeg",
  oga: "audio/ogg",
  ogg: "audio/ogg",
  opus: "audio/ogg",
  wav: "audio/wav",
};

/** A decoded window as it sounds, with ramps where it starts, ends or is cut off. */
export class Clip {
  constructor(context, buffer, ended) {
    this.context = context;
    this.begun_s = context.currentTime;
    this.node = context.createBufferSource();
    this.node.buffer = buffer;
    const ramps = context.createGain();
    this.cut = context.createGain();
    this.node.connect(ramps).connect(this.cut).connect(context.destination);
    const fade_s = Math.min(FADE_S, buffer.duration / 2);
    const end_s = this.begun_s + buffer.duration;
    ramps.gain.setValueAtTime(0, this.begun_s);
    ramps.gain.linearRampToValueAtTime(1, this.begun_s + fade_s);
    ramps.gain.setValueAtTime(1, end_s - fade_s);
    ramps.gain.linearRampToValueAtTime(0, end_s);
    this.node.onended = ended;
    this.node.start(this.begun_s);
  }

  /** Seconds of it that have been heard. */
  get heard_s() {
    const late_s = this.context.outputLatency || 0;
    return Math.max(0, this.context.currentTime - this.begun_s - late_s);
  }

  stop() {
    const now_s = this.context.currentTime;
    this.node.onended = null;
    this.cut.gain.setValueAtTime(1, now_s);
    this.cut.gain.linearRampToValueAtTime(0, now_s + FADE_S);
    this.node.stop(now_s + FADE_S);
  }
}

/** A passage of a recording as the browser itself plays it: nothing is decoded beforehand. */
export class Passage {
  /** The row that this passage has pinned last. */
  moved = null;
  /** The second of the recording with which what the browser plays begins. */
  offset_s = 0;
  /** The rows that are passed, and which of them is heard. */
  steps = [];
  step = 0;

  /**
   * @param {object} source
   * @param {import("./state.js").MapState} state is told which row is heard
   * @param {object} what
   * @param {number} what.row
   * @param {number} what.start_s in the recording
   * @param {number} what.stop_s
   * @param {boolean} what.whole play the recording's own file, where the browser can
   * @param {boolean} what.moves pin the rows that are passed
   * @param {{ended: Function, failed: (sentence: string) => void, refused: Function}} told
   */
  constructor(source, state, what, told) {
    Object.assign(this, { source, state, told, ...what });
    this.audio = new Audio();
    this.audio.onplaying = () => this.follow();
    this.from(this.start_s);
    // Without knowing the rows that are passed it plays all the same.
    this.learn().catch(() => {});
  }

  async learn() {
    const [rows, starts, stops] = await Promise.all([
      windowsOf(this.source, this.row),
      this.source.column("start_s"),
      this.source.column("stop_s"),
    ]);
    const steps = rows.map((row) => ({ row, middle_s: (starts.values[row] + stops.values[row]) / 2 }));
    const later = steps.findIndex(({ middle_s }) => middle_s > this.start_s);
    const own = starts.values[this.row] === this.start_s;
    this.steps = steps.slice(own ? rows.indexOf(this.row) : Math.max(0, later - 1));
  }

  from(second) {
    const { source, audio, row, whole } = this;
    const until_s = Math.min(this.stop_s, second + LONGEST_STRETCH_S);
    this.offset_s = whole ? 0 : second;
    audio.onended = () => (whole || until_s >= this.stop_s ? this.told.ended() : this.from(until_s));
    audio.onerror = () => this.refuse(second);
    audio.src = whole ? source.recording(row) : source.stretch(row, second, until_s);
    audio.currentTime = second - this.offset_s;
    audio.play().catch((error) => {
      if (error.name === "NotAllowedError") this.told.refused();
    });
  }

  /** What the browser cannot play is cut by the server instead. */
  refuse(second) {
    if (!this.whole || !this.source.has("stretch")) {
      this.told.failed("This recording cannot be played.");
      return;
    }
    this.whole = false;
    this.from(second);
  }

  /** The second of the recording that is heard. */
  get at_s() {
    return this.offset_s + this.audio.currentTime;
  }

  /** Tell the row that is heard, with every frame. */
  follow() {
    cancelAnimationFrame(this.asked);
    this.asked = requestAnimationFrame(() => this.follow());
    const row = this.passed();
    this.state.play(row);
    if (!this.moves || row === this.moved) return;
    this.moved = row;
    this.state.pin(row);
  }

  /** Give the last row whose middle has been heard, but none before the one it began with. */
  passed() {
    while (this.steps[this.step + 1]?.middle_s <= this.at_s) this.step += 1;
    return this.steps[this.step]?.row ?? this.row;
  }

  stop() {
    cancelAnimationFrame(this.asked);
    Object.assign(this.audio, { onplaying: null, onended: null, onerror: null });
    this.audio.pause();
    // Else the browser goes on loading.
    this.audio.removeAttribute("src");
    this.audio.load();
  }
}

/** Tell whether the browser plays files of a recording's kind. */
export function playable(recording) {
  const type = TYPES[recording.split(".").at(-1).toLowerCase()];
  return Boolean(type && new Audio().canPlayType(type));
}
