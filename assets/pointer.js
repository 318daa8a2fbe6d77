// What the pointer, one finger or two do on the map: point, tap, move it, zoom, draw around rows.

const STILL_PX = 4;
const WHEEL = 0.0015;
const LINE_PX = 16;

/**
 * Gestures on a stage.
 *
 * A mouse or pen draws with the chosen tool; fingers move the map and zoom it. A map in three
 * dimensions is turned by Plotly's scene below, unless one draws.
 */
export class Pointer {
  tool = "lasso";

  /**
   * @param {HTMLElement} stage
   * @param {object} does what the gestures mean, see view.js: point, leave, tap, touch, outline,
   *   drawn, pan, zoom, reset; `solid` tells whether a scene lies below
   */
  constructor(stage, does) {
    this.stage = stage;
    this.does = does;
    this.fingers = new Map();
    const listen = (name, heard, options) => stage.addEventListener(name, heard, { capture: true, ...options });
    listen("pointerdown", (event) => this.press(event));
    listen("pointermove", (event) => this.move(event));
    listen("pointerup", (event) => this.release(event));
    listen("pointercancel", (event) => this.cancel(event));
    // A finger that is lifted leaves as well; what it showed is still there for the second tap.
    stage.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch" && !this.drag) this.does.leave();
    });
    listen("wheel", (event) => this.wheel(event), { passive: false });
    listen("dblclick", () => this.does.reset());
  }

  /** Tell where an event is, in pixels of the stage. */
  place(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  press(event) {
    if (event.target.closest("button, a, input")) return;
    const at = this.place(event);
    const touch = event.pointerType === "touch";
    this.fingers.set(event.pointerId, at);
    const moves = touch || this.tool === "pan" || event.button === 1;
    this.drag = { from: at, last: at, line: [at], moved: false, touch, kind: moves ? "pan" : this.tool };
    if (this.does.solid && moves) return;
    this.stage.setPointerCapture(event.pointerId);
  }

  move(event) {
    const at = this.place(event);
    if (!this.drag) return this.does.point(at);
    if (this.fingers.size === 2) return this.pinch(event, at);
    const { drag } = this;
    if (!drag.moved && Math.hypot(at.x - drag.from.x, at.y - drag.from.y) < STILL_PX) return;
    if (!drag.moved) this.does.leave();
    drag.moved = true;
    if (drag.kind === "pan") {
      if (!this.does.solid) this.does.pan(at.x - drag.last.x, at.y - drag.last.y);
    } else {
      drag.line = drag.kind === "box" ? boxed(drag.from, at) : [...drag.line, at];
      this.does.outline(drag.line);
    }
    drag.last = at;
  }

  pinch(event, at) {
    const before = spread(this.fingers);
    this.fingers.set(event.pointerId, at);
    const after = spread(this.fingers);
    this.drag.moved = true;
    if (this.does.solid) return;
    this.does.pan(after.x - before.x, after.y - before.y);
    this.does.zoom(before.apart / after.apart, after);
  }

  release(event) {
    const { drag } = this;
    this.fingers.delete(event.pointerId);
    if (!drag || this.fingers.size) return;
    this.drag = null;
    const how = event.shiftKey ? "add" : event.altKey ? "remove" : "replace";
    if (!drag.moved) {
      if (event.button === 0) this.does[drag.touch ? "touch" : "tap"](drag.from, how);
    } else if (drag.kind !== "pan") {
      this.does.drawn(drag.line, how);
    }
  }

  cancel(event) {
    this.fingers.delete(event.pointerId);
    this.drag = null;
    this.does.outline([]);
  }

  wheel(event) {
    if (this.does.solid) return;
    event.preventDefault();
    const down = event.deltaY * (event.deltaMode ? LINE_PX : 1);
    this.does.zoom(Math.exp(down * WHEEL), this.place(event));
    this.does.point(this.place(event));
  }
}

function boxed(one, other) {
  return [one, { x: other.x, y: one.y }, other, { x: one.x, y: other.y }];
}

function spread(fingers) {
  const [one, other] = fingers.values();
  return {
    x: (one.x + other.x) / 2,
    y: (one.y + other.y) / 2,
    apart: Math.max(1, Math.hypot(one.x - other.x, one.y - other.y)),
  };
}
