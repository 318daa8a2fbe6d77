// The small pieces that the parts of the legend are made of.

export const made = (tag, className, text = "") =>
  Object.assign(document.createElement(tag), { className, textContent: text });

/** A group's mark, as its points look. */
export const swatch = (colour, symbol) => {
  const mark = made("i", "lm-swatch");
  mark.dataset.symbol = symbol;
  mark.style.background = colour;
  return mark;
};

export const nameAndCount = (name, count) => [
  made("span", "lm-name", name),
  made("span", "lm-count", count.toLocaleString("en")),
];

export const counting = (count) => `${count.toLocaleString("en")} ${count === 1 ? "row" : "rows"}`;

/** Give the visible rows that `wanted` takes. */
export function visibleRows({ count, hidden }, wanted) {
  const rows = [];
  for (let row = 0; row < count; row++) if (!hidden[row] && wanted(row)) rows.push(row);
  return rows;
}
