/**
 * What the page shows: the state that is sent to the server, the last answers, and how the drawing
 * looks. Every number is the server's; this module only converts positions between units.
 *
 * @import { Convention, Edit, ElementOf, Four, Happening, Listener, Pair, Rules, Session, State, Store, Trace, Value } from "./types.js"
 */

/**
 * Return the element of the page with an id.
 *
 * @template {string} Id
 * @param {Id} id
 */
export function at(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return /** @type {ElementOf<Id>} */ (found);
}

/** What the page needs once; see docs/explore.md. @type {Session} */
export const session = JSON.parse(at("session").textContent);

/** @type {Store} */
export const store = {
  state: { ...session.state },
  look: { step: 0, pool: true, snap: false, photo: session.image !== null, edit: false },
  corners: null,
  trace: null,
  previous: null,
  cause: "move",
  point: null,
  moved: null,
  map: null,
};

/** An error that the answer describes; `argument` is the field of the state that is wrong. */
export class Refusal extends Error {
  /**
   * @param {string} message
   * @param {string | null} argument
   */
  constructor(message, argument = null) {
    super(message);
    this.argument = argument;
  }
}

/** @type {Record<string, Listener[]>} */
const listeners = {};

/**
 * Call a function when one or several things happen.
 *
 * @param {Happening | `${Happening} ${string}`} names
 * @param {Listener} listener
 */
export function on(names, listener) {
  for (const name of names.split(" ")) (listeners[name] ??= []).push(listener);
}

/**
 * @param {Happening} name
 * @param {Parameters<Listener>} given
 */
export function emit(name, ...given) {
  for (const listener of listeners[name] ?? []) listener(...given);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => emit("theme"));

/** Return the button that an event is about. @param {Event} event */
export const buttonOf = ({ target }) => (target instanceof Element ? target.closest("button") : null);

/** Return the chosen point as it is drawn: moved by hand, or in its own place. */
export const shownPoint = () => store.moved?.point ?? store.trace?.chosen.point ?? null;

/** Whether the points of a convention are cells, which cannot be moved. @param {Convention} convention */
export const readsCells = ({ points }) => points === "cells" || points === "integral";

/** Whether each section of a convention reads a channel of its own. @param {Rules | undefined} rules */
const isPositionSensitive = (rules) => rules?.channel_map === "position-sensitive";

/** Return how many channels of the map one output channel of a live page is pooled from. */
export function mapsPerChannel() {
  const { preset, output_size: [rows, columns] } = store.state;
  const rules = session.saved ? undefined : session.presets.find(({ name }) => name === preset);
  return isPositionSensitive(rules) ? rows * columns : 1;
}

/** Describe which channel the chosen section reads; "" if all sections read the same. */
export function channelText() {
  const { trace } = store;
  if (!trace || !isPositionSensitive(trace.convention)) return "";
  const { section, channel } = trace.chosen;
  return `Section (${section.join(", ")}) reads channel ${channel}`;
}

/**
 * Make an HTML element.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string | number>} settings
 * @param {(Node | string)[]} children
 */
export function element(name, settings = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(settings)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/**
 * Format a number with at most four decimals, as `explain` does; null is not finite.
 *
 * @param {Value} value
 */
export function format(value) {
  if (value === null) return "nan";
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 0.5e-4)) {
    return Number(value.toPrecision(4)).toExponential().replace(/(e.)(\d)$/, "$10$2");
  }
  const text = value.toFixed(4).replace(/\.?0+$/, "");
  return text === "-0" ? "0" : text;
}

/** Format a coordinate of a box without the noise of its last binary digits. @param {number} value */
export const coordinate = (value) => String(Number(value.toPrecision(12)));

// Positions on the map: in cells, from its top left corner, y down.
const { zero } = session.box;
/** @type {(corners: number[]) => Four} */
export const toMap = ([left, top, right, bottom]) => {
  const { x, y } = session.box.spatial_scale;
  return [left * x + zero, top * y + zero, right * x + zero, bottom * y + zero];
};
/** @type {(corners: number[]) => Four} */
export const toUnits = ([left, top, right, bottom]) => {
  const { x, y } = session.box.spatial_scale;
  return [(left - zero) / x, (top - zero) / y, (right - zero) / x, (bottom - zero) / y];
};
/**
 * Change to the map of a pyramid that the box is pooled from.
 *
 * @param {Trace} trace
 */
