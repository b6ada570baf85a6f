/** Start the page: read its state from the address, and keep it there. */

import "./cells.js";
import "./marks.js";
import "./values.js";
import "./drag.js";
import "./outputs.js";
import "./steps.js";
import "./focus.js"; // after the lists that take the focus
import "./choices.js";
import "./legend.js";
import { show } from "./plane.js";
import { isSettled, restore } from "./server.js";
import { emit, fromHash, on, session, store, toHash } from "./state.js";

const live = session.saved ? null
  : (await Promise.all([import("./channels.js"), import("./controls.js"), import("./graph.js"), import("./probe.js"), import("./edits.js"), import("./keys.js")]))[0];

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
    // A frame without an address cannot have a state in it.
    if (location.hash !== written && location.protocol !== "about:") history.replaceState(null, "", written);
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
  isSettled: () => isSettled() && !live?.isLoading(),
  state: () => ({
    box: store.trace?.box.values ?? null,
    preset: store.state.preset,
    other: store.state.other,
    output_size: store.state.output_size,
    sampling_ratio: store.state.sampling_ratio,
    channel: store.state.channel,
    section: store.trace?.chosen.section ?? null,
    point: store.trace?.chosen.point?.point ?? null,
    edits: store.state.edits,
    moved: store.moved,
    trace: store.trace,
  }),
};

begin();
