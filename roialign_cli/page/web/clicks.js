/** Choose the section or the sample point that is clicked in the drawing. */

import { sectionArea } from "./marks.js";
import { mapX, mapY, px, py } from "./plane.js";
import { refresh } from "./server.js";
import { at, emit, flip, store } from "./state.js";

const REACH = 10; // pixels from a sample point

/** Choose a section, and a point of it or the one that the server chooses. */
export function choose(section, point = null) {
  Object.assign(store.state, { section, point });
  refresh();
}

/** Return the section and the number of the sample point at a position in pixels, or null. */
function pointAt(x, y) {
  let best = { distance: REACH, found: null };
  for (const { section, points } of store.trace.sections) {
    for (const p of points) {
      const distance = Math.hypot(px(p.x) - x, py(flip(p.y)) - y);
      if (distance < best.distance) best = { distance, found: [section, p.point] };
    }
  }
  return best.found;
}

function sectionAt(x, y) {
  const [cellX, cellY] = [mapX(x), mapY(y)];
  return store.trace.sections.find((section) => {
    const [left, top, right, bottom] = sectionArea(section);
    return left <= cellX && cellX < right && top <= cellY && cellY < bottom;
  });
}

/** Choose what is drawn at a position of the window. */
export function click({ clientX, clientY }) {
  const { step } = store.look;
  if (!store.trace || step === 1) return; // the first step draws no sections
  const area = at("marks").getBoundingClientRect();
  const [x, y] = [clientX - area.left, clientY - area.top];
  const point = step === 2 ? null : pointAt(x, y);
  const section = point ? null : sectionAt(x, y)?.section;
  if (!point && !section) return;
  emit("click", point !== null);
  choose(...(point ?? [section]));
}
