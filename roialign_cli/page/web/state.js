/**
 * What the page shows: the state that is sent to the server, the last answers, and how the drawing
 * looks. Every number is the server's; this module only converts positions between units.
 *
 * @typedef {{box: number[] | null, corners: number[] | null, preset: string,
 *   output_size: [number, number], roi: number | null, batch_index: number,
 *   pooling: string | null, sampling_ratio: number | null, channel: number | string,
 *   section: [number, number] | null, point: [number, number] | null}} State
 * @typedef {{step: number, pool: boolean, snap: boolean, photo: boolean}} Look
 * @typedef {Record<string, any>} Answer
 */

/** What the page needs once; see docs/explore.md. @type {Answer} */
export const session = JSON.parse(document.getElementById("session").textContent);

export const store = {
  /** @type {State} */
  state: { ...session.state },
  /** @type {Look} */
  look: { step: 0, pool: true, snap: false, photo: session.image !== null },
  /** The box as [left, top, right, bottom] in box units, y down. @type {number[] | null} */
  corners: null,
  /** @type {Answer | null} */
  trace: null,
  /** The trace before the last one, of the same rules. @type {Answer | null} */
  previous: null,
  /** @type {Answer | null} */
  point: null,
  /** @type {{rows: number, columns: number, min: number, max: number, values: Float32Array} | null} */
  map: null,
};

/** @type {Record<string, ((...given: any[]) => void)[]>} */
const listeners = {};

/** Call a function when something happens: box, trace, point, map, view, size, look, state, click or theme. */
export function on(names, listener) {
  for (const name of names.split(" ")) (listeners[name] ??= []).push(listener);
}

export function emit(name, ...given) {
  for (const listener of listeners[name] ?? []) listener(...given);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => emit("theme"));

/** @param {string} id */
export const at = (id) => document.getElementById(id);

/** Make an HTML element. */
export function element(name, settings = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(settings)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Format a number with at most four decimals, as `explain` does; null is not finite. */
export function format(value) {
  if (value === null || value === undefined) return "nan";
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 0.5e-4)) return String(Number(value.toPrecision(4)));
  const text = value.toFixed(4).replace(/\.?0+$/, "");
  return text === "-0" ? "0" : text;
}

/** Format a coordinate of a box without the noise of its last binary digits. */
export const coordinate = (value) => String(Number(value.toPrecision(12)));

// Positions on the map: in cells, from its top left corner, y down.
const { spatial_scale: scale, zero } = session.box;
export const toMap = ([left, top, right, bottom]) => [
  left * scale.x + zero, top * scale.y + zero, right * scale.x + zero, bottom * scale.y + zero,
];
export const toUnits = ([left, top, right, bottom]) => [
  (left - zero) / scale.x, (top - zero) / scale.y,
  (right - zero) / scale.x, (bottom - zero) / scale.y,
];
const yUp = session.frame.origin === "bottom-left";
/** Convert a y of the frame of an answer to the map, and back. */
export const flip = (y) => (yUp ? session.frame.height - y : y);

/** How far an arrow key moves the box, in box units. */
export const STEP = session.box.normalized ? 0.01 : 1;

/** The four names of the numbers of a box. */
export const BOX_NAMES = {
  xyxy: ["x1", "y1", "x2", "y2"],
  yxyx: ["y1", "x1", "y2", "x2"],
  xywh: ["x", "y", "width", "height"],
  cxcywh: ["centre x", "centre y", "width", "height"],
}[session.box.format];

// The address -------------------------------------------------------------------------------------

const pair = (text) => {
  const numbers = text.split(/[,x]/).map(Number);
  return numbers.length === 2 && numbers.every(Number.isInteger) ? numbers : null;
};
const whole = (text) => (/^\d+$/.test(text) ? Number(text) : null);

/** Return the part of the address after # that stands for what the page shows. */
export function toHash() {
  const { state, look, trace } = store;
  const fields = {
    box: trace ? trace.box.values.map(coordinate).join(",") : null,
    roi: state.roi,
    map: state.batch_index || null,
    preset: state.preset,
    size: state.output_size.join("x"),
    pooling: state.pooling,
    ratio: state.sampling_ratio,
    channel: state.channel,
    section: state.section && state.section.join(","),
    point: state.point && state.point.join(","),
    step: look.step || null,
    pool: look.pool ? null : 0,
    snap: look.snap ? 1 : null,
    photo: look.photo || !session.image ? null : 0,
  };
  const given = Object.entries(fields).filter(([, value]) => value !== null);
  return `#${given.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&")}`
    .replaceAll("%2C", ",");
}

/** Read the part of the address after #; what it does not name is as at the beginning. */
export function fromHash(hash) {
  const fields = new URLSearchParams(hash.slice(1));
  const state = { ...session.state };
  const box = (fields.get("box") ?? "").split(",").map(Number);
  if (fields.get("box") && box.length === 4 && box.every(Number.isFinite)) {
    Object.assign(state, { box, corners: null });
  }
  const read = (key, name, parse) => {
    const value = fields.has(key) ? parse(fields.get(key)) : null;
    if (value !== null) state[name] = value;
  };
  read("roi", "roi", whole);
  read("map", "batch_index", whole);
  read("preset", "preset", String);
  read("size", "output_size", pair);
  read("pooling", "pooling", String);
  read("ratio", "sampling_ratio", whole);
  read("channel", "channel", (text) => whole(text) ?? text);
  read("section", "section", pair);
  read("point", "point", pair);
  store.state = state;
  store.look = {
    step: Math.min(whole(fields.get("step") ?? "0") ?? 0, 5),
    pool: fields.get("pool") !== "0",
    snap: fields.get("snap") === "1",
    photo: session.image !== null && fields.get("photo") !== "0",
  };
}
