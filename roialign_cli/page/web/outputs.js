/** The outputs of ROI Align and ROI Pool side by side, and how they follow the box. */

import { choose } from "./clicks.js";
import { ink, rgb } from "./shades.js";
import { at, coordinate, format, on, store } from "./state.js";
import { Table } from "./table.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const MOVES = 120; // of the graph

let isMany = false; // columns: there is no space for the size of changes
const narrow = matchMedia("(max-width: 32rem)");
narrow.addEventListener("change", showOutputs);
const isShort = () => isMany || narrow.matches;

/** Format a number with three or four digits if there is little space. */
function short(value) {
  if (!isShort() || value === null) return format(value);
  return format(Number(value.toPrecision(Math.abs(value) < 1 ? 3 : 4)));
}

function changeOf(now, before) {
  if (before === null || before === undefined || now === null || now === before) return 0;
  return now - before;
}

const isChosen = (i, j) => `${store.trace.chosen.section}` === `${[i, j]}`;

/** Return the previous trace, if its changes can be shown. */
function steady() {
  const { trace, previous } = store;
  const isSameSize = previous && `${previous.output_size}` === `${trace.output_size}`;
  return isSameSize ? previous : null;
}

/** Return a function that fills a cell of an output with its value and its change. */
const filler = (outputOf) => (cell, i, j) => {
  const value = outputOf(store.trace)[j - 1][i - 1];
  const before = steady();
  const change = changeOf(value, before && outputOf(before)[j - 1][i - 1]);
  const { map } = store;
  const range = map && map.max > map.min ? map.max - map.min : Infinity;
  const parts = rgb(value);
  cell.style.background = `rgb(${parts})`;
  cell.style.color = ink(parts);
  const wasShown = cell.firstChild.textContent !== ""; // cells are made when a table is scrolled
  cell.firstChild.textContent = short(value);
  if (isShort()) cell.title = format(value);
  else cell.removeAttribute("title");
  const arrow = change > 0 ? "▲" : "▼";
  cell.lastChild.textContent = change ? `${arrow}${isMany ? "" : ` ${format(Math.abs(change))}`}` : "";
  cell.classList.toggle("jumped", wasShown && Math.abs(change) > 0.05 * range);
  cell.classList.toggle("chosen", isChosen(i, j));
};

const ofAlign = (trace) => trace.output;
const ofPool = (trace) => trace.roi_pool.output;
const fillAlign = filler(ofAlign);

const align = new Table("align", (cell, i, j) => {
  fillAlign(cell, i, j);
  cell.tabIndex = isChosen(i, j) ? 0 : -1;
  cell.setAttribute("aria-pressed", isChosen(i, j));
  cell.setAttribute("aria-label", `section (${i}, ${j}): ${format(store.trace.output[j - 1][i - 1])}`);
}, true);
const pool = new Table("pool", filler(ofPool));
const differences = new Table("difference", (cell, i, j) => {
  const { difference, largest_difference: largest } = store.trace;
  const value = difference[j - 1][i - 1];
  const share = value === null || !largest ? 0 : Math.abs(value) / largest;
  cell.classList.add(value < 0 ? "less" : "more");
  cell.classList.remove(value < 0 ? "more" : "less");
  cell.style.background = `color-mix(in srgb, var(--towards) ${Math.round(share * 45)}%, var(--ground))`;
  cell.firstChild.textContent = value > 0 ? `+${short(value)}` : short(value);
  cell.classList.toggle("chosen", isChosen(i, j));
});

function showTables({ output_size: [rows, columns], chosen }) {
  isMany = columns > 4;
  at("outputs").classList.toggle("many", isMany);
  at("outputs").classList.toggle("stacked", columns > 7);
  for (const table of [align, pool, differences]) {
    table.grid.classList.toggle("many", isMany);
    table.resize(rows, columns);
    if (table !== differences || at("differences").open) table.show(chosen.section);
  }
}

/** Return the largest change of an output since the trace before. */
function largestChange(outputOf) {
  const [now, before] = [store.trace, steady()].map((trace) => outputOf(trace).flat());
  return now.reduce((largest, value, k) => Math.max(largest, Math.abs(changeOf(value, before[k]))), 0);
}

function showOutputs() {
  const { trace } = store;
  if (!trace) return;
  showTables(trace);
  const isPool = trace.convention.points === "cells";
  at("align-title").textContent = isPool ? "ROI Pool (the preset)" : "ROI Align";
  at("largest").textContent = format(trace.largest_difference);
  at("changes").textContent = steady()
    ? `Largest change of the last move: ${at("align-title").textContent} ${format(largestChange(ofAlign))}, `
      + `ROI Pool ${format(largestChange(ofPool))}`
    : isPool ? "Choose another preset to compare ROI Align with ROI Pool."
      : "Drag the box: ROI Align glides, ROI Pool jumps.";
}

at("differences").addEventListener("toggle", () => {
  if (at("differences").open && store.trace) showTables(store.trace);
});
at("align").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  button.focus();
  choose(button.dataset.section.split(",").map(Number));
});
at("align").addEventListener("keydown", (event) => {
  if (!(event.key in ARROWS) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const [i, j] = document.activeElement.dataset.section.split(",").map(Number);
  const [dx, dy] = ARROWS[event.key];
  const next = align.cell(i + dx, j + dy);
  if (!next) return;
  next.focus();
  choose([i + dx, j + dy]);
});

// The graph: the values of the chosen section after each move -----------------------------------------

/** @type {{align: number | null, pool: number | null}[]} */
let moves = [];
let about = "";
let place = "";

function record() {
  const { trace, state, previous } = store;
  if (!trace) return;
  const [i, j] = trace.chosen.section;
  const subject = `${[i, j]} ${state.preset} ${trace.output_size} ${state.channel} ${state.batch_index}`;
  if (about !== subject || !previous) [moves, place] = [[], ""];
  about = subject;
  const now = { align: trace.output[j - 1]?.[i - 1] ?? null, pool: trace.roi_pool.output[j - 1]?.[i - 1] ?? null };
  const here = `${trace.box.corners.map(coordinate)}`;
  if (moves.length && place === here) return;
  place = here;
  moves.push(now);
  moves = moves.slice(-MOVES);
  drawGraph(i, j);
}

function drawGraph(i, j) {
  const values = moves.flatMap(({ align, pool }) => [align, pool]).filter((v) => v !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (value) => (high > low ? 76 - 72 * ((value - low) / (high - low)) : 40);
  const x = (k) => (k / (MOVES - 1)) * 300;
  const path = (name, isStepped) => moves.map((move, k) => {
    if (move[name] === null) return "";
    const to = `${x(k).toFixed(1)} ${y(move[name]).toFixed(1)}`;
    if (!k || moves[k - 1][name] === null) return `M${to}h.1`;
    return isStepped ? `H${x(k).toFixed(1)}V${y(move[name]).toFixed(1)}` : `L${to}`;
  }).join("");
  at("graph-align").setAttribute("d", path("align", false));
  at("graph-pool").setAttribute("d", path("pool", true));
  at("graph-high").textContent = values.length ? format(high) : "";
  at("graph-low").textContent = values.length ? format(low) : "";
  at("graph-title").textContent = `Section (${i}, ${j}) during the last ${MOVES} moves`;
}

on("trace", () => { showOutputs(); record(); });
on("map theme", () => { if (store.trace) showOutputs(); });
on("map", () => {
  at("ramp-low").textContent = format(store.map.min);
  at("ramp-high").textContent = format(store.map.max);
});
