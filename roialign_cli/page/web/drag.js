/** Drag the box and the map with the pointer, and zoom with the wheel or two fingers. */

import { clickAt } from "./clicks.js";
import { HANDLES } from "./marks.js";
import { isWhole, pan, view, zoom } from "./plane.js";
import { refresh } from "./server.js";
import { at, emit, on, session, store, toMap, toUnits } from "./state.js";

const svg = at("marks");
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

/** The pointers that are down, and where they are. @type {Map<number, {x: number, y: number}>} */
const pointers = new Map();
/**
 * What the only pointer drags: where from, in pixels and box units, and whether it is more than a
 * click. One finger may scroll the page instead.
 *
 * @type {{x: number, y: number, from: number[], sides: number[], onBox: boolean, far: boolean,
 *   scrolls: boolean} | null}
 */
let drag = null;

/** @type {(event: PointerEvent, corners: number[]) => void} */
function begin(event, corners) {
  const pressed = event.target instanceof SVGElement ? event.target : svg;
  const name = pressed.dataset.handle;
  const onBox = name !== undefined || pressed.id === "hold";
  drag = {
    x: event.clientX, y: event.clientY, from: corners, onBox, far: false,
    sides: name ? HANDLES[name] : WHOLE_BOX,
    scrolls: !onBox && event.pointerType === "touch" && isWhole(),
  };
  if (!onBox) return;
  svg.classList.add("pointed"); // the box is dragged, which shows where the focus is
  at("hold").focus({ preventScroll: true });
}

svg.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !store.corners) return;
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  svg.setPointerCapture(event.pointerId);
  event.preventDefault();
  if (pointers.size === 1) begin(event, store.corners);
  else drag = null; // two fingers zoom
});

/**
 * Drag the box from where it was, or the map by one more piece.
 *
 * @type {(event: PointerEvent, last: {x: number, y: number}) => void}
 */
function follow(event, last) {
  if (!drag) return;
  const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
  const isFirst = !drag.far;
  drag.far ||= Math.hypot(dx, dy) >= CLICK;
  if (!drag.far || drag.scrolls) return;
  svg.classList.add("dragging");
  if (drag.onBox) moveTo(moved(drag.from, drag.sides, dx, dy));
  else if (isFirst) pan(dx, dy);
  else pan(event.clientX - last.x, event.clientY - last.y);
}

/**
 * Zoom around the finger that does not move, so that the map stays below both.
 *
 * @type {(event: PointerEvent, last: {x: number, y: number}) => void}
 */
function pinch(event, last) {
  const still = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (!still) return;
  /** @type {(x: number, y: number) => number} */
  const distance = (x, y) => Math.max(Math.hypot(x - still.x, y - still.y), 1);
  const area = svg.getBoundingClientRect();
  const factor = distance(event.clientX, event.clientY) / distance(last.x, last.y);
  zoom(factor, still.x - area.left, still.y - area.top);
}

svg.addEventListener("pointermove", (event) => {
  const last = pointers.get(event.pointerId);
  if (!last) return;
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (pointers.size > 1) pinch(event, last);
  else follow(event, last);
});
/** @param {PointerEvent} event */
const release = (event) => {
  if (!pointers.delete(event.pointerId)) return;
  if (drag && !drag.far && event.type === "pointerup") clickAt(event);
  drag = null;
  svg.classList.remove("dragging");
};
svg.addEventListener("pointerup", release);
svg.addEventListener("pointercancel", release);

// One finger beside the box scrolls the page while there is no more of the map to see. Two fingers
// and a finger on the box never do; for parts of a drawing, not every browser obeys touch-action.
on("view", () => svg.classList.toggle("whole", isWhole()));
svg.addEventListener("touchstart", (event) => {
  if (pointers.size > 1 || drag?.onBox) event.preventDefault();
}, { passive: false });

svg.addEventListener("wheel", (event) => {
  event.preventDefault();
  const area = svg.getBoundingClientRect();
  zoom(1.0015 ** -event.deltaY, event.clientX - area.left, event.clientY - area.top);
}, { passive: false });
