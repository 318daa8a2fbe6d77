// Files on their way to the server, in pieces: each piece says where it belongs, so that a cut
// connection goes on where it was, and nobody ever holds a whole file in memory.
//
// Lives as long as the tab: another page of the app may be looked at meanwhile.

const PIECE_BYTES = 8 << 20;
const AT_ONCE = 4;
const LONGEST_PAUSE_MS = 15_000;
const MOST_ERRORS = 6;
const FORGET_AFTER_MS = 400;
const ELSEWHERE_MS = 700;
const TOLD_EVERY_MS = 200;
const MEMORY_S = 8;

const known = new Map();

/** Give the files on their way to an address; the same for everybody who asks. */
export function sendingTo(address) {
  if (!known.has(address)) known.set(address, new Sending(address));
  return known.get(address);
}

class Sending {
  constructor(address) {
    this.address = address;
    this.listeners = new Set();
    this.clear();
    addEventListener("beforeunload", (event) => this.busy && event.preventDefault());
  }

  /** Forget what has ended. */
  clear() {
    this.files = [];
    this.grown = this.seconds = 0;
    this.last = null;
  }

  get busy() {
    return this.files.some((file) => file.open);
  }

  get counts() {
    const counts = { waiting: 0, sending: 0, done: 0, failed: 0, cancelled: 0 };
    for (const file of this.files) counts[file.state] += 1;
    return counts;
  }

  /** Bytes that are there and that will be, of all files that were not given up. */
  get bytes() {
    const wanted = this.files.filter((file) => file.open || file.state === "done");
    return { done: sum(wanted.map((file) => file.sent)), total: sum(wanted.map((file) => file.size)) };
  }

  /** Bytes a second over the last seconds; null until it can be told. */
  get pace() {
    return this.seconds > 1 && this.grown > 0 ? this.grown / this.seconds : null;
  }

  /** Be told whenever something changed, and `finished` with a number when nothing is left to send. */
  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Send files: `{file, path}`, the path with its folders. A file on its way already is not sent twice. */
  add(found) {
    if (!this.busy) this.clear();
    const there = new Set(this.files.filter((file) => file.open).map((file) => file.id));
    for (const { file, path } of found) {
      const one = new Outgoing(this, file, path);
      if (!there.has(one.id)) this.files.push(one);
      there.add(one.id);
    }
    this.changed();
    this.next();
  }

  cancel() {
    // The waiting ones first, or each would begin before it ends.
    for (const file of [...this.files].reverse()) file.cancel();
  }

  next() {
    const free = AT_ONCE - this.counts.sending;
    for (const file of this.files.filter((one) => one.state === "waiting").slice(0, free)) file.send();
    if (this.files.length && !this.busy) this.tell((listener) => listener.finished(this.counts.done));
    this.changed();
  }

  changed() {
    this.measure();
    // Two thousand files say much more than anybody could see.
    this.soon ??= setTimeout(() => {
      this.soon = null;
      this.tell((listener) => listener.changed());
    }, TOLD_EVERY_MS);
  }

  measure() {
    const [now, { done }] = [performance.now() / 1000, this.bytes];
    if (this.last && now - this.last.now < 0.1) return;
    if (this.last && done >= this.last.done) {
      const kept = Math.exp((this.last.now - now) / MEMORY_S);
      this.grown = this.grown * kept + done - this.last.done;
      this.seconds = this.seconds * kept + now - this.last.now;
    }
    this.last = { now, done };
  }

  tell(say) {
    for (const listener of this.listeners) say(listener);
  }
}

class Outgoing {
  constructor(all, file, path) {
    [this.all, this.file, this.path, this.size] = [all, file, path, file.size];
    // The same for the same file: brought again after a crash, it goes on where it was.
    this.id = named(`${path}\n${file.size}\n${file.lastModified}`);
    this.state = "waiting";
    this.sent = 0;
    this.note = "";
  }

  get open() {
    return this.state === "waiting" || this.state === "sending";
  }

  cancel() {
    if (!this.open) return;
    this.end("cancelled");
    this.request?.abort();
    this.wake?.();
  }

