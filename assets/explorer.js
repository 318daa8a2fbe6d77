// The map of sounds. Plotly's own JavaScript draws it; the picture and the sound of the point
// under the pointer come by address from the server, so nothing here waits for a rerun.
//
// data:  maps      one map, or two whose rows correspond: what is under the pointer or chosen in
//                  the one is marked in the other at once. Each has
//        figure    Plotly figure as JSON; every point's customdata is its row
//        title     what the map shows, for those who do not see it
//        heading   the words above it, loud and less loud, or nothing
//        pictures  address of a row's spectrogram, with {row} where its number goes, or null
//        sounds    address of a row's sound, likewise
//        numbers   the numbers that addresses know the rows by, packed, or null for the rows
//        pinned    the row that the page shows, or null
// state: rows      the chosen rows, packed as base64 of little-endian uint32

const CONFIG = {
  displaylogo: false,
  responsive: true,
  scrollZoom: true,
  showSendToCloud: false,
  modeBarButtonsToRemove: ["toImage"],
};
const HOVER_MS = 60;
const GAP_PX = 16;

const drawn = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let maps = drawn.get(parentElement);
  if (!maps) {
    maps = [...parentElement.querySelectorAll(".map")].map((place) => new SoundMap(place));
    for (const map of maps) map.others = maps.filter((other) => other !== map);
    drawn.set(parentElement, maps);
  }
  maps.forEach((map, i) => {
    map.send = (rows) => setStateValue("rows", packed(rows));
    map.show(data.maps[i]);
  });
  return () => {
    for (const map of maps) map.close();
    drawn.delete(parentElement);
  };
}

/**
 * Load plotly.min.js from this server, once per page. It is kept under a name of its own: Streamlit's
 * charts put another Plotly into window.Plotly, which drops all listeners of a chart of this one.
 */
function plotly() {
  window.embedvizPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("/plotly/plotly.min.js", document.baseURI);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      window.embedvizPlotly = undefined;
      reject(new Error("The map's drawing code could not be loaded; reload the page."));
    };
    document.head.append(script);
  });
  return window.embedvizPlotly;
}

