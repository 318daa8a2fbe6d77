// The recording around a row's window as a picture, to drag on and hear any stretch of.

import { put, span } from "./card.js";
import { Chart, hertz, roundTicks } from "./spectrogram.js";

const MOST_FREQUENCIES = 3;
const DRAG_PX = 4;
/** Seconds of the recording to be seen on both sides of a window. */
const MARGIN_S = 1;

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
