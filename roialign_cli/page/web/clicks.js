/** Choose the section or the sample point that is clicked in the drawing. */

import { sectionArea } from "./marks.js";
import { mapX, mapY, px, py } from "./plane.js";
import { refresh } from "./server.js";
import { at, emit, flip, store } from "./state.js";

/** @import { Pair, Section, Trace } from "./types.js" */

const REACH = 10; // pixels from a sample point

/**
 * Choose a section, and a point of it or the one that the server chooses.
 *
 * @type {(section: Pair, point?: Pair | null) => void}
 */
export function choose(section, point = null) {
  Object.assign(store.state, { section, point });
  refresh();
}

/**
 * Return the section and the number of the sample point at a position in pixels, or null.
 *
 * @type {(trace: Trace, x: number, y: number) => [Pair, Pair] | null}
 */
function pointAt({ sections }, x, y) {
  /** @type {{distance: number, found: [Pair, Pair] | null}} */
  let best = { distance: REACH, found: null };
  for (const { section, points } of sections) {
    for (const p of points) {
      const distance = Math.hypot(px(p.x) - x, py(flip(p.y)) - y);
      if (distance < best.distance) best = { distance, found: [section, p.point] };
    }
  }
  return best.found;
}

/** @type {(trace: Trace, x: number, y: number) => Section | undefined} */
function sectionAt({ sections, section_size: size }, x, y) {
  const [cellX, cellY] = [mapX(x), mapY(y)];
  return sections.find((section) => {
    const [left, top, right, bottom] = sectionArea(section, size);
    return left <= cellX && cellX < right && top <= cellY && cellY < bottom;
  });
}

/**
 * Choose what is drawn at a position of the window: a cell while cells are edited, or else a sample
 * point or a section.
 *
 * @param {{clientX: number, clientY: number}} event
 */
export function clickAt({ clientX, clientY }) {
  const { trace, look: { step } } = store;
  const area = at("marks").getBoundingClientRect();
  const [x, y] = [clientX - area.left, clientY - area.top];
  if (at("marks").classList.contains("editing")) emit("cell", mapX(x), mapY(y));
  else if (trace && step !== 1) { // the first step draws no sections
    const point = step === 2 ? null : pointAt(trace, x, y);
    const section = point?.[0] ?? sectionAt(trace, x, y)?.section;
    if (!section) return;
    emit("click", point !== null);
    choose(section, point?.[1]);
  }
}