  async send() {
    this.state = "sending";
    try {
      let [offset, done] = [0, false];
      // It may be there whole: the last answer is lost as easily as any other.
      if (this.size > PIECE_BYTES) ({ offset, done } = await this.lasting(() => this.ask("GET")));
      while (!done && this.open) {
        this.sent = offset;
        const at = offset;
        ({ offset, done } = await this.lasting(() => this.put(at)));
      }
      if (this.open) this.end("done");
    } catch (error) {
      if (this.open) this.end("failed", error.message);
    }
  }

  end(state, note = "") {
    const left = state !== "done" && this.state !== "waiting";
    [this.state, this.note] = [state, note];
    if (state === "done") this.sent = this.size;
    // Only when the server has noticed that the piece on its way was broken off.
    if (left) setTimeout(() => request("DELETE", this.url()).answer.catch(() => {}), FORGET_AFTER_MS);
    this.all.next();
  }

  url(offset) {
    const url = new URL(this.id, this.all.address);
    url.searchParams.set("name", this.path);
    url.searchParams.set("size", this.size);
    if (offset !== undefined) url.searchParams.set("offset", offset);
    return url;
  }

  ask(method) {
    this.request = request(method, this.url());
    return this.request.answer;
  }

  async put(offset) {
    const piece = this.file.slice(offset, offset + PIECE_BYTES);
    this.request = request("PUT", this.url(offset), piece, (loaded) => {
      this.sent = offset + Math.min(loaded, piece.size);
      this.all.changed();
    });
    const answer = await this.request.answer;
    // Another piece is being written there, perhaps the same by a connection that was cut.
    if (answer.elsewhere) await this.pause(ELSEWHERE_MS);
    return answer;
  }

  /** Try until it works: a connection comes back; an answer that refuses is final. */
  async lasting(attempt) {
    for (let [tries, errors] = [0, 0]; ; tries++) {
      try {
        const found = await attempt();
        this.note = "";
        return found;
      } catch (error) {
        errors += error.status ? 1 : 0;
        if (!this.open || error.final || errors > MOST_ERRORS) throw error;
        await this.readable();
        this.note = "The connection is lost; trying again";
        this.all.changed();
        await this.pause(Math.min(LONGEST_PAUSE_MS, 500 * 2 ** tries));
        if (!this.open) throw error;
      }
    }
  }

  /** A file that was changed or taken away looks like a lost connection. */
  async readable() {
    try {
      await this.file.slice(0, 1).arrayBuffer();
    } catch {
      throw new Error(`${this.path} was changed or taken away while it was sent; add it again.`);
    }
  }

  pause(milliseconds) {
    return new Promise((resolve) => {
      this.wake = resolve;
      setTimeout(resolve, milliseconds);
    });
  }
}

/** Ask the server; unlike `fetch` it tells how much has been sent. */
function request(method, url, body = null, progress = null) {
  const asked = new XMLHttpRequest();
  const answer = new Promise((resolve, reject) => {
    asked.open(method, url);
    asked.onload = () => {
      const elsewhere = asked.status === 409;
      if (asked.status === 200 || elsewhere) resolve({ ...JSON.parse(asked.responseText), elsewhere });
      else reject(refusal(asked));
    };
    asked.onerror = asked.onabort = asked.ontimeout = () => reject(new Error("The connection is lost."));
    if (progress) asked.upload.onprogress = (event) => progress(event.loaded);
    asked.send(body);
  });
  return { answer, abort: () => asked.abort() };
}

function refusal({ status, responseText }) {
  const final = (status >= 400 && status < 500) || status === 507;
  const sentence = final ? responseText : `The server answered with an error (${status}).`;
  return Object.assign(new Error(sentence), { status, final });
}

/** Sixteen hexadecimal digits out of a text; `crypto.subtle` is missing where there is no HTTPS. */
function named(text) {
  let [one, two] = [0xdeadbeef, 0x41c6ce57];
  for (const letter of new TextEncoder().encode(text)) {
    one = Math.imul(one ^ letter, 2654435761);
    two = Math.imul(two ^ letter, 1597334677);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  return [one, two].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
