"use strict";

// The cells of the confusion matrices list the units behind them, and play their sounds.

const { units, cells, words, more } = JSON.parse(document.getElementById("behind").textContent);
const player = new Audio();
let playing = null;

const element = (name, text, kind) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
};

const held = (kind, unit, type) => {
  const block = document.getElementById(`${kind}-${unit}`);
  return block && `data:${type};base64,${block.textContent}`;
};

const stopped = () => {
  if (playing) {
    playing.textContent = "▶";
    playing.setAttribute("aria-pressed", "false");
  }
  playing = null;
};
player.addEventListener("ended", stopped);

const play = (button, address) => {
  const same = playing === button;
  player.pause();
  stopped();
  if (same) return;
  player.src = address;
  playing = button;
  button.textContent = "■";
  button.setAttribute("aria-pressed", "true");
  player.play().catch(stopped);
};

const line = (unit) => {
  const [recording, span, fold] = units[unit];
  const item = element("li");
  const sound = held("sound", unit, "audio/mpeg");
  if (sound) {
    const button = element("button", "▶", "play");
    button.type = "button";
    button.setAttribute("aria-label", `Play ${recording}, ${span}`);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => play(button, sound));
    const picture = element("img");
    picture.src = held("picture", unit, "image/png");
    picture.alt = "";
    item.append(button, picture);
  } else {
    item.append(element("span", "", "play none"), element("span", "no sound here", "nopicture"));
  }
  item.append(element("span", recording, "recording"), element("span", span, "span"));
  item.append(element("span", fold, "fold-name"));
  return item;
};

const open = (figure, cell) => {
  player.pause();
  stopped();
  const { probed } = figure.dataset;
  const { truth, predicted } = cell.dataset;
  const listed = cells[`${probed}-${truth}-${predicted}`] ?? [];
  for (const other of figure.querySelectorAll(".chosen")) other.classList.remove("chosen");
  cell.classList.add("chosen");
  const where = figure.querySelector(".units");
  const whole = Number(cell.querySelector("text").textContent);
  const list = element("ol");
  list.append(...listed.map(line));
  where.replaceChildren(element("h4", cell.querySelector("title").textContent), list);
  if (whole > listed.length) {
    where.append(element("p", `${listed.length} of ${whole} ${words} are listed; ${more}`, "quiet"));
  }
  where.hidden = false;
};

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** Gives the nearest cell in a direction, those straight ahead before others. */
const next = (all, cell, [down, across]) => {
  const place = (one) => [Number(one.dataset.truth), Number(one.dataset.predicted)];
  const [row, column] = place(cell);
  let [best, least] = [null, Infinity];
  for (const other of all) {
    const [r, c] = place(other);
    const ahead = down ? (r - row) * down : (c - column) * across;
    const aside = Math.abs(down ? c - column : r - row);
    if (ahead > 0 && ahead + 100 * aside < least) [best, least] = [other, ahead + 100 * aside];
  }
  return best;
};

for (const figure of document.querySelectorAll(".confusion")) {
  const all = [...figure.querySelectorAll(".cell")];
  for (const cell of all) {
    cell.addEventListener("click", () => open(figure, cell));
    cell.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        open(figure, cell);
      }
      const to = STEPS[event.key] && next(all, cell, STEPS[event.key]);
      if (to) {
        event.preventDefault();
        cell.tabIndex = -1;
        to.tabIndex = 0;
        to.focus();
      }
    });
  }
}

const copy = document.querySelector(".copy");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.querySelector(".command pre").textContent);
    copy.textContent = "Copied";
  });
}
