/** Start the page: read its state from the address, and keep it there. */

import "./cells.js";
import "./marks.js";
import "./values.js";
import "./drag.js";
import "./keys.js";
import "./outputs.js";
import "./steps.js";
import "./focus.js"; // after the lists that take the focus
import "./controls.js";
import { show } from "./plane.js";
import { isSettled, restore } from "./server.js";
import { emit, fromHash, on, store, toHash } from "./state.js";

let isFramed = false;
let written = "";
let writing = 0;

function begin() {
  fromHash(location.hash);
  emit("look");
  restore();
}

/** Write the state to the address, a few times per second at most. */
function write() {
  if (writing || !store.trace) return;
  writing = setTimeout(() => {
    writing = 0;
    written = toHash();
    if (location.hash !== written) history.replaceState(null, "", written);
  }, 250);
}

on("trace look", write);
on("trace", () => {
  // At the beginning, large enough for its sections and points.
  if (isFramed || !store.corners) return;
  isFramed = true;
  show("room");
});
addEventListener("hashchange", () => { if (location.hash !== written) begin(); });

/** What the page shows, for tests and scripts. */
window.roialign = {
  isSettled,
  state: () => ({
    box: store.trace?.box.values ?? null,
    preset: store.state.preset,
    output_size: store.state.output_size,
    sampling_ratio: store.state.sampling_ratio,
    channel: store.state.channel,
    section: store.trace?.chosen.section ?? null,
    point: store.trace?.chosen.point?.point ?? null,
    trace: store.trace,
  }),
};

begin();
