/** Draw the values of the chosen section after each move of the box. */

import { compared } from "./compared.js";
import { at, coordinate, format, on, store } from "./state.js";

/** @import { Pair, Rows, Value } from "./types.js" */

const MOVES = 120; // of the graph

/** @type {{align: Value, other: Value}[]} */
let moves = [];
let about = "";
let place = "";

function record() {
  const { trace, state, previous } = store;
  if (!trace) return;
  const [i, j] = trace.chosen.section;
  const subject = `${[i, j]} ${state.preset} ${state.other} ${trace.output_size} ${state.channel} ${state.batch_index}`;
  if (about !== subject || !previous) [moves, place] = [[], ""];
  about = subject;
  /** @param {Rows} output */
  const valueOf = (output) => output[j - 1]?.[i - 1] ?? null;
  const { output, isStepped } = compared(trace);
  const now = { align: valueOf(trace.output), other: valueOf(output) };
  const here = `${trace.box.corners.map(coordinate)} ${state.edits.join(" ")}`;
  if (moves.length && place === here) return;
  place = here;
  moves.push(now);
  moves = moves.slice(-MOVES);
  drawGraph([i, j], isStepped);
}

/** @type {(section: Pair, isStepped: boolean) => void} */
function drawGraph([i, j], isOtherStepped) {
  const values = moves.flatMap(({ align, other }) => [align, other]).filter((v) => v !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (/** @type {number} */ value) => (high > low ? 76 - 72 * ((value - low) / (high - low)) : 40);
  const x = (/** @type {number} */ k) => (k / (MOVES - 1)) * 300;
  /** @type {(name: "align" | "other", isStepped: boolean) => string} */
  const path = (name, isStepped) => moves.map(({ [name]: value }, k) => {
    if (value === null) return "";
    const to = `${x(k).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!k || moves[k - 1][name] === null) return `M${to}h.1`;
    return isStepped ? `H${x(k).toFixed(1)}V${y(value).toFixed(1)}` : `L${to}`;
  }).join("");
  at("graph-align").setAttribute("d", path("align", false));
  at("graph-other").setAttribute("d", path("other", isOtherStepped));
  at("graph-high").textContent = values.length ? format(high) : "";
  at("graph-low").textContent = values.length ? format(low) : "";
  at("graph-title").textContent = `Section (${i}, ${j}) during the last ${MOVES} moves`;
}

on("trace", record);
