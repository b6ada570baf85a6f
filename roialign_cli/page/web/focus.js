/** After a click in the drawing, focus what it chose in its list, so that arrow keys go on there. */

import { at, on, store } from "./state.js";

/** The lists, the best first, and what had the focus; null without a click to be answered. */
let awaited = null;

on("click", (isPoint) => {
  const lists = isPoint ? ["points", "align"] : ["align", "points"];
  awaited = { lists, focused: document.activeElement };
});

on("trace", () => {
  if (!awaited || `${store.state.section}` !== `${store.trace.chosen.section}`) return;
  const { lists, focused } = awaited;
  awaited = null;
  if (document.activeElement !== focused) return; // the reader has gone elsewhere
  const buttons = lists.map((id) => at(id).querySelector('[tabindex="0"]'));
  buttons.find((button) => button?.getClientRects().length)?.focus({ preventScroll: true });
});
