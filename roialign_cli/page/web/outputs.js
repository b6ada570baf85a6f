/** The outputs of both sides of the comparison, and how they follow the box. */

import { compared } from "./compared.js";
import { ARROWS, choose } from "./drag.js";
import { ink, rgb } from "./shades.js";
import { at, buttonOf, element, format, on, pair, session, store } from "./state.js";

/** @import { Rows, Trace, Value } from "./types.js" */

/** @type {Record<string, HTMLElement[]>} */
const cells = { align: [], other: [], difference: [] };
let size = "";
let isMany = false; // columns: there is no space for the size of changes
const narrow = matchMedia("(max-width: 32rem)");
narrow.addEventListener("change", showOutputs);
const isShort = () => isMany || narrow.matches;

/** Format a number with three or four digits if there is little space. @param {Value} value */
function short(value) {
  if (!isShort() || value === null) return format(value);
  return format(Number(value.toPrecision(Math.abs(value) < 1 ? 3 : 4)));
}

/** @param {Rows} output */
function build(output) {
  const [rows, columns] = [output.length, output[0].length];
  if (size === `${rows}x${columns}`) return;
  size = `${rows}x${columns}`;
  isMany = columns > 4;
  at("outputs").classList.toggle("many", isMany);
  at("outputs").classList.toggle("stacked", columns > 7);
  for (const name of Object.keys(cells)) {
    const kind = name === "align" ? "button" : "span";
    cells[name] = [];
    const narrowest = columns > 4 ? "2.5rem" : "0";
    at(name).style.gridTemplateColumns = `repeat(${columns}, minmax(${narrowest}, 1fr))`;
    at(name).classList.toggle("many", columns > 4);
    at(name).replaceChildren();
    output.forEach((row, j) => {
      const line = element("div", { role: "row" });
      row.forEach((_, i) => {
        const cell = element(kind, kind === "button" ? { type: "button" } : {},
          element("b"), element("i"));
        cell.dataset.section = `${i + 1},${j + 1}`;
        cells[name].push(cell);
        line.append(kind === "button" ? element("div", { role: "cell" }, cell)
          : (cell.setAttribute("role", "cell"), cell));
      });
      at(name).append(line);
    });
  }
}

/** @type {(now: Value, before?: Value) => number} */
function changeOf(now, before) {
  if (before === null || before === undefined || now === null || now === before) return 0;
  return now - before;
}

/**
 * Fill one table, and return the largest change since the trace before.
 *
 * @type {(name: string, output: Rows, before: Rows | undefined, chosen: string) => number}
 */
function fill(name, output, before, chosen) {
  let largest = 0;
  const only = store.trace?.only_section;
  const { map } = store;
  const range = (map?.max ?? 0) - (map?.min ?? 0) || Infinity;
  const earlier = before?.flat();
  output.flat().forEach((value, k) => {
    const cell = cells[name][k];
    const change = changeOf(value, earlier?.[k]);
    largest = Math.max(largest, Math.abs(change));
    const parts = rgb(value);
    cell.style.background = `rgb(${parts})`;
    cell.style.color = ink(parts);
    cell.children[0].textContent = short(value);
    if (isShort()) cell.title = format(value);
    else cell.removeAttribute("title");
    const arrow = change > 0 ? "▲" : "▼";
    cell.children[1].textContent = change ? `${arrow}${isMany ? "" : ` ${format(Math.abs(change))}`}` : "";
    cell.classList.toggle("jumped", Math.abs(change) > 0.05 * range);
    cell.classList.toggle("chosen", cell.dataset.section === chosen);
    if (name !== "align") return;
    cell.toggleAttribute("disabled", only !== undefined && cell.dataset.section !== `${only}`);
    cell.tabIndex = cell.dataset.section === chosen ? 0 : -1;
    cell.setAttribute("aria-pressed", `${cell.dataset.section === chosen}`);
    cell.setAttribute("aria-label", `section (${cell.dataset.section?.replace(",", ", ")}): ${cell.textContent}`);
  });
  return largest;
}

/** @param {Trace} trace */
function fillDifference({ difference, largest_difference: largest, chosen }) {
  difference.flat().forEach((value, k) => {
    const cell = cells.difference[k];
    const change = value ?? 0;
    const share = largest ? Math.abs(change) / largest : 0;
    cell.classList.add(change < 0 ? "less" : "more");
    cell.classList.remove(change < 0 ? "more" : "less");
    cell.style.background = `color-mix(in srgb, var(--towards) ${Math.round(share * 45)}%, var(--ground))`;
    cell.children[0].textContent = change > 0 ? `+${short(value)}` : short(value);
    cell.classList.toggle("chosen", cell.dataset.section === `${chosen.section}`);
  });
}

function showOutputs() {
  const { trace, previous } = store;
  if (!trace) return;
  build(trace.output);
  const chosen = `${trace.chosen.section}`;
  const steady = previous && previous.output.length === trace.output.length ? previous : null;
  const align = fill("align", trace.output, steady?.output, chosen);
  const names = compared(trace);
  const other = fill("other", names.output, steady ? compared(steady).output : undefined, chosen);
  if (at("differences").open) fillDifference(trace);
  at("largest").textContent = format(trace.largest_difference);
  if (session.saved) return;
  at("changes").textContent = steady
    ? `Largest change of the last ${store.cause}: ${names.first} ${format(align)}, ${names.second} ${format(other)}`
    : invitation(trace);
}

/** @param {Trace} trace */
function invitation({ convention, other }) {
  if (other) return "Drag the box: both outputs follow.";
  return convention.points === "cells" ? "Choose another preset to compare ROI Align with ROI Pool."
    : "Drag the box: ROI Align glides, ROI Pool jumps.";
}

at("differences").addEventListener("toggle", () => {
  if (at("differences").open && store.trace) fillDifference(store.trace);
});
at("align").addEventListener("click", (event) => {
  const button = buttonOf(event);
  const section = pair(button?.dataset.section ?? "");
  if (!section) return;
  button?.focus();
  choose(section);
});
at("align").addEventListener("keydown", (event) => {
  const section = pair(buttonOf(event)?.dataset.section ?? "");
  if (!section || !(event.key in ARROWS) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const [i, j] = section;
  const [dx, dy] = ARROWS[event.key];
  const next = cells.align.find((cell) => cell.dataset.section === `${[i + dx, j + dy]}`);
  if (!next) return;
  next.focus();
  choose([i + dx, j + dy]);
});

on("trace", showOutputs);
on("map theme", () => { if (store.trace) showOutputs(); });
on("map", () => {
  at("ramp-low").textContent = format(store.map?.min ?? null);
  at("ramp-high").textContent = format(store.map?.max ?? null);
});