export function enterMap({ box, feature_map: { height, width }, pyramid }) {
  if (!pyramid) return;
  const { x, y } = session.box.spatial_scale;
  session.box.spatial_scale = box.spatial_scale;
  session.frame.height = pyramid.frame_height;
  Object.assign(session.feature_map, { height, width });
  emit("level", box.spatial_scale.x / x, box.spatial_scale.y / y);
}
/** Whether y points up in the frame of the answers. */
export const isYUp = session.frame.origin === "bottom-left";
/** Convert a y of the frame of an answer to the map, and back. @param {number} y */
export const flip = (y) => (isYUp ? session.frame.height - y : y);

/** The direction of each arrow key. @type {Record<string, Pair>} */
export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

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

/** Return the two whole numbers in a text; null for another text. @type {(text: string) => Pair | null} */
export const pair = (text) => {
  const [first, second, ...others] = text.split(/[,x]/).map(Number);
  return !others.length && [first, second].every(Number.isInteger) ? [first, second] : null;
};
/** @type {(text: string) => number | null} */
const whole = (text) => (/^\d+$/.test(text) ? Number(text) : null);

/** Return the part of the address after # that stands for what the page shows. */
export function toHash() {
  const { state, look, trace } = store;
  const shown = {
    roi: state.roi,
    channel: state.channel,
    section: state.section && state.section.join(","),
    point: state.point && state.point.join(","),
    step: look.step || null,
    pool: look.pool ? null : 0,
    photo: look.photo || !session.image ? null : 0,
  };
  const rules = session.saved ? {} : {
    box: trace ? trace.box.values.map(coordinate).join(",") : null,
    map: state.batch_index || null,
    preset: state.preset,
    other: state.other,
    size: state.output_size.join("x"),
    pooling: state.pooling,
    ratio: state.sampling_ratio,
    "ratio-x": state.sampling_ratio_x,
    edits: state.edits.map((edit) => edit.join(",")).join("~") || null,
    snap: look.snap ? 1 : null,
  };
  const given = Object.entries({ ...rules, ...shown }).flatMap(([key, value]) => (
    value === null ? [] : [`${key}=${encodeURIComponent(value)}`]));
  return `#${given.join("&")}`.replaceAll("%2C", ",");
}

/**
 * Read the part of the address after #; what it does not name is as at the beginning.
 *
 * @param {string} hash
 */
export function fromHash(hash) {
  const fields = new URLSearchParams(hash.slice(1));
  const state = { ...session.state };
  const box = (fields.get("box") ?? "").split(",").map(Number);
  if (fields.get("box") && box.length === 4 && box.every(Number.isFinite)) {
    Object.assign(state, { box, corners: null });
  }
  /**
   * @template {keyof State} Name
   * @param {string} key
   * @param {Name} name
   * @param {(text: string) => State[Name] | null} parse
   */
  const read = (key, name, parse) => {
    const text = fields.get(key);
    const value = text === null ? null : parse(text);
    if (value !== null) state[name] = value;
  };
  read("roi", "roi", whole);
  read("map", "batch_index", whole);
  read("preset", "preset", String);
  read("other", "other", String);
  read("size", "output_size", pair);
  read("pooling", "pooling", String);
  read("ratio", "sampling_ratio", whole);
  read("ratio-x", "sampling_ratio_x", whole);
  read("channel", "channel", (text) => whole(text) ?? text);
  read("section", "section", pair);
  read("point", "point", pair);
  read("edits", "edits", (text) => /** @type {Edit[]} */ (text.split("~").map((edit) => edit.split(",").map(Number))));
  store.state = state;
  store.look = {
    step: Math.min(whole(fields.get("step") ?? "0") ?? 0, 5),
    pool: fields.get("pool") !== "0",
    snap: fields.get("snap") === "1",
    photo: session.image !== null && fields.get("photo") !== "0",
    edit: false,
  };
}
