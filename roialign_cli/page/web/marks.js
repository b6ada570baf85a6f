/** Draw the box, the sections, the sample points and the neighbour cells. */

import { px, py, view } from "./plane.js";
import { at, flip, format, on, readsCells, session, shownPoint, store, toMap } from "./state.js";

/** @import { Four, Place, Point, Section, Size, Trace } from "./types.js" */

const SVG = "http://www.w3.org/2000/svg";
const SMALLEST_ROOM = 12; // pixels of each point of the second preset, to draw all of them

/**
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {string} id
 * @param {string[]} classes
 */
function mark(name, id, ...classes) {
  const made = document.createElementNS(SVG, name);
  if (id) made.id = id;
  made.classList.add(...classes);
  return made;
}

/** Make a line with a halo, and return a function that sets its path. @param {string} id */
export function line(id) {
  const pair = [mark("path", "", "halo", `${id}-halo`), mark("path", id)];
  at("lines").append(...pair);
  return (/** @type {string} */ path) => pair.forEach((one) => one.setAttribute("d", path));
}

/** @param {number} value */
const number = (value) => Math.round(value * 100) / 100;
/** @type {(x: number, y: number, right: number, bottom: number, inset?: number) => string} */
const rectangle = (x, y, right, bottom, inset = 0) => {
  const [left, end] = [px(x), px(right)].sort((a, b) => a - b);
  const [top, low] = [py(y), py(bottom)].sort((a, b) => a - b);
  const by = Math.min(inset, (end - left) / 3, (low - top) / 3);
  return `M${number(left + by)} ${number(top + by)}H${number(end - by)}V${number(low - by)}H${number(left + by)}Z`;
};
/** @type {(x: number, y: number, r: number) => string} */
const circle = (x, y, r) => `M${number(px(x) - r)} ${number(py(y))}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
/** @type {(x: number, y: number, r: number) => string} */
const diamond = (x, y, r) => `M${number(px(x))} ${number(py(y) - r)}l${r} ${r}l${-r} ${r}l${-r} ${-r}Z`;

/** @type {(x: number, y: number, r: number) => string} */
const square = (x, y, r) => `M${number(px(x) - r)} ${number(py(y) - r)}h${2 * r}v${2 * r}h${-2 * r}Z`;
/** Return the mark of a sample point. @type {(point: Place & Pick<Point, "border">, r: number) => string} */
export const pointMark = ({ x, y, border }, r) => (border === "beyond" ? square : circle)(x, flip(y), r);

/** @type {Record<string, (path: string) => void>} */
const set = {};
for (const id of ["pool-bins", "pool-bin", "pool-box", "other-sections", "other-section", "sections",
  "section", "neighbours", "neighbours-off", "ties", "other-roi", "roi", "other-points", "other-out", "inside",
  "weighted", "clamped", "beyond", "out",
  "won", "ring"]) set[id] = line(id);

/**
 * Return where a section or an ROI lies on the map: [left, top, right, bottom].
 *
 * @type {(place: Place, size: Size) => Four}
 */
export function sectionArea({ x, y }, { width, height }) {
  return [x, flip(y), x + width, flip(y) + height];
}

function drawTrace() {
  const { trace } = store;
  if (!trace) return;
  const { roi, sections, chosen } = trace;
  set.sections(sections.map((s) => rectangle(...sectionArea(s, trace.section_size))).join(""));
  const here = sections.find((s) => `${s.section}` === `${chosen.section}`);
  set.section(here ? rectangle(...sectionArea(here, trace.section_size)) : rectangle(roi.x, flip(roi.y), roi.x, flip(roi.y)));
  drawPool(trace);
  drawOther(trace);
  drawPoints(trace);
  writeWeights(here);
  drawChosen();
}

/** @param {Trace} trace */
function drawPool({ roi_pool: pool, chosen, other }) {
  if (other) {
    for (const id of ["pool-box", "pool-bins", "pool-bin"]) set[id]("");
    return;
  }
  set["pool-box"](rectangle(pool.x, flip(pool.y), pool.x + pool.width, flip(pool.y) + pool.height));
  /** @type {string[]} */
  const bins = [];
  let bin = "";
  pool.rows.forEach((rows, j) => pool.columns.forEach((columns, i) => {
    if (!rows || !columns) return;
    const path = rectangle(columns[0], flip(rows[0]), columns[1], flip(rows[1]), 3);
    bins.push(path);
    if (`${chosen.section}` === `${[i + 1, j + 1]}`) bin = path;
  }));
  set["pool-bins"]([...new Set(bins)].join("")); // several bins may have the same cells
  set["pool-bin"](bin);
}

/**
 * Draw the second preset as ghosts: hollow diamonds, whose holes show points at the same place.
 *
 * @param {Trace} trace
 */
function drawOther({ other, chosen }) {
  const paths = { "other-roi": "", "other-sections": "", "other-section": "", "other-points": "", "other-out": "" };
  if (other) {
    const { roi, sections, section_size: size } = other;
    paths["other-roi"] = rectangle(...sectionArea(roi, roi));
    const room = roomOf(other);
    const r = number(1.3 * radius(room) + 0.5);
    const largest = largestWeight(sections);
    for (const section of sections) {
      const area = rectangle(...sectionArea(section, size));
      paths["other-sections"] += area;
      const isChosen = `${section.section}` === `${chosen.section}`;
      if (isChosen) paths["other-section"] = area;
      if (!isChosen && room < SMALLEST_ROOM) continue;
      for (const p of section.points) {
        const size = number(r * share(p, largest));
        paths[p.border === "out" ? "other-out" : "other-points"] += diamond(p.x, flip(p.y), size);
      }
    }
  }
  for (const [id, path] of Object.entries(paths)) set[id](path);
}

/**
 * Return the room of a sample point in pixels.
 *
 * @param {Pick<Trace, "sections" | "section_size" | "points_listed">} trace
 */
function roomOf({ sections, section_size: size, points_listed: listed }) {
  const across = Math.sqrt(Math.max(listed / Math.max(sections.length, 1), 1));
  return Math.min(Math.abs(size.width), Math.abs(size.height)) * view.unit / across;
}

/** Return the radius of sample points, so that the map is seen between them. @param {number} room */
const radius = (room) => number(Math.min(Math.max(0.2 * room, 1.2), 4.5));

/** @param {Section[]} sections */
const largestWeight = (sections) => sections.reduce(
  (/** @type {number} */ largest, { points }) => points.reduce((most, p) => Math.max(most, p.weight ?? 0), largest), 0);

/**
 * Return the part of its full size that a point has, so that the area of a cell is its weight.
 *
 * @type {(point: Point, largest: number) => number}
 */
const share = ({ weight }, largest) => (weight === undefined ? 1 : number(Math.sqrt(weight / (largest || 1))));

/** @param {Trace} trace */
function drawPoints(trace) {
  /** @type {Record<string, string[]>} */
  const paths = { inside: [], weighted: [], clamped: [], beyond: [], out: [], won: [] };
  const r = radius(roomOf(trace));
  const largest = largestWeight(trace.sections);
  for (const { points, winner } of trace.sections) {
    for (const p of points) {
      const path = pointMark(p, number(r * share(p, largest)));
      paths[p.weight === undefined ? p.border : "weighted"].push(path);
      if (winner && `${p.point}` === `${winner}`) paths.won.push(path);
    }
  }
  for (const [kind, found] of Object.entries(paths)) set[kind](found.join(""));
}

/** Write the weights of the cells of the chosen section that are in view. @param {Section | undefined} section */
function writeWeights(section) {
  const cells = view.unit < 44 ? [] : (section?.points ?? []).filter((p) => p.weight !== undefined
    && px(p.x) > 0 && px(p.x) < view.width && py(flip(p.y)) > 0 && py(flip(p.y)) < view.height);
  at("weights").replaceChildren(...cells.map((p) => {
    const text = mark("text", "", "named");
    text.textContent = format(p.weight ?? null);
    text.setAttribute("font-size", `${Math.min(view.unit / 4.5, 13)}`);
    text.setAttribute("x", `${px(p.x)}`);
    text.setAttribute("y", `${py(flip(p.y)) - 8}`);
    return text;
  }));
}

/** The names of the neighbours of a point, in the order of the answers. */
export const NAMES = ["Q11", "Q21", "Q12", "Q22"];
const names = NAMES.map((name) => mark("text", "", "named", `role-${name}`));
at("names").append(...names);

function drawChosen() {
  const point = shownPoint();
  // A point outside reads no cell.
  const cells = point && point.border !== "out" ? point.neighbours : [];
  const alone = store.trace && readsCells(store.trace.convention);
  set.ring(point ? circle(point.x, flip(point.y), 8) : "");
  for (const [id, isOnMap] of /** @type {const} */ ([["neighbours", true], ["neighbours-off", false]])) {
    set[id](cells.filter((q) => q.on_map === isOnMap)
      .map((q) => rectangle(q.x - 0.5, flip(q.y) - 0.5, q.x + 0.5, flip(q.y) + 0.5, 1)).join(""));
  }
  set.ties(point ? cells.map((q) => `M${px(point.x)} ${py(flip(point.y))}L${px(q.x)} ${py(flip(q.y))}`).join("") : "");
  names.forEach((text, k) => {
    const q = alone || view.unit < 44 ? null : cells[k];
    text.style.display = q ? "" : "none";
    if (!q || !point) return;
    const fits = view.unit >= 76; // the name and the weight
    const size = Math.min(fits ? (view.unit - 8) / 6.8 : view.unit / 4.5, 13);
    text.textContent = fits ? `${NAMES[k]} ${format(q.weight)}` : NAMES[k];
    text.setAttribute("font-size", `${size}`);
    // In a corner far from the point; a value has the lower part of its cell.
    const [right, low] = [q.x > point.x ? 1 : -1, flip(q.y) > flip(point.y)];
    text.style.textAnchor = fits ? "middle" : right > 0 ? "end" : "start";
    text.setAttribute("x", `${px(q.x) + (fits ? 0 : right * (view.unit / 2 - 4))}`);
    text.setAttribute("y", `${store.look.photo && low ? py(flip(q.y) + 0.5) - 7 : py(flip(q.y) - 0.5) + size + 3}`);
  });
}

// The box -------------------------------------------------------------------------------------------

/** Which corners a handle moves: left, top, right, bottom. @type {Record<string, (0 | 1)[]>} */
export const HANDLES = {
  nw: [1, 1, 0, 0], n: [0, 1, 0, 0], ne: [0, 1, 1, 0], e: [0, 0, 1, 0],
  se: [0, 0, 1, 1], s: [0, 0, 0, 1], sw: [1, 0, 0, 1], w: [1, 0, 0, 0],
};
const handles = session.saved ? [] : Object.keys(HANDLES).map((name) => {
  const made = mark("rect", `handle-${name}`, "handle");
  made.dataset.handle = name;
  at("box").append(made);
  return { name, shape: made };
});

/** @type {(shape: SVGElement, settings: Record<string, number>) => void} */
function place(shape, settings) {
  for (const [key, value] of Object.entries(settings)) shape.setAttribute(key, `${number(value)}`);
}

function drawBox() {
  if (!store.corners) return;
  const corners = toMap(store.corners);
  set.roi(rectangle(...corners));
  const [left, right] = [px(corners[0]), px(corners[2])].sort((a, b) => a - b);
  const [top, bottom] = [py(corners[1]), py(corners[3])].sort((a, b) => a - b);
  if (session.saved) return;
  // A box without an area can be dragged, too.
  const grow = [right - left, bottom - top].map((side) => Math.max((24 - side) / 2, 0));
  place(at("hold"), {
    x: left - grow[0], y: top - grow[1],
    width: right - left + 2 * grow[0], height: bottom - top + 2 * grow[1],
  });
  const [x, y] = [{ 1: px(corners[0]), 0: px(corners[2]) }, { 1: py(corners[1]), 0: py(corners[3]) }];
  for (const { name, shape } of handles) {
    const [l, t, r, b] = HANDLES[name];
    const cx = l || r ? x[l] : (left + right) / 2;
    const cy = t || b ? y[t] : (top + bottom) / 2;
    place(shape, { x: cx - 5, y: cy - 5, width: 10, height: 10 });
    const side = l || r ? bottom - top : right - left;
    const isCorner = name.length === 2;
    shape.style.display = isCorner || side >= 36 ? "" : "none"; // else the corners cover the box
  }
}

on("box", drawBox);
on("view trace", () => { drawBox(); drawTrace(); });
on("moved look", drawChosen);
