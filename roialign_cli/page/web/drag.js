/** Move the box and choose sections and points, with the pointer or the keyboard. */

import { HANDLES, sectionArea } from "./marks.js";
import { mapX, mapY, pan, px, py, view, zoom } from "./plane.js";
import { refresh } from "./server.js";
import { STEP, at, emit, flip, session, store, toMap, toUnits } from "./state.js";

/** @import { Pair } from "./types.js" */

const svg = at("marks");
/** The keys that move something, and where to. @type {Record<string, Pair>} */
export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const WHOLE_BOX = [1, 1, 1, 1];
export const CLICK = 4; // pixels that a click may move

/** Let the box have these corners, in box units. @param {number[]} corners */
export function moveTo(corners) {
  store.corners = corners;
  // The section stays chosen while the box moves.
  store.state.section ??= store.trace?.chosen.section ?? null;
  Object.assign(store.state, { box: null, corners });
  emit("box");
  refresh();
}

/** Round to fewer decimals than a pixel of the screen shows. @param {number[]} corners */
function tidy(corners) {
  const { x, y } = session.box.spatial_scale;
  const perPixel = 1 / (view.unit * Math.max(x, y));
  const decimals = Math.min(Math.max(-Math.floor(Math.log10(perPixel)), 0), 12);
  return corners.map((corner) => Number(corner.toFixed(decimals)));
}

/** @type {(from: number[], sides: number[], dx: number, dy: number) => number[]} */
function moved(from, sides, dx, dy) {
  const cells = [dx / view.unit, dy / view.unit];
  const to = toMap(from).map((edge, k) => edge + sides[k] * cells[k % 2]);
  if (!store.look.snap) return tidy(toUnits(to)).map((edge, k) => (sides[k] ? edge : from[k]));
  const snapped = toUnits(to.map(Math.round));
  return snapped.map((edge, k) => (sides[k] ? edge : from[k]));
}

/**
 * What is dragged: where from, in pixels and box units, and whether it is more than a click.
 *
 * @type {{x: number, y: number, last: Pair, from: number[], sides: number[], onBox: boolean,
 *   far: boolean} | null}
 */
let drag = null;
svg.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !store.corners) return;
  const pressed = event.target instanceof SVGElement ? event.target : svg;
  const name = pressed.dataset.handle;
  const onBox = name !== undefined || pressed.id === "hold";
  const sides = name ? HANDLES[name] : WHOLE_BOX;
  const { clientX: x, clientY: y } = event;
  drag = { x, y, last: [x, y], from: store.corners, sides, onBox, far: false };
  svg.setPointerCapture(event.pointerId);
  if (onBox) {
    svg.classList.add("pointed"); // the box is dragged, which shows where the focus is
    at("hold").focus({ preventScroll: true });
  }
  event.preventDefault();
});
svg.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
  drag.far ||= Math.hypot(dx, dy) >= CLICK;
  if (!drag.far) return;
  svg.classList.add("dragging");
  if (drag.onBox) moveTo(moved(drag.from, drag.sides, dx, dy));
  else {
    pan(event.clientX - drag.last[0], event.clientY - drag.last[1]);
    drag.last = [event.clientX, event.clientY];
  }
});
/** @param {PointerEvent} event */
const release = (event) => {
  if (drag && !drag.far && event.type === "pointerup") clickAt(event);
  drag = null;
  svg.classList.remove("dragging");
};
svg.addEventListener("pointerup", release);
svg.addEventListener("pointercancel", release);
svg.addEventListener("wheel", (event) => {
  event.preventDefault();
  const area = svg.getBoundingClientRect();
  zoom(1.0015 ** -event.deltaY, event.clientX - area.left, event.clientY - area.top);
}, { passive: false });

/**
 * Choose a section, and a point of it or the one that the server chooses.
 *
 * @type {(section: Pair, point?: Pair | null) => void}
 */
export function choose(section, point = null) {
  Object.assign(store.state, { section, point });
  refresh();
}

/**
 * Choose what a click is on: a cell while cells are edited, or else a sample point or a section.
 *
 * @param {PointerEvent} event
 */
export function clickAt(event) {
  const { trace } = store;
  if (!trace) return;
  const area = svg.getBoundingClientRect();
  const [x, y] = [event.clientX - area.left, event.clientY - area.top];
  if (svg.classList.contains("editing")) {
    emit("cell", mapX(x), mapY(y));
    return;
  }
  /** @type {{distance: number, section: Pair | null, point: Pair | null}} */
  let best = { distance: 10, section: null, point: null };
  for (const { section, points } of trace.sections) {
    for (const p of points) {
      const distance = Math.hypot(px(p.x) - x, py(flip(p.y)) - y);
      if (distance < best.distance) best = { distance, section, point: p.point };
    }
  }
  if (best.section) {
    choose(best.section, best.point);
    return;
  }
  const [cellX, cellY] = [mapX(x), mapY(y)];
  const here = trace.sections.find((section) => {
    const [left, top, right, bottom] = sectionArea(section, trace.section_size);
    return left <= cellX && cellX < right && top <= cellY && cellY < bottom;
  });
  if (here) choose(here.section);
}

if (!session.saved) {
  at("hold").addEventListener("blur", () => svg.classList.remove("pointed"));
  at("hold").addEventListener("keydown", moveByKey);
}

/** @param {KeyboardEvent} event */
function moveByKey(event) {
  if (!(event.key in ARROWS) || event.ctrlKey || event.metaKey || !store.corners) return;
  event.preventDefault();
  svg.classList.remove("pointed");
  const by = event.shiftKey ? 10 * STEP : STEP;
  const sides = event.altKey ? [0, 0, 1, 1] : WHOLE_BOX;
  const [dx, dy] = ARROWS[event.key].map((part) => part * by);
  const to = store.corners.map((edge, k) => edge + sides[k] * (k % 2 ? dy : dx));
  moveTo(to.map((edge) => Number(edge.toPrecision(14))));
}
