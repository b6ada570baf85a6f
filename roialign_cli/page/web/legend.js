/** Name in the legend the marks that are drawn, and no others. */

import { at, on } from "./state.js";

/** @type {NodeListOf<HTMLElement>} */
const entries = document.querySelectorAll("[data-marks]");

/** @param {string} id */
const isDrawn = (id) => Boolean(at(id).getAttribute("d")) && getComputedStyle(at(id)).display !== "none";

function showEntries() {
  for (const entry of entries) entry.hidden = !entry.dataset.marks?.split(" ").some(isDrawn);
}

// After the other listeners, which draw the marks.
on("trace look moved", () => queueMicrotask(showEntries));
