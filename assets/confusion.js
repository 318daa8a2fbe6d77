// A confusion matrix whose cells are buttons, as a Streamlit component.
//
// data:  caption  what the table is
//        classes  [whole name, short name] of each class
//        cells    {truth, predicted, count, share 0 to 1, words}; those that are not there are empty
//        chosen   [truth, predicted], or null
// state: cell     [truth, predicted] that was chosen

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const FEW = 12;

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const place = parentElement.querySelector(".cm");
  const before = place.contains(place.getRootNode().activeElement) && place.getRootNode().activeElement.dataset.at;
  const side = data.classes.length > FEW ? 26 : 40;
  const longest = Math.max(...data.classes.map(([, short]) => short.length));
  place.style.setProperty("--cm-side", `${side}px`);
  place.style.setProperty("--cm-lean", `${Math.round(longest * 7 + 12)}px`);
  const cells = new Map(data.cells.map((cell) => [`${cell.truth}-${cell.predicted}`, cell]));
  place.replaceChildren(tableOf(data, cells));
  const buttons = [...place.querySelectorAll("button")];
  const pressed = (one) => one.getAttribute("aria-pressed") === "true";
  const first = buttons.find((one) => one.dataset.at === before) ?? buttons.find(pressed) ?? buttons[0];
  for (const button of buttons) {
    const at = button.dataset.at.split("-").map(Number);
    button.tabIndex = button === first ? 0 : -1;
    button.onclick = () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      setStateValue("cell", at);
    };
    button.onkeydown = (event) => {
      const to = STEPS[event.key] && next(buttons, at, STEPS[event.key]);
      if (!to) return;
      event.preventDefault();
      button.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    };
  }
  if (before) first?.focus();
}

function tableOf(data, cells) {
  const table = element("table");
  table.append(element("caption", data.caption));
  const head = table.createTHead().insertRow();
  head.append(element("th", "true ↓ · taken for →", "cm-corner"));
  for (const [whole, short] of data.classes) head.append(heading("col", whole, short));
  const body = table.createTBody();
  data.classes.forEach(([whole, short], truth) => {
    const row = body.insertRow();
    row.append(heading("row", whole, short));
    data.classes.forEach((_, predicted) => {
      const cell = cells.get(`${truth}-${predicted}`);
      const place = row.insertCell();
      if (cell) place.append(buttonOf(cell, data.chosen));
    });
  });
  return table;
}

function buttonOf(cell, chosen) {
  const button = element("button", String(cell.count), cell.truth === cell.predicted ? "cm-right" : "cm-wrong");
  button.type = "button";
  button.title = cell.words;
  button.dataset.at = `${cell.truth}-${cell.predicted}`;
  button.style.setProperty("--cm-share", `${Math.round(100 * cell.share)}%`);
  button.setAttribute("aria-label", cell.words);
  button.setAttribute("aria-pressed", String(chosen?.[0] === cell.truth && chosen?.[1] === cell.predicted));
  return button;
}

/** Gives the nearest cell in a direction, those straight ahead before others. */
function next(buttons, [row, column], [down, across]) {
  let best = null;
  let least = Infinity;
  for (const other of buttons) {
    const [r, c] = other.dataset.at.split("-").map(Number);
    const ahead = down ? (r - row) * down : (c - column) * across;
    const aside = Math.abs(down ? c - column : r - row);
    if (ahead > 0 && ahead + 100 * aside < least) [best, least] = [other, ahead + 100 * aside];
  }
  return best;
}

function heading(scope, whole, short) {
  const made = element("th");
  made.scope = scope;
  made.title = whole;
  made.append(scope === "col" ? element("span", short) : short);
  return made;
}

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
