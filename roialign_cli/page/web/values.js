/**
 * Write the values of the map's cells below their centres, above the lines of the drawing. The
 * texts change with the view and the map only, so that a drag of the box stays fast.
 */

import { BOTTOM, COLUMNS, LEFT, ROWS, TOP, mapX, mapY, px, py, view } from "./plane.js";
import { ink, rgb } from "./shades.js";
import { at, on, store } from "./state.js";

/** @import { Pair } from "./types.js" */
/** @typedef {{texts: SVGElement[], dot: SVGElement}} Written - The marks of one cell. */
/** @typedef {{x: number, y: number, value: number, text: string}} Cell */

const SVG = "http://www.w3.org/2000/svg";
const SMALLEST_CELL = 36; // pixels, for a value in it
const SMALLEST_TEXT = 8; // pixels
const LARGE_CELL = 76; // for a value of one more digit
const DOT = 1.6; // radius in pixels

/** @param {string} name */
const mark = (name) => /** @type {SVGElement} */ (document.createElementNS(SVG, name));

// A sample point covers the halo of a value, but not its digits.
const [halos, digits] = ["value-halos", "values"].map((id) => {
  const group = mark("g");
  group.id = id;
  return group;
});
at("lines").querySelector(".inside-halo")?.before(halos);
at("lines").querySelector(".ring-halo")?.before(digits);

/**
 * Format a value with some significant digits, but without rounding its whole part.
 *
 * @type {(value: number, significant: number) => string}
 */
function short(value, significant) {
  if (!Number.isFinite(value)) return String(value).replace("Infinity", "inf").toLowerCase();
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 1e-3)) return value.toExponential(1).replace("e+", "e");
  const decimals = size ? significant - 1 - Math.floor(Math.log10(size)) : 0;
  return String(Number(value.toFixed(Math.max(decimals, 0))));
}

/**
 * Return the columns or rows between two edges: from, and up to but without.
 *
 * @type {(low: number, high: number, count: number) => Pair}
 */
const seen = (low, high, count) => [Math.max(Math.ceil(low), 0), Math.min(Math.floor(high), count)];

/** @type {(written: Written, cell: Cell, size: number) => void} */
function write({ texts, dot }, { x, y, value, text }, size) {
  const shade = rgb(value);
  for (const one of texts) {
    one.textContent = text;
    one.setAttribute("font-size", `${size}`);
    one.setAttribute("x", `${px(x + 0.5)}`);
    one.setAttribute("y", `${py(y + 0.5) + size + 2}`);
  }
  texts[0].style.stroke = `rgb(${shade})`;
  texts[1].style.fill = ink(shade);
  dot.style.fill = ink(shade);
  dot.setAttribute("cx", `${px(x + 0.5)}`);
  dot.setAttribute("cy", `${py(y + 0.5)}`);
}

/** @type {Written[]} */
let written = [];

/** Make or remove marks, for this many cells. @param {number} count */
function keep(count) {
  for (const { texts, dot } of written.slice(count)) [...texts, dot].forEach((one) => one.remove());
  written = written.slice(0, count);
  while (written.length < count) {
    const one = { texts: [mark("text"), mark("text")], dot: mark("circle") };
    one.dot.setAttribute("r", `${DOT}`);
    halos.append(one.texts[0], one.dot);
    digits.append(one.texts[1]);
    written.push(one);
  }
}

function drawValues() {
  const { map, look } = store;
  const values = map?.rows === ROWS && map.columns === COLUMNS && view.unit >= SMALLEST_CELL && !look.photo
    ? map.values : null;
  // Of a cell at the border, its value has to be in view.
  const [left, right] = values ? seen(mapX(LEFT) - 0.2, mapX(view.width) + 0.2, COLUMNS) : [0, 0];
  const [top, bottom] = values ? seen(mapY(TOP) - 0.4, mapY(view.height - BOTTOM) + 0.15, ROWS) : [0, 0];
  /** @type {Cell[]} */
  const cells = [];
  for (let y = top; values && y < bottom; y += 1) {
    for (let x = left; x < right; x += 1) {
      const value = values[y * COLUMNS + x];
      cells.push({ x, y, value, text: short(value, view.unit >= LARGE_CELL ? 4 : 3) });
    }
  }
  const letters = cells.reduce((most, { text }) => Math.max(most, text.length), 1);
  const size = Math.min((view.unit - 6) / (0.65 * letters), view.unit * 0.27, 13);
  keep(size < SMALLEST_TEXT ? 0 : cells.length);
  written.forEach((one, k) => write(one, cells[k], size));
}

on("view map theme look", drawValues);
