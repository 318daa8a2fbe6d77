// Columns, coordinates and sets of rows as the server packs them: numbers in little-endian bytes,
// because a hundred thousand rows as JSON would be megabytes.

/** One column: a number for every row. */
export class Numbers {
  kind = "numbers";

  constructor(header, values) {
    Object.assign(this, header);
    this.values = values;
  }

  /** Give a row's value in words, with as many digits as those of its neighbours in a table. */
  text(row) {
    const value = this.values[row];
    if (Number.isNaN(value)) return "";
    this.whole ??= this.values.every((one) => Number.isInteger(one) || Number.isNaN(one));
    const digits = this.whole ? String(value) : value.toFixed(3);
    return this.unit ? `${digits} ${this.unit}` : digits;
  }

  /** Give the same column for other rows. */
  of(rows) {
    return new Numbers({ ...this }, Float64Array.from(rows, (row) => this.values[row]));
  }
}

/** One column: a name for every row, each name kept once. */
export class Names {
  kind = "names";

  constructor(header, codes) {
    Object.assign(this, header);
    this.codes = codes;
  }

  text(row) {
    return this.names[this.codes[row]];
  }

  of(rows) {
    return new Names({ ...this }, Uint32Array.from(rows, (row) => this.codes[row]));
  }
}

const ARRAYS = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
};

/**
 * Unpack a column.
 * @param {ArrayBuffer} buffer
 * @returns {Numbers | Names}
 */
export function unpackedColumn(buffer) {
  const { header, values } = unpacked(buffer);
  return header.kind === "names" ? new Names(header, values) : new Numbers(header, values);
}

/** Unpack the places of all rows: coordinates (count * dims). */
export function unpackedPoints(buffer) {
  const { header, values } = unpacked(buffer);
  return { coordinates: values, dims: header.dims };
}

/** Unpack plain numbers, such as the rows that a part of a file consists of. */
export function unpackedNumbers(buffer) {
  return unpacked(buffer).values;
}

/** Four bytes hold the length of a JSON header, which follows; then come the values. */
function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { header, values: new ARRAYS[header.dtype](buffer, 4 + length, header.count) };
}

/**
 * Pack rows as one bit each: 100,000 rows are 12.5 kB, whichever are chosen.
 * @param {Uint8Array} chosen one byte a row, not 0 where it is chosen
 */
export function packedRows(chosen) {
  const bits = new Uint8Array(Math.ceil(chosen.length / 8));
  for (let row = 0; row < chosen.length; row++) {
    if (chosen[row]) bits[row >> 3] |= 1 << (row & 7);
  }
  return bits;
}

/**
 * Give the rows whose bits are set.
 * @param {ArrayBuffer} buffer
 * @param {number} count of all rows
 */
export function unpackedRows(buffer, count) {
  const bits = new Uint8Array(buffer);
  const rows = [];
  for (let row = 0; row < count; row++) {
    if (bits[row >> 3] & (1 << (row & 7))) rows.push(row);
  }
  return rows;
}

/** Give the bytes of a base64 text. */
export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
