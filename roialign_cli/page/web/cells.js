/** Draw the map or the photograph, the edges of cells, and the numbers along both axes. */

import { BOTTOM, COLUMNS, LEFT, ROWS, TOP, mapX, mapY, px, py, view } from "./plane.js";
import { colour, rgb } from "./shades.js";
import { at, flip, on, session, store } from "./state.js";

const canvas = at("cells");

/** @type {HTMLImageElement | null} */
let photo = null;
if (session.image) {
  const image = new Image();
  image.addEventListener("load", () => { photo = image; drawCells(); });
  image.src = session.image.address;
}

/** @param {HTMLCanvasElement} element */
export function context(element) {
  const found = element.getContext("2d");
  if (!found) throw new Error("the browser cannot draw on a canvas");
  return found;
}

const shaded = document.createElement("canvas");
function shade() {
  const { map } = store;
  if (!map) return;
  shaded.width = map.columns;
  shaded.height = map.rows;
  const onto = context(shaded);
  const pixels = onto.createImageData(map.columns, map.rows);
  map.values.forEach((value, k) => {
    const [red, green, blue] = rgb(value);
    pixels.data[4 * k] = red;
    pixels.data[4 * k + 1] = green;
    pixels.data[4 * k + 2] = blue;
    pixels.data[4 * k + 3] = 255;
  });
  onto.putImageData(pixels, 0, 0);
}

/** @type {(low: number, high: number) => number[]} */
function ticks(low, high) {
  const wanted = 44 / view.unit;
  const size = 10 ** Math.floor(Math.log10(Math.max(wanted, 1)));
  const step = Math.max(1, ([1, 2, 5].find((k) => k * size >= wanted) ?? 10) * size);
  const found = [];
  for (let k = Math.ceil(low / step) * step; k <= high; k += step) found.push(k);
  return found;
}

let isPending = false;
function drawCells() {
  if (isPending) return;
  isPending = true;
  requestAnimationFrame(() => { isPending = false; paint(); });
}

function paint() {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(view.width * ratio);
  canvas.height = Math.round(view.height * ratio);
  const onto = context(canvas);
  onto.scale(ratio, ratio);
  onto.fillStyle = colour("outside");
  onto.fillRect(0, 0, view.width, view.height);
  const [left, top, wide, high] = [px(0), py(0), COLUMNS * view.unit, ROWS * view.unit];
  const shown = store.look.photo ? photo : null;
  if (store.map) {
    onto.imageSmoothingEnabled = false;
    onto.drawImage(shaded, left, top, wide, high);
  }
  if (shown && session.image) {
    const { width, height, stride } = session.image;
    onto.imageSmoothingEnabled = true;
    onto.drawImage(shown, left, top, width / stride * view.unit, height / stride * view.unit);
  }
  const [x0, x1] = [Math.max(Math.floor(mapX(0)), 0), Math.min(Math.ceil(mapX(view.width)), COLUMNS)];
  const [y0, y1] = [Math.max(Math.floor(mapY(0)), 0), Math.min(Math.ceil(mapY(view.height)), ROWS)];
  if (view.unit >= 6) {
    onto.strokeStyle = shown ? "rgb(255 255 255 / 35%)" : colour("grid");
    onto.lineWidth = 1;
    onto.beginPath();
    for (let x = x0; x <= x1; x += 1) { onto.moveTo(px(x), py(y0)); onto.lineTo(px(x), py(y1)); }
    for (let y = y0; y <= y1; y += 1) { onto.moveTo(px(x0), py(y)); onto.lineTo(px(x1), py(y)); }
    onto.stroke();
  }
  onto.strokeStyle = colour("faint");
  onto.lineWidth = 1.5;
  onto.strokeRect(left, top, wide, high);
  paintTicks(onto);
}

/** @param {CanvasRenderingContext2D} onto */
function paintTicks(onto) {
  onto.fillStyle = colour("ground");
  onto.fillRect(0, 0, LEFT, view.height);
  onto.fillRect(0, view.height - BOTTOM, view.width, BOTTOM);
  onto.fillStyle = colour("faint");
  onto.font = "12px system-ui, sans-serif";
  onto.textAlign = "center";
  for (const x of ticks(mapX(LEFT + 6), mapX(view.width - 46))) onto.fillText(`${x}`, px(x), view.height - 6);
  onto.textAlign = "right";
  const [low, high] = [flip(mapY(TOP + 4)), flip(mapY(view.height - BOTTOM - 6))].sort((a, b) => a - b);
  for (const y of ticks(low, high)) onto.fillText(`${y}`, LEFT - 6, py(flip(y)) + 4);
  onto.fillText("cells", view.width - 2, view.height - 6);
}

on("view look", drawCells);
on("size", paint); // in the frame with the new size; the old picture would be stretched
on("map theme", () => { shade(); drawCells(); });
