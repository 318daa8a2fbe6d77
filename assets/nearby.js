// Which rows lie near a place on the screen, or inside a line drawn on it. Looking at every row
// takes about a millisecond for 100,000, so there is no index that could be out of date.

/** Give where a row lies in the area, in pixels; null behind the camera. */
export function placeOf(row, { coordinates, dims, matrix, area }) {
  const x = coordinates[dims * row];
  const y = coordinates[dims * row + 1];
  const z = dims === 3 ? coordinates[3 * row + 2] : 0;
  const w = matrix[3] * x + matrix[7] * y + matrix[11] * z + matrix[15];
  if (!(w > 0)) return null;
  const right = (matrix[0] * x + matrix[4] * y + matrix[8] * z + matrix[12]) / w;
  const up = (matrix[1] * x + matrix[5] * y + matrix[9] * z + matrix[13]) / w;
  return {
    x: area.left + ((right + 1) / 2) * area.width,
    y: area.top + ((1 - up) / 2) * area.height,
  };
}

/** Call `look(row, x, y)` for every visible row that lies in the area, with its place in pixels. */
export function eachPlace(map, hidden, look) {
  const { coordinates, dims, matrix: m, area } = map;
  const { left, top, width, height } = area;
  for (let row = 0; row < hidden.length; row++) {
    if (hidden[row]) continue;
    const x = coordinates[dims * row];
    const y = coordinates[dims * row + 1];
    const z = dims === 3 ? coordinates[3 * row + 2] : 0;
    const w = m[3] * x + m[7] * y + m[11] * z + m[15];
    const right = (m[0] * x + m[4] * y + m[8] * z + m[12]) / w;
    const up = (m[1] * x + m[5] * y + m[9] * z + m[13]) / w;
    if (w > 0 && right >= -1 && right <= 1 && up >= -1 && up <= 1) {
      look(row, left + ((right + 1) / 2) * width, top + ((1 - up) / 2) * height);
    }
  }
}

/** Give the row nearest to a place, at most `reach` pixels away; null where there is none. */
export function rowAt(map, hidden, at, reach) {
  let found = null;
  let least = reach * reach;
  eachPlace(map, hidden, (row, x, y) => {
    const apart = (x - at.x) ** 2 + (y - at.y) ** 2;
    if (apart <= least) {
      least = apart;
      found = row;
    }
  });
  return found;
}

/** Give up to `most` rows nearest to a place, the nearest first. */
export function rowsAround(map, hidden, at, most, reach = 120) {
  const found = [];
  eachPlace(map, hidden, (row, x, y) => {
    const apart = (x - at.x) ** 2 + (y - at.y) ** 2;
    if (apart > reach * reach || (found.length === most && apart >= found.at(-1).apart)) return;
    const after = found.findIndex((one) => one.apart > apart);
    found.splice(after < 0 ? found.length : after, 0, { row, apart });
    if (found.length > most) found.pop();
  });
  return found.map((one) => one.row);
}

/**
 * Give the visible rows inside a closed line.
 * @param {{x: number, y: number}[]} corners in pixels
 */
export function rowsInside(map, hidden, corners) {
  const xs = corners.map((corner) => corner.x);
  const ys = corners.map((corner) => corner.y);
  const box = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const rows = [];
  eachPlace(map, hidden, (row, x, y) => {
    if (x >= box[0] && x <= box[1] && y >= box[2] && y <= box[3] && inside(xs, ys, x, y)) rows.push(row);
  });
  return rows;
}

/** Tell whether a place is inside: a line to the right crosses the border an odd number of times. */
function inside(xs, ys, x, y) {
  let odd = false;
  for (let i = 0, before = xs.length - 1; i < xs.length; before = i++) {
    const crosses = ys[i] > y !== ys[before] > y;
    if (crosses && x < ((xs[before] - xs[i]) * (y - ys[i])) / (ys[before] - ys[i]) + xs[i]) odd = !odd;
  }
  return odd;
}