/** Pack row numbers: 100,000 of them are 533 kB instead of megabytes of JSON. */
function packed(rows) {
  const bytes = new Uint8Array(Uint32Array.from(rows).buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(text);
}

/** Unpack what Python packed alike. */
function unpacked(text) {
  return new Uint32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

const placeOf = (event) => ({ x: event.clientX, y: event.clientY });
const clamped = (value, most) => Math.max(0, Math.min(value, most));
const rowOf = (point) => Number([point.customdata].flat()[0]);

class SoundMap {
  constructor(parent) {
    this.chart = parent.querySelector(".map-chart");
    this.card = parent.querySelector(".map-card");
    this.picture = this.card.querySelector("img");
    this.words = this.card.querySelector("p");
    this.heading = parent.querySelector(".map-heading");
    this.mark = parent.querySelector(".map-mark");
    this.problem = parent.querySelector(".map-problem");
    this.toggle = parent.querySelector(".map-hear");
    this.others = [];
    this.sound = new Audio();
    this.hearing = false;
    this.under = null;
    // Never the picture of another point while its own is on the way.
    this.picture.onload = () => (this.picture.style.visibility = "visible");
    this.picture.onerror = () => (this.picture.hidden = true);
    this.toggle.onclick = () => this.hear(!this.hearing);
    this.onKey = (event) => {
      const typing = event.target.closest?.("input, textarea, [contenteditable='true']");
      if (event.key.toLowerCase() === "h" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        // Each map hears the key; the others follow the click on a button alone.
        this.listen(!this.hearing);
      }
    };
    document.addEventListener("keydown", this.onKey);
    // Plotly's events in 3-D carry no place, and miss quick clicks.
    this.pointer = { x: 0, y: 0 };
    this.chart.addEventListener("pointermove", (event) => (this.pointer = placeOf(event)), true);
    this.chart.addEventListener("pointerdown", (event) => (this.pressed = placeOf(event)), true);
    this.chart.addEventListener("pointerup", (event) => this.release(placeOf(event)), true);
  }

  release(place) {
    const still = this.pressed && Math.hypot(place.x - this.pressed.x, place.y - this.pressed.y) < 4;
    if (this.solid && still && this.under !== null) this.choose(this.Plotly, this.under);
  }

  async show(data) {
    this.data = data;
    this.chart.setAttribute("aria-label", data.title);
    [...this.heading.children].forEach((part, i) => (part.innerText = data.heading?.[i] ?? ""));
    this.heading.hidden = !data.heading;
    this.numbers = data.numbers ? unpacked(data.numbers) : null;
    try {
      const Plotly = await plotly();
      this.Plotly = Plotly;
      if (this.data !== data || this.closed) return;
      if (data.figure !== this.drawn) {
        this.drawn = data.figure;
        await this.draw(Plotly, JSON.parse(data.figure));
      }
      this.pin(Plotly, data.pinned);
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }

  async draw(Plotly, figure) {
    const first = !this.chart.on;
    this.solid = figure.data[0]?.type === "scatter3d";
    this.ring = figure.data.length;
    const ring = {
      type: this.solid ? "scatter3d" : "scattergl",
      mode: "markers",
      x: [], y: [], z: [],
      hoverinfo: "skip",
      showlegend: false,
      marker: {
        size: this.solid ? 12 : 18,
        symbol: "circle-open",
        color: getComputedStyle(this.chart).getPropertyValue("--st-primary-color").trim(),
        line: { width: 3 },
      },
    };
    await Plotly.react(this.chart, [...figure.data, ring], figure.layout, CONFIG);
    if (this.marked) this.select(this.marked);
    if (!first) return;
    this.chart.on("plotly_hover", (event) => this.enter(event.points[0]));
    this.chart.on("plotly_unhover", () => this.leave());
    this.chart.on("plotly_click", (event) => {
      if (!this.solid) this.choose(Plotly, rowOf(event.points[0]));
    });
    this.chart.on("plotly_selected", (event) => {
      if (event?.points?.length) this.lassoed(event.points.map(rowOf));
    });
    this.chart.on("plotly_deselect", () => this.lassoed([]));
    this.chart.on("plotly_restyle", () => this.isolate());
    this.chart.on("plotly_relayout", () => this.unmark());
  }

  /** Choose one row instead of those inside a lasso, whose line would say otherwise. */
  choose(Plotly, row) {
    this.marked = null;
    if (this.chart.layout.selections?.length || this.dimmed()) {
      Plotly.update(this.chart, { selectedpoints: null }, { selections: [] });
    }
    for (const other of this.others) {
      other.select(null);
      other.pin(Plotly, row);
    }
    if (this.others.length) this.pin(Plotly, row);
    this.send([row]);
  }

  /** Tell the rows inside a lasso, or that there is none any more. */
  lassoed(rows) {
    this.marked = null;
    for (const other of this.others) other.select(rows.length ? rows : null);
    this.send(rows);
  }

  /** Mark rows that were chosen in another map, and no others; null marks none. */
  select(rows) {
    this.marked = rows;
    if (!this.chart.on || (rows === null && !this.dimmed() && !this.chart.layout.selections?.length)) return;
    const wanted = new Set(rows);
    const traces = this.chart._fullData.slice(0, this.ring);
    const points = traces.map((trace) => {
      if (rows === null) return null;
      const inside = [];
      trace.customdata.forEach((row, i) => wanted.has(row) && inside.push(i));
      return inside;
    });
    this.Plotly.update(this.chart, { selectedpoints: points }, { selections: [] }, traces.map((_, i) => i));
  }

  /** Tell whether some points are dimmed because others are selected. */
  dimmed() {
    return this.chart.data.some((trace) => trace.selectedpoints);
  }

  /** Show the same categories in the other maps as in this one, whose legend was used. */
  isolate() {
    const seen = this.chart._fullData.slice(0, this.ring).map((trace) => trace.visible);
    for (const other of this.others) {
      if (!other.chart.on || other.ring !== this.ring) continue;
      const theirs = other.chart._fullData.slice(0, this.ring).map((trace) => trace.visible);
      if (seen.some((visible, i) => visible !== theirs[i])) {
        this.Plotly.restyle(other.chart, { visible: seen }, seen.map((_, i) => i));
      }
    }
  }

  /** Find a row's point: its trace, and where in the trace it is. */
  find(row) {
    for (const trace of this.chart._fullData?.slice(0, this.ring) ?? []) {
      const i = trace.customdata.indexOf(row);
      if (i >= 0) return { trace, i };
    }
    return null;
  }

  /** Ring the row that the page shows. */
  pin(Plotly, row) {
    const place = { x: [[]], y: [[]], z: [[]] };
    const found = row === null ? null : this.find(row);
    if (found) {
      const { trace, i } = found;
      place.x = [[trace.x[i]]];
      place.y = [[trace.y[i]]];
      if (this.solid) place.z = [[trace.z[i]]];
    }
    if (!this.solid) delete place.z;
    Plotly.restyle(this.chart, place, [this.ring]);
  }

  enter(point) {
    clearTimeout(this.timer);
    const row = rowOf(point);
    this.under = row;
    for (const other of this.others) other.point(row);
    this.timer = setTimeout(() => {
      this.describe(row, point.text);
      this.place(this.pointer);
      if (this.hearing) this.play(this.data.sounds.replace("{row}", this.number(row)));
      for (const other of this.others) other.reveal(row);
    }, HOVER_MS);
  }

  /** Ring the row that is under the pointer in another map; this redraws nothing. */
  point(row) {
    const found = this.find(row);
    this.mark.hidden = !found || this.solid || found.trace.visible !== true;
    this.card.hidden = true;
    if (this.mark.hidden) return;
    const { xaxis, yaxis } = this.chart._fullLayout;
    const left = xaxis.d2p(found.trace.x[found.i]);
    const top = yaxis.d2p(found.trace.y[found.i]);
    const inside = left >= 0 && left <= xaxis._length && top >= 0 && top <= yaxis._length;
    this.mark.hidden = !inside;
    this.mark.style.left = `${this.chart.offsetLeft + xaxis._offset + left}px`;
    this.mark.style.top = `${this.chart.offsetTop + yaxis._offset + top}px`;
  }

  /** Show the card of the row that is under the pointer in another map. */
  reveal(row) {
    if (this.mark.hidden) return;
    const { trace, i } = this.find(row);
    this.describe(row, trace.text?.[i]);
    const ring = this.mark.getBoundingClientRect();
    this.place({ x: ring.left + ring.width / 2, y: ring.top + ring.height / 2 });
  }

  unmark() {
    this.mark.hidden = true;
  }

  /** Give the number that addresses know a row by. */
  number(row) {
    return this.numbers ? this.numbers[row] : row;
  }

  /** Fill the card. */
  describe(row, words) {
    this.look(row);
    // Never as HTML: names of recordings and classes come from outside.
    this.words.innerText = words ?? `Row ${this.number(row)}`;
    this.card.hidden = false;
  }

  /** Show a row's picture in the card. */
  look(row) {
    this.picture.hidden = this.data.pictures === null;
    this.picture.style.visibility = "hidden";
    if (!this.picture.hidden) this.picture.src = this.data.pictures.replace("{row}", this.number(row));
  }

  /** Put the card beside a place on the page, where it stays on the map. */
  place(at) {
    const box = this.chart.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.card;
    const x = at.x - box.left;
    const y = at.y - box.top;
    const left = x > box.width / 2 ? x - GAP_PX - width : x + GAP_PX;
    this.card.style.left = `${this.chart.offsetLeft + clamped(left, box.width - width)}px`;
    this.card.style.top = `${this.chart.offsetTop + clamped(y - height / 2, box.height - height)}px`;
  }

  leave() {
    clearTimeout(this.timer);
    this.under = null;
    this.card.hidden = true;
    this.sound.pause();
    for (const other of this.others) {
      other.unmark();
      other.card.hidden = true;
    }
  }

  /** One sound at a time: the next one takes the place of the last. */
  play(address) {
    this.sound.pause();
    this.sound.src = address;
    this.sound.play().catch((error) => {
      if (error.name === "NotAllowedError") this.hear(false);
    });
  }

  /** Play what is under the pointer, in every map that belongs to this one. */
  hear(wanted) {
    for (const map of [this, ...this.others]) map.listen(wanted);
  }

  listen(wanted) {
    this.hearing = wanted;
    this.toggle.setAttribute("aria-pressed", String(wanted));
    if (!wanted) this.sound.pause();
  }

  close() {
    this.closed = true;
    this.others = [];
    document.removeEventListener("keydown", this.onKey);
    this.leave();
    this.Plotly?.purge(this.chart);
  }
}
