/** Small pictures of the channels in a row, one of which is chosen. */

import { context } from "./cells.js";
import { change } from "./controls.js";
import { COLUMNS, ROWS } from "./plane.js";
import { ask } from "./server.js";
import { mixed, rgb } from "./shades.js";
import { at, buttonOf, element, mapsPerChannel, on, session, store } from "./state.js";

/** @import { ChannelsAnswer, Pair } from "./types.js" */

const SIDE = 48; // of a picture, in pixels
const LARGEST_SHADE = 254;
const GROUP = session.limits.pictured_channels; // the channels of one answer
const { channels } = session.feature_map;
const row = at("channels");

const scale = SIDE / Math.max(COLUMNS, ROWS);
const across = Math.max(COLUMNS * scale, 8);
const STEP = Math.max(across, 36) + 10; // from one picture to the next, in pixels
row.style.setProperty("--across", `${across}px`);
row.style.setProperty("--down", `${Math.max(ROWS * scale, 8)}px`);
row.style.setProperty("--step", `${STEP}px`);

// Thousands of buttons would delay the page: those of a group are made once they are needed.
const parts = Array.from({ length: row.hidden ? 0 : Math.ceil(channels / GROUP) }, (_, group) => {
  const part = element("div");
  part.style.width = `${Math.min(GROUP, channels - group * GROUP) * STEP}px`;
  return part;
});
row.append(...parts);

/** Make the button of a channel. @param {number} c */
function make(c) {
  const name = session.image?.channels[c] ?? String(c);
  const button = element("button", {
    type: "button", role: "radio", tabindex: "-1", "aria-checked": "false",
    "aria-label": session.image ? name : `channel ${c}`, "aria-setsize": channels, "aria-posinset": c + 1,
  }, element("span", { class: "picture" }), name);
  button.dataset.channel = String(c);
  return button;
}

/**
 * Return the button of a channel, undefined for a combination of channels.
 *
 * @param {number | string} channel
 * @returns {HTMLElement | undefined}
 */
function buttonAt(channel) {
  if (typeof channel === "string") return undefined;
  const group = Math.floor(channel / GROUP);
  const part = parts[group];
  if (part && !part.children.length) {
    const count = Math.min(GROUP, channels - group * GROUP);
    part.append(...Array.from({ length: count }, (_, k) => make(group * GROUP + k)));
  }
  return /** @type {HTMLElement} */ (part?.children[channel % GROUP]);
}

// The pictures: those that are in sight are asked for, one group at a time ----------------------------

// The answer about each group of channels, null if there was an error.
/** @type {Map<number, ChannelsAnswer | null>} */
const groups = new Map();
/** Return which map the pictures are of: the level of a pyramid, and the image. */
const currentMap = () => `${store.trace?.pyramid?.level} ${store.state.batch_index}`;
let pictured = currentMap();
let isBusy = false;

/** Whether pictures are on their way. */
export const isLoading = () => isBusy;

/** Return the first group in sight that was not asked for, undefined if there is none. */
function missing() {
  const first = Math.floor(row.scrollLeft / STEP / GROUP);
  const last = Math.floor((row.scrollLeft + row.clientWidth) / STEP / GROUP);
  for (let group = first; group <= Math.min(last, parts.length - 1); group += 1) if (!groups.has(group)) return group;
  return undefined;
}

async function load() {
  if (isBusy || row.hidden || !store.trace) return;
  isBusy = true;
  for (let group = missing(); group !== undefined; group = missing()) {
    buttonAt(group * GROUP);
    const asked = pictured;
    // The first rules with the last box have an answer whatever is typed at the moment.
    const { batch_index } = store.state;
    const state = { ...session.state, box: store.trace.box.values, batch_index, channel: group * GROUP };
    let answer = null;
    try {
      answer = await (await ask("channels", state)).json();
    } catch {
      row.hidden = groups.size === 0; // as in a page without a server
    }
    if (asked === pictured) groups.set(group, answer);
    if (asked === pictured && answer) draw(answer);
  }
  isBusy = false;
}

/** Draw the pictures of one answer. @param {ChannelsAnswer} answer */
function draw({ first, channels: count, rows, columns, data }) {
  const shades = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const colours = Array.from({ length: LARGEST_SHADE + 1 }, (_, shade) => mixed(shade / LARGEST_SHADE));
  colours.push(rgb(null));
  const isFew = Math.max(rows, columns) <= SIDE / 2;
  for (let k = 0; k < count; k += 1) {
    const canvas = element("canvas", { width: columns, height: rows, class: isFew ? "few" : "" });
    const onto = context(canvas);
    const pixels = onto.createImageData(columns, rows);
    for (let cell = 0; cell < rows * columns; cell += 1) {
      pixels.data.set([...colours[shades[k * rows * columns + cell]], 255], 4 * cell);
    }
    onto.putImageData(pixels, 0, 0);
    buttonAt(first + k)?.firstElementChild?.replaceChildren(canvas);
  }
}

on("theme", () => groups.forEach((answer) => { if (answer) draw(answer); }));
row.addEventListener("scroll", load);
new ResizeObserver(load).observe(row);

// The choice ------------------------------------------------------------------------------------------

/** @type {number | string | null} */
let shown = null; // the channel that is marked as chosen
let isFirst = true;

function showChoice() {
  if (!store.trace) return;
  const { channel } = store.trace.chosen;
  if (currentMap() !== pictured) {
    pictured = currentMap();
    groups.clear();
    load();
  }
  if (channel === shown) return;
  shown = channel;
  for (const button of row.querySelectorAll("[tabindex='0']")) {
    button.setAttribute("tabindex", "-1");
    button.setAttribute("aria-checked", "false");
  }
  const chosen = buttonAt(channel);
  const stop = chosen ?? buttonAt(0); // the only one that the Tab key reaches
  stop?.setAttribute("tabindex", "0");
  chosen?.setAttribute("aria-checked", "true");
  if (chosen) reveal(chosen);
}

/** @param {HTMLElement} button */
function reveal(button) {
  const [left, right] = [button.offsetLeft, button.offsetLeft + button.offsetWidth];
  if (left >= row.scrollLeft && right <= row.scrollLeft + row.clientWidth) return;
  row.scrollLeft = (left + right - row.clientWidth) / 2;
}

on("trace", () => {
  showChoice();
  if (isFirst) load(); // the numbers are first
  isFirst = false;
});

/** Choose a channel, or the output channel and the section that reads it. @param {number} channel */
function choose(channel) {
  buttonAt(channel)?.focus({ preventScroll: true });
  const maps = mapsPerChannel();
  if (maps === 1) {
    change({ channel });
    return;
  }
  const [place, columns] = [channel % maps, store.state.output_size[1]];
  const section = /** @type {Pair} */ ([place % columns + 1, Math.floor(place / columns) + 1]);
  change({ channel: Math.floor(channel / maps), section, point: null });
}

row.addEventListener("click", (event) => {
  const button = buttonOf(event);
  if (button) choose(Number(button.dataset.channel));
});
row.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const here = Number(document.activeElement?.getAttribute("data-channel"));
  const next = {
    ArrowLeft: here - 1, ArrowUp: here - 1, ArrowRight: here + 1, ArrowDown: here + 1,
    Home: 0, End: channels - 1,
  }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  if (next >= 0 && next < channels) choose(next);
});
