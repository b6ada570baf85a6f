/** Move and resize the box with the arrow keys. */

import { moveTo } from "./drag.js";
import { ARROWS, STEP, at, store, toMap, toUnits } from "./state.js";

const FAR = 10; // steps, with Shift
const NOISE = 1e-6; // cells by which an edge of the box may miss that of a cell

/**
 * Return the corners after some steps in box units.
 *
 * @type {(corners: number[], steps: number[], onlyEnd: boolean) => number[]}
 */
function moved(corners, steps, onlyEnd) {
  const to = corners.map((edge, k) => (onlyEnd && k < 2 ? edge : edge + STEP * steps[k % 2]));
  return to.map((edge) => Number(edge.toPrecision(14)));
}

/** @type {(edge: number, cells: number) => number} */
const nextEdge = (edge, cells) => (cells > 0 ? Math.floor(edge + NOISE) : Math.ceil(edge - NOISE)) + cells;

/**
 * Return the corners with the edges that move on the edges of cells, some cells further.
 *
 * @type {(corners: number[], cells: number[], onlyEnd: boolean) => number[]}
 */
function snapped(corners, cells, onlyEnd) {
  const edges = toMap(corners);
  cells.forEach((by, axis) => {
    if (!by) return;
    const [start, end] = [edges[axis], edges[axis + 2]];
    const size = Math.round(end - start) || Math.sign(end - start); // never to no cell
    if (!onlyEnd) edges[axis] = nextEdge(start, by);
    edges[axis + 2] = onlyEnd ? nextEdge(end, by) : edges[axis] + size;
  });
  return toUnits(edges).map((edge, k) => (cells[k % 2] && !(onlyEnd && k < 2) ? edge : corners[k]));
}

at("hold").addEventListener("blur", () => at("marks").classList.remove("pointed"));
at("hold").addEventListener("keydown", (event) => {
  if (!(event.key in ARROWS) || event.ctrlKey || event.metaKey || !store.corners) return;
  event.preventDefault();
  at("marks").classList.remove("pointed");
  const steps = ARROWS[event.key].map((part) => part * (event.shiftKey ? FAR : 1));
  moveTo((store.look.snap ? snapped : moved)(store.corners, steps, event.altKey));
});
