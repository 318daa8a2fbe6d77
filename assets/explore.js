// The listening map: hover to see, hover to hear. This module puts its parts together; each of them
// knows only the rows' state (state.js) and where to ask for what they look and sound like.

import { categories, numbers, sizes, sizeSteps, VIRIDIS } from "./colours.js";
import { Keys } from "./keys.js";
import { Legend } from "./legend.js";
import { placeOf } from "./nearby.js";
import { unpackedPoints } from "./packs.js";
import { Panel } from "./panel.js";
import { Search } from "./search.js";
import { Selection } from "./selection.js";
import { Sounds } from "./sounds.js";
import { MapState } from "./state.js";
import { Table } from "./table.js";
import { STEP, Tools } from "./tools.js";
import { View } from "./view.js";

const STAGE = `
  <p class="lm-heading" hidden><strong></strong> <span></span></p>
  <div class="lm-stage" tabindex="0" role="application">
    <div class="lm-axes"></div>
    <canvas class="lm-points"></canvas>
    <canvas class="lm-cells" hidden></canvas>
    <canvas class="lm-overlay"></canvas>
    <div class="lm-glass"></div>
    <p class="lm-note" role="status" hidden></p>
    <p class="lm-problem" role="alert"></p>
  </div>`;
const AROUND = `
  <div class="lm-top"><div class="lm-tools"></div><div class="lm-search"></div></div>
  <div class="lm-maps"></div>
  <div class="lm-legend"></div>
  <div class="lm-side"></div>
  <div class="lm-below"></div>`;

export class ListeningMap {
  /**
   * @param {HTMLElement} root an empty element
   * @param {object} data see embedviz/ui/map.py
   * @param {object[]} sources one for each map of the data, which share their rows
   * @param {{selected?: Function, pinned?: Function, shown?: Function}} told what to call when the
   *   selection, the pinned row or the choice of named categories has changed
   */
  constructor(root, data, sources, told = {}) {
    this.root = root;
    this.told = told;
    this.sources = sources;
    this.state = new MapState(data.count);
    root.listeningMap = this;
    root.classList.add("lm");
    root.innerHTML = AROUND;
    this.part = (name) => root.querySelector(`.lm-${name}`);
    this.sounds = new Sounds(this.state, sources[0]);
    this.views = data.maps.map((map, i) => this.view(map, sources[i]));
    this.marked = this.views.length > 1 ? this.views.map((view) => view.element) : [root];
    for (const element of this.marked) element.dataset.testid = "listening-map";
    this.tools = new Tools(this.part("tools"), this.state, () => this.views);
    this.legend = new Legend(this.part("legend"), this.state);
    this.legend.onShown = (names) => this.told.shown?.(names);
    this.search = new Search(this.part("search"), this.state, sources[0]);
    this.selection = new Selection(this.part("below"), this.state, sources[0]);
    this.table = new Table(this.part("below"), this.state, sources[0]);
    if (data.panel) this.panel = new Panel(this.part("side"), this.state, sources[0], this.sounds, { root });
    else this.part("side").remove();
    this.keys = new Keys(root, this.state, sources[0], this.sounds, {
      "+": () => this.tools.zoom(1 / STEP),
      "=": () => this.tools.zoom(1 / STEP),
      "-": () => this.tools.zoom(STEP),
      0: () => this.tools.reset(),
    });
    root.classList.toggle("lm-two", data.maps.length > 1);
    this.tell();
    this.ready = this.update(data);
  }

  view(map, source) {
    const place = this.part("maps").appendChild(document.createElement("div"));
    place.className = "lm-map";
    place.innerHTML = STAGE;
    const view = new View(place, this.state, source);
    view.sounds = this.sounds;
    return view;
  }

  /** Show other data of the same rows; what has not changed stays as it is. */
  async update(data) {
    const before = this.data ?? {};
    this.data = data;
    try {
      await Promise.all(data.maps.map((map, i) => this.lay(this.views[i], map, before.maps?.[i])));
      if (looks(data) !== looks(before)) await this.colour(data);
      if (before.maps && told(data) !== told(before)) this.refresh();
      // Later the page only repeats what was pinned here, perhaps a moment late.
      if (!before.maps && Number.isInteger(data.pinned)) this.state.pin(data.pinned);
      for (const element of this.marked) element.dataset.ready = "true";
    } catch (error) {
      this.part("problem").textContent = error.message;
    }
  }

