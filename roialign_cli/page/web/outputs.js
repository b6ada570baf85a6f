/** The outputs of both sides of the comparison, and how they follow the box. */

import { choose } from "./clicks.js";
import { compared, isStepped } from "./compared.js";
import { ink, rgb } from "./shades.js";
import { ARROWS, at, buttonOf, format, on, pair, session, store } from "./state.js";
import { Table } from "./table.js";

/** @import { Rows, Trace, Value } from "./types.js" */
/** @import { Fill } from "./table.js" */
/** @typedef {(trace: Trace) => Rows} OutputOf */

const LETTER = 10; // pixels of a digit in a cell

let isMany = false; // columns: there is no space for the size of changes
let isShort = false; // whether the numbers of outputs are shortened
const narrow = matchMedia("(max-width: 32rem)");
addEventListener("resize", showOutputs);

/** Format a number with three or four digits. @param {Value} value */
const short = (value) => format(value && Number(value.toPrecision(Math.abs(value) < 1 ? 3 : 4)));

/** Whether a number of the outputs is wider than its cell. @param {Trace} trace */
function isTight(trace) {
  const letters = [ofAlign, ofOther].flatMap((outputOf) => outputOf(trace).flat().map((value) => format(value).length));
  return at("align").clientWidth / trace.output_size[1] < Math.max(...letters) * LETTER + 8;
}

/** @type {(now: Value, before?: Value) => number} */
function changeOf(now, before) {
  if (before === null || before === undefined || now === null || now === before) return 0;
  return now - before;
}

/** @type {(trace: Trace, i: number, j: number) => boolean} */
const isChosen = (trace, i, j) => `${trace.chosen.section}` === `${[i, j]}`;

/** Return the previous trace, if its changes can be shown. @param {Trace} trace */
function steady(trace) {
  const { previous } = store;
  return previous && `${previous.output_size}` === `${trace.output_size}` ? previous : null;
}

/**
 * Return a function that fills a cell of an output with its value and its change.
 *
 * @type {(outputOf: OutputOf) => (cell: HTMLElement, trace: Trace, i: number, j: number) => void}
 */
const filler = (outputOf) => (cell, trace, i, j) => {
  const value = outputOf(trace)[j - 1][i - 1];
  const before = steady(trace);
  const change = changeOf(value, before && outputOf(before)[j - 1][i - 1]);
  const range = (store.map?.max ?? 0) - (store.map?.min ?? 0) || Infinity;
  const parts = rgb(value);
  cell.style.background = `rgb(${parts})`;
  cell.style.color = ink(parts);
  const [shown, changed] = cell.children;
  const wasShown = shown.textContent !== ""; // cells are made when a table is scrolled
  const shownAs = isShort ? short : format;
  shown.textContent = shownAs(value);
  if (isShort) cell.title = format(value);
  else cell.removeAttribute("title");
  const arrow = change > 0 ? "▲" : "▼";
  changed.textContent = change ? `${arrow}${isMany ? "" : ` ${shownAs(Math.abs(change))}`}` : "";
  cell.classList.toggle("jumped", wasShown && Math.abs(change) > 0.05 * range);
  cell.classList.toggle("chosen", isChosen(trace, i, j));
};

/** @type {OutputOf} */
const ofAlign = (trace) => trace.output;
/** @type {OutputOf} */
const ofOther = (trace) => compared(trace).output;
const fillAlign = filler(ofAlign);
const fillOther = filler(ofOther);

/** Let a function that needs a trace fill cells. @type {(fill: (cell: HTMLElement, trace: Trace, i: number, j: number) => void) => Fill} */
const ofTrace = (fill) => (cell, i, j) => { if (store.trace) fill(cell, store.trace, i, j); };

