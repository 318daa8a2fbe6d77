// The keyboard's way over the map: through the windows of a recording and through neighbours.

const NEIGHBOURS = 10;

/** Give the rows of a row's recording in the order of their start. */
export async function windowsOf(source, row) {
  const [names, starts] = await Promise.all([source.column("recording"), source.column("start_s")]);
  const rows = [];
  for (let other = 0; other < names.codes.length; other++) {
    if (names.codes[other] === names.codes[row]) rows.push(other);
  }
  return rows.sort((a, b) => starts.values[a] - starts.values[b]);
}

/**
 *   left, right  the window before and after the pinned one in its recording
 *   up, down     along the neighbours of the anchor: the point pinned last by anything but these two
 *   space        play the pinned window, or stop
 *   escape       stop, and clear the pin and the selection
 *   H            hear what is under the pointer, or not
 */
export class Keys {
  #off = new AbortController();
  anchor = null;
  /** How far the walk has come: 0 at the anchor, 1 at its nearest neighbour. */
  step = 0;

  /**
   * @param {Element} root keys are heard in it, and wherever the page has no other use for them
   * @param {Object<string, Function>} more keys and what they do
   */
  constructor(root, state, source, sounds, more = {}) {
    Object.assign(this, { root, state, source, sounds, more });
    const options = { signal: this.#off.signal };
    document.addEventListener("keydown", (event) => this.key(event), options);
    state.addEventListener("pin", () => this.pinned(), options);
    this.pinned();
  }

  /** Give the rows of a row's recording in order; none where that is not known. */
  recordingOf(row) {
    return windowsOf(this.source, row).catch(() => []);
  }

  key(event) {
    const [target] = event.composedPath();
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(target)) return;
    if (target !== document.body && !event.composedPath().includes(this.root)) return;
    // The space bar presses the button that has the focus.
    if (event.key === " " && target.closest?.("button, a, summary")) return;
    const actions = {
      ArrowLeft: () => this.along(-1),
      ArrowRight: () => this.along(1),
      ArrowUp: () => this.across(-1),
      ArrowDown: () => this.across(1),
      " ": () => this.play(),
      Escape: () => this.clear(),
      h: () => event.repeat || this.state.hear(!this.state.hearing),
      ...this.more,
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    // Arrows and space would scroll the page.
    event.preventDefault();
    action();
  }

  pinned() {
    if (this.state.pinned === this.walked) return;
    this.anchor = this.state.pinned;
    this.step = 0;
  }

  /** Go to another window of the recording. */
  async along(steps) {
    if (this.begin()) return;
    const rows = await this.recordingOf(this.state.pinned);
    // Read anew: a key that is held down goes on meanwhile.
    const at = rows.indexOf(this.state.pinned);
    const next = rows[at + steps];
    if (at >= 0 && next !== undefined) this.pin(next);
  }

  /** Go to another neighbour of the anchor. */
  async across(steps) {
    if (this.begin() || !this.source.has("nearest")) return;
    const { anchor } = this;
    const { rows } = await this.source.nearest(anchor, NEIGHBOURS).catch(() => ({ rows: [] }));
    if (this.anchor !== anchor) return;
    const next = [anchor, ...rows][this.step + steps];
    if (next === undefined) return;
    this.step += steps;
    this.walked = next;
    this.pin(next);
    this.walked = undefined;
  }

  /** Where nothing is pinned a walk begins under the pointer, or at the first row that is shown. */
  begin() {
    const { pinned, hovered, hidden } = this.state;
    if (pinned !== null) return false;
    const first = hovered ?? hidden.indexOf(0);
    if (first >= 0) this.pin(first);
    return true;
  }

  /** Who hears what is under the pointer also hears where the keys lead. */
  pin(row) {
    this.state.pin(row);
    if (this.state.hearing) this.sounds.playWindow(row);
  }

  play() {
    const { pinned } = this.state;
    if (this.sounds.mode !== null) this.sounds.stop();
    else if (pinned !== null) this.sounds.playWindow(pinned);
  }

  clear() {
    this.sounds.stop();
    this.state.pin(null);
    if (this.state.selectedCount > 0) this.state.select([]);
  }

  close() {
    this.#off.abort();
  }
}

function isTyping(target) {
  return Boolean(target.closest?.("input, textarea, select, [contenteditable='true']"));
}
