// What was asked for is kept for a while, up to a size.

/** How many rows' facts are kept, and how large their sheets of pictures may be together. */
export const ROWS_KEPT = 200;
export const SHEETS_KEPT_BYTES = 128e6;

/** Things by key, up to a size in all; the one used longest ago goes first. */
export class Kept {
  size = 0;
  things = new Map();

  constructor(most) {
    this.most = most;
  }

  get(key) {
    const found = this.things.get(key);
    if (!found) return undefined;
    this.things.delete(key);
    this.things.set(key, found);
    return found.thing;
  }

  set(key, thing, size = 1) {
    this.delete(key);
    this.things.set(key, { thing, size });
    this.size += size;
    for (const oldest of this.things.keys()) {
      if (this.size <= this.most || this.things.size === 1) break;
      this.delete(oldest);
    }
  }

  delete(key) {
    this.size -= this.things.get(key)?.size ?? 0;
    this.things.delete(key);
  }

  clear() {
    this.things.clear();
    this.size = 0;
  }

  /** Give the promise that `ask` made for a key before, or ask now; what failed is asked again. */
  once(key, ask, size = 1) {
    const before = this.get(key);
    if (before) return before;
    const answer = ask();
    this.set(key, answer, size);
    answer.catch(() => {
      if (this.things.get(key)?.thing === answer) this.delete(key);
    });
    return answer;
  }
}
