/** Name in the legend the marks that are drawn, and no others. */

import { at, on, readsCells, store } from "./state.js";

/** @type {NodeListOf<HTMLElement>} */
const entries = document.querySelectorAll("[data-marks]");

/** @param {string} id */
const isDrawn = (id) => Boolean(at(id).getAttribute("d")) && getComputedStyle(at(id)).display !== "none";

/** The legend of points that are not between the centres of cells of the map. @type {Record<string, string>} */
const BEYOND = { extrapolated: "extrapolated point", value: "point with neighbours outside the map" };

function showEntries() {
  const { convention, other } = store.trace ?? {};
  at("legend-beyond").textContent = BEYOND[convention?.outside_neighbours ?? ""] ?? "";
  at("legend-other").textContent = other && readsCells(other.convention) ? "cell" : "sample point";
  for (const entry of entries) entry.hidden = !entry.dataset.marks?.split(" ").some(isDrawn);
}

// After the other listeners, which draw the marks.
on("trace look moved", () => queueMicrotask(showEntries));
