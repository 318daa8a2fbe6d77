// The listening map as a Streamlit component. The map itself lives in modules that the server
// serves; this one gives it what the page says and tells the page what was chosen.
//
// data:  see embedviz/ui/map.py
// state: selection  name under which the server keeps the selected rows, or ""
//        pinned     the pinned row, or null
//        shown      {colour, names}: the names of a column that have colours of their own

const KEPT_MS = 150;
const mounted = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const place = parentElement.querySelector(".lm-place");
  let map = mounted.get(place);
  if (!map) mounted.set(place, (map = new Mounted(place)));
  map.set = setStateValue;
  map.show({ ...data, dark: isDark(place) });
  return () => {
    map.close();
    mounted.delete(place);
  };
}

class Mounted {
  constructor(place) {
    this.place = place;
  }

  /** Show data; while the modules load, only the last counts. */
  async show(data) {
    this.data = data;
    try {
      this.modules ??= Promise.all(["explore", "source", "packs"].map((name) => import(address(`/map/${name}.js`))));
      const [{ mountMap }, { Source }, { packedRows, unpackedRows, unpackedNumbers }] = await this.modules;
      if (this.data !== data || this.closed) return;
      this.packedRows = packedRows;
      if (this.map && this.map.state.count === data.count) this.change(data);
      else await this.start(data, mountMap, Source, unpackedNumbers);
      if (data.restore) await this.restore(data, unpackedRows);
      this.readdress();
    } catch (error) {
      this.place.textContent = error.message;
    }
  }

  async start(data, mountMap, Source, unpackedNumbers) {
    this.map?.close();
    this.map = null;
    const numbers = await Promise.all(data.maps.map((map) => map.numbers && bytes(map.numbers).then(unpackedNumbers)));
    this.numbers = numbers[0];
    this.sources = data.maps.map((map, i) => {
      const { columns, addresses, pictures } = map;
      return new Source({ count: data.count, columns, addresses, pictures, numbers: numbers[i], dark: data.dark });
    });
    this.map = mountMap(this.place, data, this.sources, {
      selected: (flags) => this.keep(flags),
      pinned: (row) => {
        this.set("pinned", row);
        this.readdress();
      },
      shown: (names) => this.set("shown", { colour: this.data.colour.name, names }),
    });
    await this.map.ready;
  }

  change(data) {
    data.maps.forEach(({ columns, addresses }, i) => this.sources[i].update({ columns, addresses }));
    for (const source of this.sources) source.dark = data.dark;
    this.map.update(data);
  }

  /** Let the server keep the selection: as bits, because the websocket carries little. */
  keep(flags) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(async () => {
      const answer = await fetch(this.data.selection, { method: "POST", body: this.packedRows(this.inFile(flags)) });
      if (!answer.ok) return;
      const { id, count } = await answer.json();
      this.kept = count ? id : "";
      this.set("selection", this.kept);
      this.readdress();
    }, KEPT_MS);
  }

  /** Let the page's address say what is seen, without a step of its own on the way back. */
  readdress() {
    if (!this.data.address) return;
    const address = new URL(location.href);
    const said = { ...this.data.address, sel: this.kept || null, pin: this.map.state.pinned };
    for (const [name, value] of Object.entries(said)) {
      if (value === null) address.searchParams.delete(name);
      else address.searchParams.set(name, value);
    }
    history.replaceState(history.state, "", address);
  }

  /** Select what an address or another page asks for, once. */
  async restore(data, unpackedRows) {
    if (this.kept !== undefined) return;
    this.kept = data.restore;
    const rows = unpackedRows(await bytes(`${data.selection}/${data.restore}`), data.total);
    const own = this.numbers && new Map(Array.from(this.numbers, (number, row) => [number, row]));
    this.map.state.select(own ? rows.filter((row) => own.has(row)).map((row) => own.get(row)) : rows);
  }

  /** Give the flags of all rows of the first set's file, of which a map may show a part. */
  inFile(flags) {
    if (!this.numbers) return flags;
    const every = new Uint8Array(this.data.total);
    this.numbers.forEach((number, row) => (every[number] = flags[row]));
    return every;
  }

  close() {
    this.closed = true;
    clearTimeout(this.waiting);
    this.map?.close();
  }
}

function address(path) {
  return new URL(path, document.baseURI).href;
}

async function bytes(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.arrayBuffer();
}

/** Tell whether the page's ground is dark. */
function isDark(element) {
  const ground = getComputedStyle(element).getPropertyValue("--st-background-color");
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(ground.trim().slice(at, at + 2), 16));
  return 0.3 * red + 0.6 * green + 0.1 * blue < 128;
}
