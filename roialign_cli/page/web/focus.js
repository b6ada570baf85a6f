/** After a click in the drawing, focus what it chose in its list, so that arrow keys go on there. */

import { at, on, store } from "./state.js";

/**
 * The lists, the best first, and what had the focus; null without a click to be answered.
 *
 * @type {{lists: string[], focused: Element | null} | null}
 */
let awaited = null;

on("click", (/** @type {boolean} */ isPoint) => {
  const lists = isPoint ? ["points", "align"] : ["align", "points"];
  awaited = { lists, focused: document.activeElement };
});

on("trace", () => {
  if (!awaited || `${store.state.section}` !== `${store.trace?.chosen.section}`) return;
  const { lists, focused } = awaited;
  awaited = null;
  if (document.activeElement !== focused) return; // the reader has gone elsewhere
  const buttons = lists.map((id) => at(id).querySelector('button[tabindex="0"]'));
  const button = buttons.find((one) => one?.getClientRects().length);
  if (button instanceof HTMLElement) button.focus({ preventScroll: true });
});
