// What a map shows where more points lie in sight than can be told apart: cells of a few pixels,
// each as strong as it holds points and in the colour of the group that most of them have.

export const CELL_PX = 4;
/** More points in sight than this are shown as cells. */
export const MOST_POINTS = 200_000;
const FAINTEST = 0.25;

/**
 * Find the rows in sight.
 * @returns {Uint32Array}
 */
export function inSight(coordinates, matrix, hidden) {
  const [across, up, right, down] = [matrix[0], matrix[5], matrix[12], matrix[13]];
  const rows = new Uint32Array(hidden.length);
  let count = 0;
  for (let row = 0; row < hidden.length; row++) {
    const x = coordinates[2 * row] * across + right;
    const y = coordinates[2 * row + 1] * up + down;
    if (x >= -1 && x <= 1 && y >= -1 && y <= 1 && !hidden[row]) rows[count++] = row;
  }
  return rows.subarray(0, count);
}

/**
 * Draw rows as cells.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint32Array} rows
 * @param {{coordinates: Float32Array, matrix: Float32Array, area: object, groups: Uint8Array,
 *   colours: number[][], selected: Uint8Array | null}} map
 * @returns {number} of cells that hold points
 */
export function drawCells(canvas, rows, { coordinates, matrix, area, groups, colours, selected }) {
  const columns = Math.ceil(area.width / CELL_PX);
  const lines = Math.ceil(area.height / CELL_PX);
  const { counts, leads } = counted(rows, { coordinates, matrix, groups, selected, columns, lines }, colours.length);
  const picture = new ImageData(columns, lines);
  let most = 1;
  for (const count of counts) if (count > most) most = count;
  let filled = 0;
  for (let cell = 0; cell < counts.length; cell++) {
    if (!counts[cell]) continue;
    filled++;
    const strength = FAINTEST + (1 - FAINTEST) * (Math.log1p(counts[cell]) / Math.log1p(most));
    picture.data.set([...colours[leads[cell]], 255 * strength], 4 * cell);
  }
  if (canvas.width !== columns) canvas.width = columns;
  if (canvas.height !== lines) canvas.height = lines;
  Object.assign(canvas.style, {
    left: `${area.left}px`, top: `${area.top}px`,
    width: `${columns * CELL_PX}px`, height: `${lines * CELL_PX}px`,
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return filled;
}

/** Count the rows of every cell, and find the group that leads in it. */
function counted(rows, { coordinates, matrix, groups, selected, columns, lines }, groupCount) {
  const [across, up, right, down] = [matrix[0], matrix[5], matrix[12], matrix[13]];
  const byGroup = new Uint16Array(columns * lines * groupCount);
  const counts = new Uint32Array(columns * lines);
  const leads = new Uint8Array(columns * lines);
  const best = new Uint16Array(columns * lines);
  for (const row of rows) {
    if (selected && !selected[row]) continue;
    const column = Math.min(columns - 1, ((coordinates[2 * row] * across + right + 1) / 2) * columns | 0);
    const line = Math.min(lines - 1, ((1 - coordinates[2 * row + 1] * up - down) / 2) * lines | 0);
    const cell = line * columns + column;
    counts[cell]++;
    const place = cell * groupCount + groups[row];
    if (byGroup[place] < 65535) byGroup[place]++;
    if (byGroup[place] > best[cell]) {
      best[cell] = byGroup[place];
      leads[cell] = groups[row];
    }
  }
  return { counts, leads };
}
