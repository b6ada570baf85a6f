/** Move the chosen sample point by hand, and ask what the preset reads there. */

import { clickAt } from "./clicks.js";
import { CLICK } from "./drag.js";
import { line, pointMark } from "./marks.js";
import { px, py, view } from "./plane.js";
import { Latest, showMessage } from "./server.js";
import { ARROWS, at, coordinate, emit, flip, format, on, readsCells, shownPoint, store } from "./state.js";

/** @import { Pair, Place, ValueAnswer } from "./types.js" */

const grab = at("grab");
const WITH_POINTS = [0, 3, 4, 5]; // the steps that draw sample points

/** Where the point is wanted, in cells, in the frame; null in its own place. @type {Pair | null} */
let position = null;
let about = "";

/** What the moved point is a copy of: another point, or a moved box, puts it back. */
function identity() {
  const { trace } = store;
  if (!trace) return "";
  const { chosen, box } = trace;
  return `${chosen.section} ${chosen.point?.point} ${box.corners.map(coordinate)}`;
}

/** @type {Latest<ValueAnswer>} */
const values = new Latest("value", (answer) => {
  if (!position) return;
  store.moved = answer;
  emit("moved");
}, (error) => {
  if (!position) return;
  putBack();
  showMessage(error.message);
});

const ask = () => values.ask({ ...store.state, position });

/** @type {(x: number, y: number) => void} */
function moveTo(x, y) {
  if (!position) about = identity();
  position = [x, y];
  ask();
}

/** Return the chosen point to the place where ROI Align uses it. */
function putBack() {
  drag = null;
  if (!position) return;
  position = null;
  store.moved = null;
  emit("moved");
}

const isMovable = () => store.trace !== null && store.trace.chosen.point !== null
  && !readsCells(store.trace.convention);

// The pointer -----------------------------------------------------------------------------------------

/** @type {{x: number, y: number, from: Pair, far: boolean} | null} */
let drag = null;
grab.addEventListener("pointerdown", (event) => {
  const point = shownPoint();
  if (event.button !== 0 || !isMovable() || !point) return;
  // The box stays where it is.
  event.stopPropagation();
  event.preventDefault();
  drag = { x: event.clientX, y: event.clientY, from: position ?? [point.x, point.y], far: false };
  grab.setPointerCapture(event.pointerId);
  at("marks").classList.add("pointed"); // the point is dragged, which shows where the focus is
  grab.focus({ preventScroll: true });
});
grab.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
  drag.far ||= Math.hypot(dx, dy) >= CLICK;
  if (!drag.far) return;
  // As many decimals as a pixel of the screen shows.
  const decimals = Math.min(Math.max(Math.ceil(Math.log10(view.unit)), 0), 6);
  const [x, y] = drag.from;
  const rounded = (/** @type {number} */ value) => Number(value.toFixed(decimals));
  moveTo(rounded(x + dx / view.unit), rounded(flip(flip(y) + dy / view.unit)));
});
grab.addEventListener("pointerup", (event) => {
  if (drag && !drag.far && !position) clickAt(event);
  drag = null;
});
grab.addEventListener("pointercancel", () => { drag = null; });

// The keyboard ----------------------------------------------------------------------------------------

grab.addEventListener("blur", () => at("marks").classList.remove("pointed"));
grab.addEventListener("keydown", (event) => {
  const point = shownPoint();
  if (!(event.key in ARROWS) || event.ctrlKey || event.metaKey || !isMovable() || !point) return;
  event.preventDefault();
  at("marks").classList.remove("pointed");
  const by = event.shiftKey ? 1 : event.altKey ? 0.01 : 0.1;
  const [x, y] = position ?? [point.x, point.y];
  const [dx, dy] = ARROWS[event.key];
  const rounded = (/** @type {number} */ value) => Number(value.toFixed(10));
  moveTo(rounded(x + dx * by), rounded(flip(flip(y) + dy * by)));
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && !at("commands").open) putBack();
});
at("put-back").addEventListener("click", () => {
  putBack();
  grab.focus({ preventScroll: true });
});

// What is shown ---------------------------------------------------------------------------------------

const drawTrail = line("trail");
/** @param {Place} place */
const place = ({ x, y }) => `(${format(x)}, ${format(y)})`;

function draw() {
  const { moved, trace } = store;
  const point = shownPoint();
  const shown = isMovable() && WITH_POINTS.includes(store.look.step);
  grab.style.display = shown ? "" : "none";
  at("moved-point").style.display = moved ? "" : "none";
  drawTrail(moved && point ? `M${px(moved.own.x)} ${py(flip(moved.own.y))}L${px(point.x)} ${py(flip(point.y))}` : "");
  if (!point || !trace) return;
  const [x, y] = [px(point.x), py(flip(point.y))];
  const { width, height } = trace.section_size;
  const room = Math.min(Math.abs(width), Math.abs(height)) * view.unit;
  for (const [key, value] of Object.entries({ cx: x, cy: y, r: Math.min(Math.max(room / 3, 5), 11) })) {
    grab.setAttribute(key, `${value}`);
  }
  grab.setAttribute("aria-label", `Sample point (${point.point.join(", ")}) at ${place(point)}. `
    + "Arrow keys move it by 0.1 cells, with Shift by 1, with Alt by 0.01. Escape puts it back.");
  if (!moved) return;
  at("moved-point").setAttribute("class", `point ${point.border}`);
  at("moved-point").setAttribute("d", pointMark(point, 5));
}

function showMoved() {
  const { moved } = store;
  at("marks").classList.toggle("moved", moved !== null);
  at("moved").classList.toggle("hint", moved === null);
  at("put-back").hidden = moved === null;
  at("moved").hidden = moved === null && !isMovable();
  at("moved-value").textContent = moved ? `P = ${format(moved.point.value)} at ${place(moved.point)}` : "";
  at("moved-text").textContent = moved ? `from ${place(moved.own)}, not used by ROI Align`
    : "Click a section or a point to explain it. Drag the point in the ring anywhere.";
}

on("trace", () => {
  if (!position) return;
  if (identity() !== about || !isMovable()) putBack();
  else ask();
});
on("trace moved", showMoved);
on("view trace look moved", draw);
