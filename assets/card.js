// Points in few words and a small picture: the card beside the pointer, and a point's neighbours.

const GAP_PX = 16;
const MOST_LABELS = 3;
const MOST_NEIGHBOURS = 10;
/** Columns say it where a row has no name. */
const UNKNOWN = "unknown";

/** Put a new element into another and give it; `words` are never read as HTML. */
export function put(parent, name, className = "", words = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (words) element.textContent = words;
  parent.append(element);
  return element;
}

/** Draw a picture on a canvas, a pixel of the one on a pixel of the other. */
export function paint(canvas, picture) {
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d").drawImage(picture, 0, 0);
}

/** Take the picture off a canvas, which keeps its place. */
export function wipe(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
}

/** Give a time span in words, from and to in seconds. */
export function span(start_s, stop_s) {
  return `${start_s.toFixed(2)} – ${stop_s.toFixed(2)} s`;
}

/** Name all that what is shown of a row depends on, to tell whether it has changed. */
export function looks(source) {
  return [source.dark, ...source.columns.map(({ url }) => url)].join(" ");
}

/** What is said of a row in few words, from the columns that its set has. */
export class Words {
  #columns = {};

  constructor(source) {
    this.source = source;
    this.load();
  }

  /** Learn the columns, anew where they have changed. */
  load() {
    const { source } = this;
    const names = source.columns.filter((column) => column.kind === "names").map((column) => column.name);
    const first = names.findIndex((name) => name === "recording" || name === "top_class");
    // Labels come first: they are what people gave to tell their recordings apart.
    const labels = names.slice(0, first < 0 ? 0 : first);
    const usual = names.filter((name) => name === "label");
    this.labelNames = labels.length > 0 ? labels.slice(0, MOST_LABELS) : usual;
    const wanted = ["recording", "start_s", "stop_s", "top_class", ...this.labelNames];
    const known = new Set(source.columns.map((column) => column.name));
    const load = async (name) => (this.#columns[name] = await source.column(name));
    /** Settles when all are there; what failed to load is left out. */
    this.ready = Promise.allSettled(wanted.filter((name) => known.has(name)).map(load));
    return this.ready;
  }

  /** Give a column's value of a row as text; nothing where it is missing. */
  text(name, row) {
    return this.#columns[name]?.text(row) ?? "";
  }

  recording(row) {
    return this.text("recording", row) || `Row ${row}`;
  }

  span(row) {
    const { start_s: starts, stop_s: stops } = this.#columns;
    return starts && stops ? span(starts.values[row], stops.values[row]) : "";
  }

  labels(row) {
    return this.labelNames.map((name) => this.known(name, row)).filter(Boolean);
  }

  topClass(row) {
    return this.known("top_class", row);
  }

  /** Give a name, unless it stands for none. */
  known(name, row) {
    const text = this.text(name, row);
    return text === UNKNOWN ? "" : text;
  }

  /** Give all of it as one sentence, for those who hear it. */
  sentence(row) {
    const parts = [...this.labels(row), this.recording(row), this.span(row).replace("–", "to")];
    return parts.filter(Boolean).join(", ");
  }
}

export class Card {
  constructor(parent, state, source) {
    Object.assign(this, { state, source });
    this.words = new Words(source);
    this.element = put(parent, "div", "lm-card");
    this.element.dataset.testid = "hover-card";
    // The panel and the table say the same aloud.
    this.element.setAttribute("aria-hidden", "true");
    this.element.hidden = true;
    this.canvas = put(this.element, "canvas", "lm-pixels");
    this.canvas.hidden = !source.has("picture");
    this.lines = ["labels", "name", "span", "class"].map((part) => put(this.element, "p", `lm-card-${part}`));
    state.addEventListener("hover", () => this.show(state.hovered));
    this.words.ready.then(() => this.describe(state.hovered));
    this.looks = looks(source);
  }

  show(row) {
    this.element.hidden = row === null;
    delete this.element.dataset.row;
    wipe(this.canvas);
    this.describe(row);
    if (row !== null) this.look(row);
  }

