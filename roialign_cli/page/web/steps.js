/** The five steps: what each of them draws, and its numbers and formulas. */

import { choose } from "./clicks.js";
import { compared } from "./compared.js";
import { NAMES } from "./marks.js";
import {
  ARROWS, at, buttonOf, channelText, element, emit, format, isYUp, on, pair, readsCells, shownPoint, store,
} from "./state.js";

/** @import { FullPoint, Level, Line, Neighbour, Pair, Place, Section, Size, Trace } from "./types.js" */

const STEPS = ["All", "Box", "Sections", "Points", "Values", "Output"];
const SECONDS = 3; // between two steps
const SVG = "http://www.w3.org/2000/svg";

STEPS.forEach((name, k) => {
  const button = element("button", { type: "button" }, k ? `${k} ${name}` : name);
  button.addEventListener("click", () => { stop(); go(k); });
  at("steps").append(button);
});

/** @param {number} step */
function go(step) {
  store.look.step = step;
  emit("look");
}

let playing = 0;
function stop() {
  clearInterval(playing);
  playing = 0;
  at("play").textContent = "Play";
}
at("play").addEventListener("click", () => {
  if (playing) { stop(); return; }
  at("play").textContent = "Pause";
  go(store.look.step % 5 + 1);
  playing = setInterval(() => {
    if (store.look.step < 5) go(store.look.step + 1);
    if (store.look.step >= 5) stop();
  }, 1000 * SECONDS);
});
at("back").addEventListener("click", () => { stop(); go(Math.max(store.look.step - 1, 0)); });
at("next").addEventListener("click", () => { stop(); go(Math.min(store.look.step + 1, 5)); });

function showStep() {
  const { step, pool } = store.look;
  at("marks").dataset.step = String(step);
  at("marks").dataset.pool = String(pool);
  at("back").disabled = step === 0;
  at("next").disabled = step === 5;
  [...at("steps").children].forEach((button, k) => {
    if (k === step) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  });
  for (const part of document.querySelectorAll("[data-steps]")) {
    const isMoved = store.moved !== null && part.hasAttribute("data-moved");
    const isOfStep = part.getAttribute("data-steps")?.split(" ").includes(String(step)) ?? false;
    part.toggleAttribute("hidden", !isMoved && !isOfStep);
  }
}

// Lines -----------------------------------------------------------------------------------------------

/** Return a text in pieces, so that no line ends in a number like 1e-05. @param {string} text */
const unbroken = (text) => text.split(/([\d.]+e-\d+)/).map((piece, k) => (
  k % 2 ? element("span", { class: "unbroken" }, piece) : piece));

/** @param {Line} parts */
function formula(parts) {
  const further = typeof parts[0] === "string" && parts[0].startsWith("  ");
  const made = element("p", { class: further ? "formula further" : "formula" });
  for (const part of parts) {
    if (typeof part === "string") made.append(...unbroken(part));
    else if ("role" in part) made.append(element("span", { class: `role-${part.role}` }, part.text));
    else {
      const [over, under] = part.map((text) => element("span", {}, text));
      const slash = element("span", { class: "slash" }, "/");
      made.append(element("span", { class: "fraction" }, over, slash, under));
    }
  }
  return made;
}

/** @type {(id: string, lines: Line[]) => void} */
const fill = (id, lines) => at(id).replaceChildren(...lines.map(formula));
/** @type {(x: number, y: number) => string} */
const place = (x, y) => `(${format(x)}, ${format(y)})`;
/** @type {(size: Size) => string} */
const measures = ({ width, height }) => `${format(width)} × ${format(height)} cells`;
/** @type {(area: Place & Size) => string} */
const lies = (area) => `at ${place(area.x, area.y)}, ${measures(area)}`;

