/** What can be chosen without computing: the box of the call, the channel, and the view. */

import { show, zoom } from "./plane.js";
import { refresh } from "./server.js";
import { at, channelText, coordinate, element, emit, mapsPerChannel, on, session, store } from "./state.js";

/** @type {(value: string | number, text?: string | number) => HTMLOptionElement} */
export const option = (value, text = value) => element("option", { value }, `${text}`);

for (const { index, name, box } of session.boxes) {
  at("boxes").append(option(index, `${index}: ${name || box.map(coordinate).join(", ")}`));
}
let isChosen = false; // from the list, so that it has to come into view
// Shown once the box differs from that of the call.
at("boxes").append(element("option", { value: "", disabled: "", hidden: "" }, "moved"));
at("boxes").addEventListener("change", () => {
  const chosen = session.boxes.find(({ index }) => String(index) === at("boxes").value);
  if (!chosen) return;
  Object.assign(store.state, {
    roi: chosen.index, box: chosen.box, corners: null, batch_index: chosen.batch_index,
    section: null, point: null,
  });
  isChosen = true;
  refresh();
});
on("trace", () => {
  if (isChosen) show("room");
  isChosen = false;
  const given = session.boxes.find(({ index }) => index === store.state.roi);
  const isGiven = given && `${given.box}` === `${store.trace?.box.values}`;
  at("boxes").value = isGiven ? String(given.index) : "";
});

let listed = ""; // how many output channels the list has
function listChannels() {
  const maps = mapsPerChannel();
  if (listed === `${maps}`) return;
  listed = `${maps}`;
  const count = session.feature_map.channels / maps;
  // Of a map that cannot be divided, another preset is chosen next.
  const isSame = maps === 1 || !Number.isInteger(count);
  const channels = isSame ? session.channels : Array.from({ length: count }, (_, c) => c);
  at("channel").replaceChildren(...channels.map((channel) => {
    const name = isSame && typeof channel === "number" ? session.image?.channels[channel] : undefined;
    return option(channel, typeof channel === "string" ? `${channel} of all` : name);
  }));
}
at("channel").addEventListener("change", () => {
  const { value } = at("channel");
  Object.assign(store.state, { channel: /^\d+$/.test(value) ? Number(value) : value });
  refresh();
});
on("state", () => {
  listChannels();
  at("channel").value = `${store.state.channel}`;
});
on("trace", () => {
  at("reads").textContent = `${channelText()}, which is drawn.`;
  at("reads").hidden = !channelText();
});

// A saved page has only some of the boxes and channels.
/** @type {(id: string, hidden: boolean) => void} */
const hideLabel = (id, hidden) => { at(id).closest("label")?.toggleAttribute("hidden", hidden); };
hideLabel("boxes", session.saved && session.boxes.length === 1);
hideLabel("channel", session.saved && session.channels.length === 1);

// The view --------------------------------------------------------------------------------------------

at("fit").addEventListener("click", () => show("fit"));
at("around").addEventListener("click", () => show("box"));
at("closer").addEventListener("click", () => zoom(1.4));
at("farther").addEventListener("click", () => zoom(1 / 1.4));

/** Let a switch set a part of the look. @param {"pool" | "snap" | "photo"} name */
export function connect(name) {
  const input = at(`switch-${name}`);
  input.addEventListener("change", () => {
    store.look[name] = input.checked;
    emit("look");
  });
  on("look", () => { input.checked = store.look[name]; });
}
connect("pool");
connect("photo");
hideLabel("switch-photo", session.image === null);
