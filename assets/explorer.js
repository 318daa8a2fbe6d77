// The map of sounds. Plotly's own JavaScript draws it; the picture and the sound of the point
// under the pointer come by address from the server, so nothing here waits for a rerun.
//
// data:  figure    Plotly figure as JSON; every point's customdata is its row
//        title     what the map shows, for those who do not see it
//        pictures  address of a row's spectrogram, with {row} where its number goes, or null
//        sounds    address of a row's sound, likewise
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

const maps = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let map = maps.get(parentElement);
  if (!map) {
    map = new SoundMap(parentElement);
    maps.set(parentElement, map);
  }
  map.send = (rows) => setStateValue("rows", packed(rows));
  map.show(data);
  return () => {
    map.close();
    maps.delete(parentElement);
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

const placeOf = (event) => ({ x: event.clientX, y: event.clientY });
const clamped = (value, most) => Math.max(0, Math.min(value, most));
const rowOf = (point) => Number([point.customdata].flat()[0]);

class SoundMap {
  constructor(parent) {
    this.chart = parent.querySelector(".map-chart");
    this.card = parent.querySelector(".map-card");
    this.picture = this.card.querySelector("img");
    this.words = this.card.querySelector("p");
    this.problem = parent.querySelector(".map-problem");
    this.toggle = parent.querySelector(".map-hear");
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
        this.hear(!this.hearing);
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
    if (this.solid && still && this.under !== null) this.send([this.under]);
  }

  async show(data) {
    this.data = data;
    this.chart.setAttribute("aria-label", data.title);
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
    if (!first) return;
    this.chart.on("plotly_hover", (event) => this.enter(event.points[0]));
    this.chart.on("plotly_unhover", () => this.leave());
    this.chart.on("plotly_click", (event) => {
      if (!this.solid) this.choose(Plotly, rowOf(event.points[0]));
    });
    this.chart.on("plotly_selected", (event) => {
      if (event?.points?.length) this.send(event.points.map(rowOf));
    });
    this.chart.on("plotly_deselect", () => this.send([]));
  }

  /** Choose one row instead of those inside a lasso, whose line would say otherwise. */
  choose(Plotly, row) {
    if (this.chart.layout.selections?.length) {
      Plotly.update(this.chart, { selectedpoints: null }, { selections: [] });
    }
    this.send([row]);
  }

  /** Ring the row that the page shows. */
  pin(Plotly, row) {
    const place = { x: [[]], y: [[]], z: [[]] };
    for (const trace of this.chart.data.slice(0, this.ring)) {
      const full = this.chart._fullData[this.chart.data.indexOf(trace)];
      const at = row === null ? -1 : full.customdata.indexOf(row);
      if (at < 0) continue;
      place.x = [[full.x[at]]];
      place.y = [[full.y[at]]];
      if (this.solid) place.z = [[full.z[at]]];
    }
    if (!this.solid) delete place.z;
    Plotly.restyle(this.chart, place, [this.ring]);
  }

  enter(point) {
    clearTimeout(this.timer);
    const row = rowOf(point);
    this.under = row;
    this.timer = setTimeout(() => {
      this.look(row);
      // Never as HTML: names of recordings and classes come from outside.
      this.words.innerText = point.text ?? `Row ${row}`;
      this.card.hidden = false;
      this.place();
      if (this.hearing) this.play(this.data.sounds.replace("{row}", row));
    }, HOVER_MS);
  }

  /** Show a row's picture in the card. */
  look(row) {
    this.picture.hidden = this.data.pictures === null;
    this.picture.style.visibility = "hidden";
    if (!this.picture.hidden) this.picture.src = this.data.pictures.replace("{row}", row);
  }

  /** Put the card beside the pointer, where it stays on the map. */
  place() {
    const box = this.chart.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.card;
    const x = this.pointer.x - box.left;
    const y = this.pointer.y - box.top;
    const left = x > box.width / 2 ? x - GAP_PX - width : x + GAP_PX;
    this.card.style.left = `${clamped(left, box.width - width)}px`;
    this.card.style.top = `${clamped(y - height / 2, box.height - height)}px`;
  }

  leave() {
    clearTimeout(this.timer);
    this.under = null;
    this.card.hidden = true;
    this.sound.pause();
  }

  /** One sound at a time: the next one takes the place of the last. */
  play(address) {
    this.sound.pause();
    this.sound.src = address;
    this.sound.play().catch((error) => {
      if (error.name === "NotAllowedError") this.hear(false);
    });
  }

  hear(wanted) {
    this.hearing = wanted;
    this.toggle.setAttribute("aria-pressed", String(wanted));
    if (!wanted) this.sound.pause();
  }

  close() {
    this.closed = true;
    document.removeEventListener("keydown", this.onKey);
    this.leave();
    this.Plotly?.purge(this.chart);
  }
}
