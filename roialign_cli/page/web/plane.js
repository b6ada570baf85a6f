/** Which part of the plane is drawn: the positions of map cells in pixels. */

import { at, emit, flip, on, session, store, toMap } from "./state.js";

/**
 * @import { Four } from "./types.js"
 * @typedef {"fit" | "box" | "room" | "free"} Mode
 */

export const LEFT = 34; // pixels of the margin with the numbers of y
export const BOTTOM = 22; // of x
export const TOP = 8;
export let { width: COLUMNS, height: ROWS } = session.feature_map;
const stage = at("stage");

/**
 * Which part of the plane is shown: the map position at the top left, and pixels per cell.
 *
 * @type {{x: number, y: number, unit: number, mode: Mode, width: number, height: number}}
 */
export const view = { x: 0, y: 0, unit: 1, mode: "fit", width: 1, height: 1 };
/** @type {(x: number) => number} */
export const px = (x) => LEFT + (x - view.x) * view.unit;
/** @type {(y: number) => number} */
export const py = (y) => TOP + (y - view.y) * view.unit;
/** @type {(x: number) => number} */
export const mapX = (x) => (x - LEFT) / view.unit + view.x;
/** @type {(y: number) => number} */
export const mapY = (y) => (y - TOP) / view.unit + view.y;

/** Whether the whole map is in view. */
export const isWhole = () => mapX(LEFT) <= 0 && mapX(view.width) >= COLUMNS
  && mapY(TOP) <= 0 && mapY(view.height - BOTTOM) >= ROWS;

/** What was last put in view, which stays in view if the drawing gets another size. @type {Four} */
let wanted = [0, 0, 1, 1];

/** @type {(...edges: Four) => void} */
function frame(...edges) {
  wanted = edges;
  const [left, top, right, bottom] = edges;
  const [across, down] = [view.width - LEFT - 8, view.height - BOTTOM - TOP];
  view.unit = Math.min(across / (right - left), down / (bottom - top));
  view.x = (left + right) / 2 - across / view.unit / 2;
  view.y = (top + bottom) / 2 - down / view.unit / 2;
}

/**
 * Return the edges of an area with the box and the ROI that it is compared with.
 *
 * @param {number[]} corners
 * @returns {Four}
 */
function around(corners) {
  const other = store.trace?.other?.roi ?? store.trace?.roi_pool;
  const [left, top] = other ? [other.x, flip(other.y)] : corners;
  const edges = other ? [left, top, left + other.width, top + other.height] : [];
  const [across, down] = [0, 1].map((axis) => [...corners, ...edges].filter((_, k) => k % 2 === axis));
  return [Math.min(...across), Math.min(...down), Math.max(...across), Math.max(...down)];
}

/**
 * Show the whole map ("fit"), the box ("box"), or the box with room to drag it ("room").
 *
 * @param {Mode} mode - "free" keeps what is shown.
 */
export function show(mode) {
  view.mode = mode;
  if ((mode === "box" || mode === "room") && store.corners) {
    const [left, top, right, bottom] = around(toMap(store.corners));
    const side = Math.max(right - left, bottom - top);
    const margin = mode === "box" ? Math.max(side * 0.1, 0.5) : Math.max(side * 0.3, 1.5);
    // Little beyond the map, unless the box is there.
    frame(
      Math.max(left - margin, Math.min(left - 1, -0.25)),
      Math.max(top - margin, Math.min(top - 1, -0.25)),
      Math.min(right + margin, Math.max(right + 1, COLUMNS + 0.25)),
      Math.min(bottom + margin, Math.max(bottom + 1, ROWS + 0.25)),
    );
    view.mode = "free"; // the box moves, but not what is shown
  } else if (mode !== "free") frame(-0.25, -0.25, COLUMNS + 0.25, ROWS + 0.25);
  emit("view");
}

/** Zoom by a factor around a position in pixels, the middle by default. @param {number} factor */
export function zoom(factor, x = (view.width + LEFT) / 2, y = (view.height - BOTTOM) / 2) {
  const [cellX, cellY] = [mapX(x), mapY(y)];
  const smallest = Math.min(view.width / COLUMNS, view.height / ROWS) / 4;
  view.unit = Math.min(Math.max(view.unit * factor, smallest), 600);
  view.x = cellX - (x - LEFT) / view.unit;
  view.y = cellY - (y - TOP) / view.unit;
  keep();
}

/** @type {(dx: number, dy: number) => void} */
export function pan(dx, dy) {
  view.x -= dx / view.unit;
  view.y -= dy / view.unit;
  keep();
}

/** Keep what is in view. */
function keep() {
  view.mode = "free";
  wanted = [mapX(LEFT), mapY(TOP), mapX(view.width - 8), mapY(view.height - BOTTOM)];
  emit("view");
}

// The same part of the image stays in view on a map of another level.
on("level", (/** @type {number} */ x, /** @type {number} */ y) => {
  ({ width: COLUMNS, height: ROWS } = session.feature_map);
  view.x *= x;
  view.y *= y;
  view.unit /= x;
  wanted = [wanted[0] * x, wanted[1] * y, wanted[2] * x, wanted[3] * y];
  emit("view");
});

function measure() {
  // A page that is hidden, or smaller than the numbers beside the map, has a size, too.
  view.width = Math.max(stage.clientWidth, LEFT + 24);
  view.height = Math.max(stage.clientHeight, TOP + BOTTOM + 16);
}
measure();

new ResizeObserver(() => {
  measure();
  if (view.mode === "free") frame(...wanted);
  show(view.mode);
  emit("size");
}).observe(stage);