const align = new Table("align", ofTrace((cell, trace, i, j) => {
  fillAlign(cell, trace, i, j);
  const only = trace.only_section;
  cell.toggleAttribute("disabled", only !== undefined && `${[i, j]}` !== `${only}`);
  cell.tabIndex = isChosen(trace, i, j) ? 0 : -1;
  cell.setAttribute("aria-pressed", `${isChosen(trace, i, j)}`);
  const exact = cell.title && cell.title !== cell.children[0].textContent ? `, exactly ${cell.title}` : "";
  cell.setAttribute("aria-label", `section (${i}, ${j}): ${cell.textContent}${exact}`);
}), true);
const other = new Table("other", ofTrace(fillOther));
const differences = new Table("difference", ofTrace((cell, trace, i, j) => {
  const { difference, largest_difference: largest } = trace;
  const value = difference[j - 1][i - 1];
  const change = value ?? 0;
  const share = largest ? Math.abs(change) / largest : 0;
  cell.classList.add(change < 0 ? "less" : "more");
  cell.classList.remove(change < 0 ? "more" : "less");
  cell.style.background = `color-mix(in srgb, var(--towards) ${Math.round(share * 45)}%, var(--ground))`;
  const text = (isMany || narrow.matches ? short : format)(value);
  cell.children[0].textContent = change > 0 ? `+${text}` : text;
  cell.classList.toggle("chosen", isChosen(trace, i, j));
}));

/** @param {Trace} trace */
function showTables(trace) {
  const { output_size: [rows, columns], chosen } = trace;
  isMany = columns > (narrow.matches ? 3 : 4);
  at("outputs").classList.toggle("many", isMany);
  at("outputs").classList.toggle("stacked", columns > 7);
  isShort = isMany || narrow.matches || isTight(trace);
  for (const table of [align, other, differences]) {
    table.grid.classList.toggle("many", isMany);
    table.resize(rows, columns);
    if (table !== differences || at("differences").open) table.show(chosen.section);
  }
}

/** Return the largest change of an output. @type {(outputOf: OutputOf, trace: Trace, before: Trace) => string} */
function largestChange(outputOf, trace, before) {
  const earlier = outputOf(before).flat();
  return format(outputOf(trace).flat().reduce(
    (/** @type {number} */ largest, value, k) => Math.max(largest, Math.abs(changeOf(value, earlier[k]))), 0));
}

function showOutputs() {
  const { trace } = store;
  if (!trace) return;
  showTables(trace);
  at("largest").textContent = format(trace.largest_difference);
  if (session.saved) return;
  const before = steady(trace);
  const { first, second } = compared(trace);
  at("changes").textContent = before
    ? `Largest change of the last ${store.cause}: ${first} ${largestChange(ofAlign, trace, before)}, `
      + `${second} ${largestChange(ofOther, trace, before)}`
    : invitation(trace);
}

/** @param {Trace} trace */
function invitation(trace) {
  if (trace.other) return "Drag the box: both outputs follow.";
  return isStepped(trace.convention) ? "Choose another preset to compare ROI Align with ROI Pool."
    : `Drag the box: ${compared(trace).first} glides, ROI Pool jumps.`;
}

at("differences").addEventListener("toggle", () => {
  if (at("differences").open && store.trace) showTables(store.trace);
});
/** Return the section of a button, or null. @param {Element | null} button */
const sectionOf = (button) => pair(button?.getAttribute("data-section") ?? "");

at("align").addEventListener("click", (event) => {
  const button = buttonOf(event);
  const section = sectionOf(button);
  if (!section) return;
  button?.focus();
  choose(section);
});
at("align").addEventListener("keydown", (event) => {
  const section = sectionOf(document.activeElement);
  if (!section || !(event.key in ARROWS) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const [dx, dy] = ARROWS[event.key];
  const [i, j] = [section[0] + dx, section[1] + dy];
  const next = align.cell(i, j);
  if (!next || next.hasAttribute("disabled")) return;
  next.focus();
  choose([i, j]);
});

on("trace", showOutputs);
on("map theme", () => { if (store.trace) showOutputs(); });
on("map", () => {
  at("ramp-low").textContent = format(store.map?.min ?? null);
  at("ramp-high").textContent = format(store.map?.max ?? null);
});
