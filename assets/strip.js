// The recording of a row: the stretch around its window as a picture to drag on, and any passage of
// it as sound.

import { put, span } from "./card.js";
import { windowsOf } from "./keys.js";
import { Chart, hertz, roundTicks } from "./spectrogram.js";

const MOST_FREQUENCIES = 3;
const DRAG_PX = 4;
/** Seconds of the recording to be seen on both sides of a window. */
const MARGIN_S = 1;
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

/** The recording around a window, which is framed. */
export class Strip extends Chart {
  /**
   * @param {HTMLElement} parent
   * @param {(start_s: number, stop_s: number) => void} wanted called with a stretch to hear, in
   *   seconds; null where no stretch can be heard
   */
  constructor(parent, wanted) {
    super(parent, "around");
    this.wanted = wanted;
    this.frame = put(this.picture, "div", "lm-frame");
    this.dragged = put(this.picture, "div", "lm-dragged");
    this.frame.hidden = true;
    this.dragged.hidden = true;
    if (!wanted) return;
    this.picture.classList.add("lm-draggable");
    this.picture.addEventListener("pointerdown", (event) => this.press(event));
    this.picture.addEventListener("pointermove", (event) => this.drag(event));
    this.picture.addEventListener("pointerup", (event) => this.release(event));
    this.picture.addEventListener("pointercancel", () => this.forget());
  }

  /**
   * @param {ImageBitmap} picture of the stretch around the row
   * @param {object} facts of the row, as `source.row` gives them
   */
  show(picture, facts) {
    const { start_s, stop_s, bands_hz_max: highest } = facts.around;
    const ticks = roundTicks(0, highest, MOST_FREQUENCIES).filter(({ value }) => value > 0);
    this.draw(picture, {
      start_s,
      stop_s,
      ticks: ticks.map(({ value }) => ({ at: value / highest, text: hertz(value) })),
      hzAt: (share) => Math.max(0, Math.min(share, 1)) * highest,
      title: `Spectrogram of the recording, ${span(start_s, stop_s)}; the window is framed`,
    });
    this.recording = facts.recording;
    this.mark(facts);
  }

  /** Tell whether a row's window lies in the picture with something around it. */
  holds({ recording, start_s, stop_s, duration_s }) {
    if (!this.axes || recording !== this.recording) return false;
    const from_s = Math.max(0, start_s - MARGIN_S);
    const to_s = Math.min(stop_s + MARGIN_S, duration_s);
    // What is drawn ends with a whole frame, not with the recording's last sample.
    return from_s >= this.axes.start_s - 0.1 && to_s <= this.axes.stop_s + 0.1;
  }

  /** Frame a row's window. */
  mark({ start_s, stop_s }) {
    this.lay(this.frame, start_s, stop_s);
  }

  /** It has more frames and bands than there is room for: each pixel shows the mean of several. */
  fill(picture) {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.picture;
    this.canvas.width = Math.round(clientWidth * ratio) || picture.width;
    this.canvas.height = Math.round(clientHeight * ratio) || picture.height;
    const pen = this.canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
  }

  clear() {
    super.clear();
    this.frame.hidden = true;
    this.forget();
  }

  /** Lay a box over a stretch of time, as far as it is in the picture. */
  lay(box, from_s, to_s) {
    const [left, right] = [from_s, to_s].map((second) => Math.max(0, Math.min(this.share(second), 1)));
    box.hidden = right <= left;
    box.style.left = `${100 * left}%`;
    box.style.width = `${100 * (right - left)}%`;
  }

  press(event) {
    if (!this.axes || event.button !== 0) return;
    this.pressed = { x: event.clientX, at_s: this.secondAt(event.clientX) };
    this.picture.setPointerCapture(event.pointerId);
  }

  /** Give the stretch from where the pointer was pressed to where it is, the earlier end first. */
  stretch(event) {
    const still = Math.abs(event.clientX - this.pressed.x) < DRAG_PX;
    // A click without a drag plays on from there, as far as the picture shows.
    const to_s = still ? this.axes.stop_s : this.secondAt(event.clientX);
    return [Math.min(this.pressed.at_s, to_s), Math.max(this.pressed.at_s, to_s)];
  }

  drag(event) {
    if (this.pressed && this.axes) this.lay(this.dragged, ...this.stretch(event));
  }

  release(event) {
    if (!this.pressed || !this.axes) return;
    const [from_s, to_s] = this.stretch(event);
    this.forget();
    if (to_s > from_s) this.wanted(from_s, to_s);
  }

  forget() {
    this.pressed = null;
    this.dragged.hidden = true;
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