  /** Show what columns and colours are now: labels were set, or the theme is another. */
  refresh() {
    for (const view of this.views) view.refresh();
    this.panel?.refresh();
    this.table.refresh();
  }

  async lay(view, map, before) {
    view.stage.setAttribute("aria-label", map.title);
    const heading = view.element.querySelector(".lm-heading");
    heading.hidden = !map.heading;
    [...heading.children].forEach((part, i) => (part.textContent = map.heading?.[i] ?? ""));
    view.overlay.names = map.names ?? [];
    view.overlay.guests = map.guests ?? [];
    if (map.points !== before?.points) {
      const { coordinates, dims } = unpackedPoints(await view.source.bytes(map.points));
      // A scene is there to be turned, a flat map to be drawn on.
      if (dims !== view.dims) this.tools.take(dims === 3 ? "pan" : "lasso");
      view.place(coordinates, dims, map.axes);
    }
    view.later();
  }

  /** Colour and size all maps alike, by columns of the first. */
  async colour({ colour, size, palette, dark }) {
    const [source] = this.sources;
    const [column, sized] = await Promise.all([source.column(colour.name), size ? source.column(size.name) : null]);
    const named = palette[dark ? "dark" : "light"];
    const look =
      column.kind === "names"
        ? categories(column, { shown: colour.shown ?? null, palette: named, other: palette.other })
        : numbers(column, { scale: VIRIDIS, none: palette.other });
    const pixels = sizes(sized, this.state.count);
    for (const view of this.views) {
      view.paint({ ...look, colours: look.colours.map(parts), behind: look.behind ?? null });
      view.sizes(view.solid ? pixels.map((half) => half * 0.75) : pixels);
    }
    const steps = sized ? { title: size.title, steps: sizeSteps(sized, this.state.count) } : null;
    this.legend.show({ ...look, title: colour.title, column, sizes: steps });
  }

  /** Keep the attributes of the maps current; people script against them. */
  tell() {
    const { state } = this;
    const names = { hover: ["hoverRow", "hovered"], pin: ["pinnedRow", "pinned"], play: ["playingRow", "playing"] };
    const write = (attribute, value) => {
      for (const element of this.marked) {
        if (value === null) delete element.dataset[attribute];
        else element.dataset[attribute] = value;
      }
    };
    for (const [event, [attribute, key]] of Object.entries(names)) {
      state.addEventListener(event, () => write(attribute, state[key]));
    }
    const counted = () => write("selected", state.selectedCount);
    state.addEventListener("select", counted);
    counted();
    write("points", state.count);
    state.addEventListener("select", () => this.told.selected?.(state.selected));
    state.addEventListener("pin", () => {
      this.told.pinned?.(state.pinned);
      this.join();
    });
  }

  /** Join the windows of the pinned recording, one after the other. */
  async join() {
    const { pinned } = this.state;
    const rows = pinned === null ? [] : await this.keys.recordingOf(pinned);
    if (pinned !== this.state.pinned) return;
    for (const view of this.views) {
      view.overlay.path = rows;
      view.later();
    }
  }

  /** Give where a row's point lies on the page, in pixels; null where it is not in sight. */
  placeOf(row, which = 0) {
    const view = this.views[which];
    const place = placeOf(row, view.map);
    const { left, top, width, height } = view.map.area;
    const inside = place && place.x >= left && place.x <= left + width && place.y >= top && place.y <= top + height;
    const box = view.stage.getBoundingClientRect();
    return inside ? { x: box.left + place.x, y: box.top + place.y } : null;
  }

  close() {
    this.panel?.close();
    this.sounds.close();
    this.keys.close();
    for (const view of this.views) view.close();
    this.root.replaceChildren();
  }
}

/** Name all that decides how points look, to tell whether it has changed. */
function looks({ colour, size, dark, maps, count }) {
  if (!maps) return "";
  const urls = [colour, size].map((one) => one && maps[0].columns.find(({ name }) => name === one.name)?.url);
  return JSON.stringify([colour, size, dark, urls, count, maps.map((map) => map.points)]);
}

/** Name all that the words and pictures of rows come from. */
function told({ dark, maps }) {
  return JSON.stringify([dark, maps.map((map) => map.columns)]);
}

/** Give [red, green, blue], 0 to 255, of a colour written as #rrggbb. */
function parts(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

/** Put a listening map into an element. */
export function mountMap(root, data, sources, told) {
  return new ListeningMap(root, data, [sources].flat(), told);
}
