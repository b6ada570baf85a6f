/** The shades of values, from the colours of the style sheet. */

import { on, store } from "./state.js";

/** @import { Value } from "./types.js" */

/** @type {Record<string, string>} */
let colours = {};
/** @type {Record<string, number[]>} */
let parsed = {};
on("theme", () => { [colours, parsed] = [{}, {}]; });

/** @param {string} name */
const parse = (name) => {
  parsed[name] ??= [1, 3, 5].map((k) => parseInt(colour(name).slice(k, k + 2), 16));
  return parsed[name];
};

/** Return a colour of the style sheet as "#RRGGBB". @param {string} name */
export function colour(name) {
  colours[name] ??= getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return colours[name];
}

/**
 * Return the place of a value between the smallest and the largest cell of the map.
 *
 * @param {number} value
 */
export function share(value) {
  const { map } = store;
  if (!map || map.min === null || map.max === null || !(map.max > map.min)) return 0;
  return Math.min(Math.max((value / 2 - map.min / 2) / (map.max / 2 - map.min / 2), 0), 1);
}

/**
 * Return the red, green and blue of a place between the smallest (0) and the largest (1) value.
 *
 * @param {number} place
 */
export function mixed(place) {
  const [low, high] = [parse("low"), parse("high")];
  return low.map((part, k) => Math.round(part + (high[k] - part) * place));
}

/**
 * Return the red, green and blue of a value; null and NaN have a colour of their own.
 *
 * @param {Value} value
 */
export function rgb(value) {
  if (value === null || !Number.isFinite(value)) return parse("not-a-number");
  return mixed(share(value));
}

/** @param {number[]} parts */
function luminance(parts) {
  const [red, green, blue] = parts.map((part) => {
    const size = part / 255;
    return size <= 0.04045 ? size / 12.92 : ((size + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Return black or white, whichever is easier to read on a colour. @param {number[]} parts */
export const ink = (parts) => (luminance(parts) > 0.1791 ? "#000" : "#fff");
