// Where files, folders and archives are dropped or chosen, as a Streamlit component.
//
// data:    address     where files are sent, see embedviz/served/uploads.py
//          extensions  of recordings, archives and tables; other files of a folder stay away
//          hint        what is taken
// trigger: finished    how many files are there since, once none is left to send

const MOST_TROUBLE = 5;
const SAID_EVERY = 0.25;
const mounted = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const place = parentElement.querySelector(".up");
  let zone = mounted.get(place);
  if (!zone) mounted.set(place, (zone = new Zone(place)));
  zone.finish = (count) => setTriggerValue("finished", count);
  zone.show(data);
  return () => {
    zone.close();
    mounted.delete(place);
  };
}

function sendingModule() {
  return import(new URL("/map/sending.js", document.baseURI).href);
}

class Zone {
  constructor(place) {
    this.place = place;
    this.part = (name) => place.querySelector(`.up-${name}`);
    const [files, folder] = place.querySelectorAll("input");
    this.part("files").onclick = () => files.click();
    this.part("folder").onclick = () => folder.click();
    files.onchange = () => this.bring(this.everything([...files.files]), files);
    folder.onchange = () => this.bring(this.sounds([...folder.files].map(withFolders)), folder);
    this.part("stop").onclick = () => this.sending.cancel();
    const zone = this.part("zone");
    zone.ondragover = (event) => {
      event.preventDefault();
      zone.classList.add("up-over");
    };
    zone.ondragleave = (event) => zone.contains(event.relatedTarget) || zone.classList.remove("up-over");
    zone.ondrop = (event) => {
      event.preventDefault();
      zone.classList.remove("up-over");
      this.drop([...event.dataTransfer.items]);
    };
    this.part("list").replaceChildren();
    this.lines = new Map();
    this.ready = new Promise((resolve) => (this.isReady = resolve));
  }

  async show(data) {
    this.data = data;
    this.part("hint").textContent = data.hint;
    const { sendingTo } = await sendingModule();
    if (this.closed || this.sending?.address === data.address) return;
    this.leave?.();
    this.sending = sendingTo(data.address);
    this.leave = this.sending.listen({
      changed: () => this.draw(),
      finished: (count) => {
        this.draw();
        this.sumUp(this.sending.counts);
        if (count) this.finish(count);
      },
    });
    this.draw();
    this.isReady();
  }

  /** Send what was chosen; the field is emptied, so that the same can be chosen again. */
  async bring(found, field) {
    if (field) field.value = "";
    // A quick hand, or a test, is here before the module.
    await this.ready;
    if (found.length) this.sending.add(found);
    else this.say("There are no sound files, zip archives or tables in this folder.");
  }

  async drop(items) {
    // Both must be asked for before the first wait: the browser forgets them.
    const files = items.filter((item) => item.kind === "file");
    const dropped = files.map((item) => [item.webkitGetAsEntry?.(), item.getAsFile()]);
    const alone = dropped.filter(([entry]) => !entry?.isDirectory).map(([, file]) => file);
    const folders = dropped.filter(([entry]) => entry?.isDirectory);
    try {
      const inside = await Promise.all(folders.map(([entry]) => inFolder(entry)));
      this.bring([...this.everything(alone), ...this.sounds(inside.flat())]);
    } catch (error) {
      this.say(`The folder cannot be read (${error.message}); choose it by the button.`);
    }
  }

  /** Take single files whatever they are called: each gets its sentence. */
  everything(files) {
    this.aside = 0;
    return files.map((file) => ({ file, path: file.name }));
  }

  /** Leave away what is hidden and what can be no recording. */
  sounds(found) {
    const wanted = new Set(this.data.extensions);
    const kept = found.filter(({ path }) => {
      const name = path.split("/").at(-1);
      return !/(^|\/)\./.test(path) && wanted.has(name.slice(name.lastIndexOf(".")).toLowerCase());
    });
    this.aside = found.length - kept.length;
    return kept;
  }