/** @type {(id: string, rows: Pair<string>[]) => void} */
function facts(id, rows) {
  at(id).replaceChildren(...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

/**
 * Return the facts about the level of the box.
 *
 * @param {Level} level
 * @returns {Pair<string>[]}
 */
const levelFacts = ({ name, size, level, level_number: number }) => [
  ["size, √area", `${pixels(size)} px`],
  [`level by ${name}`, `${level} (before rounding: ${number === null ? "none" : pixels(number)})`],
];

/** Format a number with the digits that float32 has. @param {number} value */
const pixels = (value) => String(Number(value.toPrecision(7)));

/** Show the level of the box and the sizes between which it does not change. @param {Level} level */
function showLevel({ level, map, size, starts_at: low, ends_at: high }) {
  const from = low ? ` from ${pixels(low)}` : "";
  const to = high === null ? "" : ` to ${pixels(high)}`;
  at("file").textContent = map;
  at("level").hidden = false;
  at("level").replaceChildren(
    element("b", {}, `Level ${level}`),
    `: size ${pixels(size)} px${from || to ? `, of sizes${from}${to} px` : ""}`,
  );
}

function showNumbers() {
  const { trace } = store;
  if (!trace) return;
  if (trace.pyramid) showLevel(trace.pyramid);
  const { box, roi, roi_pool: pool, section_size: size, chosen, sections, other } = trace;
  const { first, second } = compared(trace);
  const { left, top, right, bottom } = box.on_map;
  const [rows, columns] = trace.output_size;
  const { pyramid } = trace;
  facts("box-facts", [
    [`box (${box.format})`, box.values.map(format).join(", ")],
    ...(pyramid ? levelFacts(pyramid) : []),
    ["scale to the map", `x ${format(box.spatial_scale.x)}, y ${format(box.spatial_scale.y)}`],
    ["on the map, in cells", `${place(left, top)} to ${place(right, bottom)}`],
    [`ROI of ${first}`, lies(roi)],
    other ? [`ROI of ${second}`, lies(other.roi)] : ["rounded by ROI Pool", lies(pool)],
  ]);
  const section = sections.find((one) => `${one.section}` === `${chosen.section}`);
  const where = section ? `from ${place(section.x, section.y)}` : "not listed";
  const bins = (/** @type {number[]} */ values) => [...new Set(values.map(format))].join(" or ");
  facts("section-facts", [
    ["sections", `${columns} across, ${rows} down`],
    [`section (${chosen.section.join(", ")})`, where],
    [`each of ${first}`, measures(size)],
    other ? [`each of ${second}`, measures(other.section_size)] : ["bins of ROI Pool", `${bins(pool.bin_widths)} cells wide, ${bins(pool.bin_heights)} high`],
  ]);
  const unlisted = trace.n_points > trace.points_listed;
  at("unlisted").textContent = unlisted
    ? `There are ${trace.n_points} sample points; ${trace.points_listed
      ? "only those of the chosen section are drawn." : "they are too many to draw."}` : "";
  at("unlisted").hidden = !unlisted;
  listPoints(section, chosen.point);
  listNeighbours(trace, shownPoint());
  at("notes").replaceChildren(...trace.notes.map((note) => element("p", { class: "note" }, note.text)));
  const cells = hasWeights(trace) ? "Cells, weight × value," : "Sample points";
  at("points-title").textContent = `${cells} of section (${chosen.section.join(", ")})`;
}

/** Whether the points of a preset are cells of different weights. @param {Trace} trace */
const hasWeights = ({ convention }) => convention.points === "integral";

// Points ----------------------------------------------------------------------------------------------

/** @type {(section: Section | undefined, chosen: FullPoint | null) => void} */
function listPoints(section, chosen) {
  const group = at("points");
  const points = section?.points ?? [];
  const across = points.filter((p) => p.point[1] === 1).length;
  group.style.gridTemplateColumns = `repeat(${Math.max(across, 1)}, auto)`;
  while (group.children.length > points.length) group.lastChild?.remove();
  while (group.children.length < points.length) group.append(element("button", { type: "button" }));
  const buttons = group.querySelectorAll("button");
  points.forEach((p, k) => {
    const button = buttons[k];
    const text = format(p.contribution);
    const isChosen = chosen !== null && `${chosen.point}` === `${p.point}`;
    const won = `${p.point}` === `${section?.winner}`;
    button.textContent = text;
    button.dataset.point = `${p.point}`;
    button.classList.toggle("won", won);
    button.setAttribute("aria-pressed", `${isChosen}`);
    button.setAttribute("aria-label", `point (${p.point.join(", ")}): ${text}${won ? ", the largest" : ""}`);
    button.tabIndex = isChosen ? 0 : -1;
  });
}

/** @param {HTMLButtonElement | null | undefined} button */
function pick(button) {
  const point = pair(button?.dataset.point ?? "");
  if (!point || !store.trace) return;
  button?.focus();
  choose(store.trace.chosen.section, point);
}
at("points").addEventListener("click", (event) => pick(buttonOf(event)));
at("points").addEventListener("keydown", (event) => {
  const point = pair(buttonOf(event)?.dataset.point ?? "");
  if (!point || !(event.key in ARROWS) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const [dx, dy] = ARROWS[event.key];
  const beside = `${[point[0] + dx, point[1] + dy]}`;
  pick([...at("points").querySelectorAll("button")].find((one) => one.dataset.point === beside));
});

/** @type {(trace: Trace, point: FullPoint | null) => void} */
function listNeighbours(trace, point) {
  const alone = readsCells(trace.convention) || point?.border === "out";
  const cells = alone || !point ? [] : point.neighbours;
  at("neighbour-table").tBodies[0].replaceChildren(...cells.map((q, k) => {
    const name = element("th", { scope: "row" }, element("span", { class: `role-${NAMES[k]}` }, NAMES[k]));
    const value = `${format(q.value)}${q.on_map ? "" : " (outside)"}`;
    const texts = [`${q.row}`, `${q.column}`, place(q.x, q.y), format(q.weight), value];
    return element("tr", {}, name, ...texts.map((text) => element("td", {}, text)));
  }));
  at("neighbour-table").hidden = !cells.length;
  drawSquare(point, cells);
}

const FARTHEST = 200; // how far an extrapolated point may lie beside the square, of which a side is 100

/**
 * Draw the cells' centres as a square, in which the area opposite a centre is its weight. A point
 * that is extrapolated lies beside the square, and the areas of negative weights are outlines.
 *
 * @type {(point: FullPoint | null, cells: Neighbour[]) => void}
 */
function drawSquare(point, cells) {
  const square = at("square");
  square.replaceChildren();
  const whole = point && cells.length === 4 && point.x1 !== point.x2 && point.y1 !== point.y2;
  square.toggleAttribute("hidden", !whole);
  if (!whole) return;
  /** @type {(name: string, settings: Record<string, string | number>, text?: string) => void} */
  const mark = (name, settings, text = "") => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(settings)) made.setAttribute(key, String(value));
    made.textContent = text;
    square.append(made);
  };
  // Where the areas meet: the weights of the cells on the right, and of those below.
  /** @type {(belongs: (cell: Neighbour) => boolean) => number} */
  const meet = (belongs) => 100 * cells.filter(belongs).reduce((sum, q) => sum + q.weight, 0);
  /** @param {Neighbour} q */
  const isLower = (q) => (q.y === point.y2) !== isYUp;
  const [across, down] = [meet((q) => q.x === point.x2), meet(isLower)];
  /** @type {(at: number) => number} */
  const beside = (at) => Math.max(-at, at - 100, 0);
  square.toggleAttribute("hidden", Math.max(beside(across), beside(down)) > FARTHEST);
  const [left, top] = [Math.min(across, 0), Math.min(down, 0)];
  const [right, bottom] = [Math.max(across, 100), Math.max(down, 100)];
  const isBeside = beside(across) > 0 || beside(down) > 0;
  const room = isBeside ? 84 : 72; // of the texts, which are longer for negative weights
  square.setAttribute("viewBox", [left - room, top - 14, right - left + 2 * room, bottom - top + 28].join(" "));
  const parts = cells.map((q, k) => ({ q, name: NAMES[k], x: q.x === point.x1 ? 0 : 100, y: isLower(q) ? 100 : 0 }));
  // Negative weights are on top of the positive ones, from which they take away.
  for (const { q, name, x, y } of [false, true].flatMap((sign) => parts.filter((one) => one.q.weight < 0 === sign))) {
    mark("rect", {
      class: `area role-${name}${q.weight < 0 ? " negative" : ""}`,
      x: Math.min(across, 100 - x), width: Math.abs(100 - x - across),
      y: Math.min(down, 100 - y), height: Math.abs(100 - y - down),
    });
  }
  for (const { q, name, x, y } of parts) {
    mark("circle", { class: `centre role-${name}`, cx: x, cy: y, r: 3.5 });
    const place = { x: x ? right + 6 : left - 6, y: y ? 104 : 4, "text-anchor": x ? "start" : "end" };
    mark("text", place, `${name} ${format(q.weight)}`);
  }
  /** @type {(at: number, from: number, to: number) => number} */
  const share = (at, from, to) => 100 * Math.min(Math.max((at - from) / (to - from), 0), 1);
  const depth = share(point.y, point.y1, point.y2);
  mark("circle", {
    class: "dot",
    cx: isBeside ? across : share(point.x, point.x1, point.x2),
    cy: isBeside ? down : isYUp ? 100 - depth : depth,
    r: 4.5,
  });
}

// Formulas --------------------------------------------------------------------------------------------

let announcing = 0;
/** Announce to screen readers what is shown, once it has not changed for a moment. */
function announceSoon() {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    if (!store.trace) return;
    const box = store.trace.box.values.map(format).join(", ");
    const parts = [`Box ${box}`, at("section-title").textContent, channelText(), at("point-title").textContent];
    at("announcement").textContent = parts.filter((part) => part).join(". ");
  }, 700);
}

function showTexts(problem = "") {
  const section = store.point?.texts.section;
  at("texts").classList.remove("stale");
  at("section-title").textContent = section ? section.title : problem;
  fill("reduced", section ? section.reduced : []);
  showPoint();
}

function showPoint() {
  const point = (store.moved ?? store.point)?.texts.point;
  at("point-title").textContent = point ? point.title : `This section has no ${store.trace && hasWeights(store.trace) ? "cells" : "sample points"}`;
  at("point-title").hidden = !point && !store.point;
  at("point-note").textContent = point?.note ?? "";
  at("point-note").hidden = !point?.note;
  fill("coordinates", point?.coordinates ?? []);
  fill("between", point?.between ?? []);
  fill("interpolated", point?.interpolated ?? []);
  fill("weighted", point?.weighted ?? []);
}

on("trace", () => { at("texts").classList.add("stale"); showNumbers(); });
on("point", (problem) => { showTexts(problem); announceSoon(); });
on("moved", () => {
  if (!store.trace) return;
  showStep();
  listNeighbours(store.trace, shownPoint());
  showPoint();
  announceSoon();
});
on("look", showStep);