  /** Draw the row's picture when it comes, unless another row is under the pointer by then. */
  async look(row) {
    const picture = this.source.has("picture") ? await this.source.picture(row).catch(() => null) : null;
    if (this.state.hovered !== row) return;
    this.canvas.hidden = picture === null;
    if (picture) paint(this.canvas, picture);
    this.element.dataset.row = row;
  }

  describe(row) {
    if (row === null) return;
    const { words } = this;
    const texts = [words.labels(row).join(" · "), words.recording(row), words.span(row), words.topClass(row)];
    this.lines.forEach((line, i) => {
      line.textContent = texts[i];
      line.hidden = texts[i] === "";
    });
  }

  /** Follow another theme and columns that have changed. */
  async refresh() {
    if (looks(this.source) === this.looks) return;
    this.looks = looks(this.source);
    await this.words.load();
    this.show(this.state.hovered);
  }

  /**
   * Put the card beside a place, where it stays in the box; both in pixels of the parent.
   * @param {{x: number, y: number}} at
   * @param {{left: number, top: number, width: number, height: number}} box
   */
  place(at, box) {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const beyond = at.x - box.left > box.width / 2;
    const left = beyond ? at.x - GAP_PX - width : at.x + GAP_PX;
    this.element.style.left = `${clamped(left, box.left, box.left + box.width - width)}px`;
    this.element.style.top = `${clamped(at.y - height / 2, box.top, box.top + box.height - height)}px`;
  }
}

/** The rows nearest to one in embedding space, as buttons that pin them. */
export class Neighbours {
  constructor(parent, state, source, words) {
    Object.assign(this, { state, source, words });
    this.list = put(parent, "ol", "lm-neighbours");
    this.problem = put(parent, "p", "lm-sentence");
    // The buttons stay when the rows change, so that the keyboard keeps its place.
    const most = Math.max(0, Math.min(MOST_NEIGHBOURS, state.count - 1));
    this.places = Array.from({ length: most }, () => this.place());
  }

  place() {
    const item = put(this.list, "li");
    const button = put(item, "button", "lm-neighbour");
    button.type = "button";
    const place = { item, button, row: null, canvas: put(button, "canvas", "lm-pixels") };
    place.canvas.hidden = !this.source.has("picture");
    place.distance = put(button, "span", "lm-neighbour-distance");
    place.name = put(button, "span", "lm-neighbour-name");
    const { state } = this;
    button.addEventListener("click", () => place.row !== null && state.pin(place.row));
    for (const event of ["pointerenter", "focus"]) button.addEventListener(event, () => state.hover(place.row));
    for (const event of ["pointerleave", "blur"]) button.addEventListener(event, () => state.hover(null));
    return place;
  }

  /** Take the rows off; their places stay. */
  clear() {
    this.row = null;
    this.problem.textContent = "";
    for (const place of this.places) this.fill(place, null);
  }

  async show(row) {
    this.clear();
    this.row = row;
    try {
      const { rows, distances } = await this.source.nearest(row, MOST_NEIGHBOURS);
      await this.words.ready;
      if (this.row !== row) return;
      this.places.forEach((place, i) => {
        place.item.hidden = i >= rows.length;
        this.fill(place, rows[i] ?? null, distances[i]);
      });
    } catch (error) {
      if (this.row === row) this.problem.textContent = error.message;
    }
  }

  /** Fill a place, or empty it. It is never disabled: that would take the keyboard away from it. */
  fill(place, row, distance = NaN) {
    const { words } = this;
    const { button } = place;
    place.row = row;
    wipe(place.canvas);
    delete button.dataset.row;
    place.distance.textContent = row === null ? "" : distance.toFixed(3);
    place.name.textContent = row === null ? "" : words.labels(row)[0] || words.recording(row);
    button.title = row === null ? "" : words.sentence(row);
    const label = row === null ? "On its way" : `${words.sentence(row)}, distance ${distance.toFixed(3)}`;
    button.setAttribute("aria-label", label);
    if (row === null) return;
    button.dataset.row = row;
    if (this.source.has("picture")) this.look(place, row);
  }

  async look(place, row) {
    const picture = await this.source.small(row).catch(() => null);
    if (picture && place.row === row) paint(place.canvas, picture);
  }
}

function clamped(value, least, most) {
  return Math.max(least, Math.min(value, most));
}