  draw() {
    const { sending } = this;
    const { busy } = sending;
    this.place.classList.toggle("up-busy", busy);
    for (const name of ["all", "bar"]) this.part(name).hidden = !busy;
    const { done, total } = sending.bytes;
    if (busy) {
      this.part("words").textContent = progressWords(sending);
      this.part("bar").value = total ? done / total : 0;
      this.announce(total ? done / total : 0);
    }
    // Of a single file the line above says all.
    const several = sending.files.length > 1;
    this.drawLines(several ? sending.files.filter((file) => file.state === "sending") : []);
    this.drawTrouble(sending.files.filter((file) => file.state === "failed"));
  }

  /** Keep one line a file in flight. */
  drawLines(files) {
    for (const [file, line] of this.lines) {
      if (files.includes(file)) continue;
      line.row.remove();
      this.lines.delete(file);
    }
    for (const file of files) {
      let line = this.lines.get(file);
      if (!line) this.lines.set(file, (line = this.newLine(file)));
      line.bar.value = file.size ? file.sent / file.size : 0;
      line.words.textContent = file.note || `${amount(file.sent, file.size)} of ${amount(file.size, file.size)} MB`;
    }
  }

  newLine(file) {
    const row = element("li", "up-line");
    const name = element("span", "up-name", file.path);
    name.title = file.path;
    const bar = element("progress");
    [bar.max, bar.ariaLabel] = [1, file.path];
    const words = element("span", "up-amount");
    const stop = element("button", "up-one", "Cancel");
    [stop.type, stop.ariaLabel, stop.onclick] = ["button", `Cancel ${file.path}`, () => file.cancel()];
    row.append(name, bar, words, stop);
    this.part("list").append(row);
    return { row, bar, words };
  }

  drawTrouble(files) {
    const rows = files.slice(0, MOST_TROUBLE).map((file) => element("li", "", file.note));
    if (files.length > MOST_TROUBLE) rows.push(element("li", "", `and ${number(files.length - MOST_TROUBLE)} more`));
    this.part("trouble").replaceChildren(...rows);
  }

  /** Say to a screen reader how it goes; not with every piece. */
  announce(share) {
    const step = Math.floor(share / SAID_EVERY);
    if (this.step !== step) this.say(step > 0 ? `${step * 100 * SAID_EVERY} % are there.` : "Sending has begun.");
    this.step = step;
  }

  /** Say to everybody what became of it. */
  sumUp({ done, failed, cancelled }) {
    this.step = undefined;
    const parts = [done && `${counted(done, "file")} added`, failed && `${number(failed)} not taken`];
    parts.push(cancelled && `${number(cancelled)} cancelled`);
    parts.push(this.aside && `${number(this.aside)} of other kinds left aside`);
    this.say(`${parts.filter(Boolean).join(", ")}.`);
  }

  say(words) {
    this.part("said").textContent = words;
  }

  close() {
    this.closed = true;
    this.leave?.();
  }
}

function progressWords(sending) {
  const { files, counts, pace } = sending;
  const { done, total } = sending.bytes;
  const wanted = files.length - counts.cancelled - counts.failed;
  const [only, other] = files;
  const words = [other ? `${number(counts.done)} of ${counted(wanted, "file")}` : only.path];
  words.push(`${amount(done, total)} of ${amount(total, total)} MB`);
  if (!other && only.note) words.push(only.note);
  else if (pace) words.push(`${(pace / 1e6).toFixed(1)} MB/s`, `${clock(Math.max(1, (total - done) / pace))} left`);
  return words.join(" · ");
}

/** Megabytes, with a decimal where there are few. */
function amount(bytes, of) {
  return (bytes / 1e6).toLocaleString("en", { minimumFractionDigits: of < 1e8 ? 1 : 0, maximumFractionDigits: of < 1e8 ? 1 : 0 });
}

function clock(seconds) {
  const [hours, minutes, rest] = [seconds / 3600, (seconds % 3600) / 60, seconds % 60].map(Math.floor);
  const two = (count) => String(count).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

function number(count) {
  return count.toLocaleString("en");
}

function counted(count, word) {
  return `${number(count)} ${word}${count === 1 ? "" : "s"}`;
}

function element(tag, className = "", text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

function withFolders(file) {
  return { file, path: file.webkitRelativePath || file.name };
}

/** Give all files below a dropped folder; a browser hands them out a hundred at a time. */
async function inFolder(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const entry of some) {
      if (entry.isDirectory) found.push(...(await inFolder(entry)));
      else found.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path: entry.fullPath.slice(1) });
    }
  }
}
