/** What the output of the preset is compared with: ROI Pool, or a second preset. */

import { at, on, readsCells, store } from "./state.js";

/** @import { Convention, Rows, Trace } from "./types.js" */

/** Whether an output jumps while the box moves. @param {Convention} convention */
export const isStepped = ({ edge_rounding: rounding }) => rounding !== "none";

/** @type {(preset: string, convention: Convention) => string} */
function operator(preset, convention) {
  if (!readsCells(convention)) return "ROI Align";
  const isPool = convention.points === "cells" && convention.channel_map === "same";
  return isPool ? "ROI Pool (the preset)" : preset;
}

/**
 * Return the names of both outputs of a trace, and the second output. `isStepped` is whether the
 * second output jumps from cell to cell while the box moves.
 *
 * @param {Trace} trace
 * @returns {{first: string, second: string, output: Rows, isStepped: boolean}}
 */
export function compared({ preset, convention, other, roi_pool: pool }) {
  if (other) {
    return { first: preset, second: other.preset, output: other.output, isStepped: isStepped(other.convention) };
  }
  return { first: operator(preset, convention), second: "ROI Pool", output: pool.output, isStepped: true };
}

on("trace", () => {
  const { trace } = store;
  if (!trace) return;
  const names = compared(trace);
  for (const one of document.querySelectorAll("[data-name]")) {
    one.textContent = one.getAttribute("data-name") === "first" ? names.first : names.second;
  }
  at("align").setAttribute("aria-label", `Output of ${names.first}`);
  at("other").setAttribute("aria-label", `Output of ${names.second}`);
  at("difference").setAttribute("aria-label", `Output of ${names.first} minus that of ${names.second}`);
});
