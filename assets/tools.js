// The row of buttons above a map: sound, what the pointer draws, zoom.

const TOOLS = [
  ["lasso", "Lasso", "Draw around points to select them; hold Shift to add, Alt to remove"],
  ["box", "Box", "Draw a box around points to select them; hold Shift to add, Alt to remove"],
  ["pan", "Move", "Drag the map; the wheel zooms with every tool"],
];
/** How far a step zooms. */
export const STEP = 1.5;

export class Tools {
  /**
   * @param {HTMLElement} parent
   * @param {import("./state.js").MapState} state
   * @param {() => import("./view.js").View[]} views
   */
  constructor(parent, state, views) {
    this.views = views;
    if (state) this.hearing(parent, state);
    const group = parent.appendChild(document.createElement("div"));
    group.className = "lm-group";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "What the pointer does");
    this.buttons = TOOLS.map(([tool, name, help]) => {
      const button = group.appendChild(made(name, help));
      button.dataset.tool = tool;
      button.onclick = () => this.take(tool);
      return button;
    });
    this.take("lasso");
    for (const [name, words, act] of [
      ["+", "Zoom in (key +)", () => this.zoom(1 / STEP)],
      ["−", "Zoom out (key −)", () => this.zoom(STEP)],
      ["⤢", "Show all (key 0 or a double click)", () => this.reset()],
    ]) {
      const button = parent.appendChild(made(name, words));
      button.setAttribute("aria-label", words);
      button.onclick = act;
    }
  }

  hearing(parent, state) {
    const button = parent.appendChild(made("♪ Hear on hover", "Play the sound of the point under the pointer (key H)"));
    button.classList.add("lm-hear");
    button.setAttribute("aria-keyshortcuts", "H");
    const show = () => button.setAttribute("aria-pressed", String(state.hearing));
    button.onclick = () => state.hear(!state.hearing);
    state.addEventListener("hear", show);
    show();
  }

  take(tool) {
    for (const view of this.views()) {
      view.pointer.tool = tool;
      view.stage.dataset.tool = tool;
    }
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  }

  zoom(factor) {
    for (const view of this.views()) {
      const { clientWidth, clientHeight } = view.stage;
      view.zoom(factor, { x: clientWidth / 2, y: clientHeight / 2 });
    }
  }

  reset() {
    for (const view of this.views()) view.reset();
  }
}

function made(words, help) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words;
  button.title = help;
  return button;
}
