/** Edit cells of a small map: choose a cell, type its value, undo. */

import { COLUMNS, ROWS, mapX, mapY, pan, px, py, view } from "./plane.js";
import { refresh, showMessage } from "./server.js";
import { ARROWS, at, on, session, store } from "./state.js";

/** @import { Edit } from "./types.js" */
/** @typedef {{row: number, column: number}} Cell */

const { editing } = session; // null if no cell can be edited
const svg = at("marks");
const input = at("cell-value");
const cursor = at("cell");
const WIDTH = 96; // pixels of the input

/** The cell that the keyboard chooses. @type {Cell} */
let here = { row: 0, column: 0 };
/** Whether the value of the cell is being typed, and the text that the input began with. */
let isOpen = false;
let begun = "";

const isOneChannel = () => typeof (store.map ?? store.state).channel === "number";
/** Whether an edit is one of the map that is drawn. @param {Edit} edit */
const isHere = ([map, channel]) => map === store.map?.batch_index && channel === store.map.channel;
/** @type {(edit: Edit, cell: Cell) => boolean} */
const isAt = (edit, { row, column }) => isHere(edit) && edit[2] === row && edit[3] === column;
const own = () => store.state.edits.filter(isHere);

/** @param {Edit[]} edits */
function change(edits) {
  store.state.edits = edits;
  refresh();
}

// The input -------------------------------------------------------------------------------------------

/** Let the value of the cell at a map position be typed. @type {(x: number, y: number) => void} */
function openAt(x, y) {
  const [row, column] = [Math.floor(y), Math.floor(x)];
  if (row < 0 || column < 0 || row >= ROWS || column >= COLUMNS || !store.map) return;
  if (!isOneChannel()) {
    showMessage("choose one channel to edit its cells");
    return;
  }
  close(true);
  here = { row, column };
  const edit = store.state.edits.find((one) => isAt(one, here));
  const value = edit ? edit[4] : Number(store.map.values[row * COLUMNS + column].toPrecision(7));
  begun = Number.isFinite(value) ? String(value) : "";
  input.value = begun;
  input.hidden = false;
  isOpen = true;
  input.setAttribute("aria-label", `Value of the cell in row ${row}, column ${column}; empty restores it`);
  placeInput();
  draw();
  input.focus({ preventScroll: true });
  input.select();
}

function placeInput() {
  if (!isOpen) return;
  /** @type {(value: number, size: number, end: number) => number} */
  const within = (value, size, end) => Math.min(Math.max(value - size / 2, 0), end - size);
  input.style.left = `${within(px(here.column + 0.5), WIDTH, view.width)}px`;
  input.style.top = `${within(py(here.row + 0.5), 32, view.height)}px`;
}

/** Close the input; a typed value is used if it is wanted and valid. @param {boolean} isWanted */
function close(isWanted) {
  if (!isOpen) return;
  const text = input.value;
  const isValid = input.checkValidity();
  isOpen = false;
  input.hidden = true;
  const { map } = store;
  if (!isWanted || !isValid || text === begun || !map || typeof map.channel === "string") return;
  const others = store.state.edits.filter((edit) => !isAt(edit, here));
  if (editing && others.length >= editing.cells) {
    showMessage(`edit at most ${editing.cells} cells`);
    return;
  }
  const place = /** @type {const} */ ([map.batch_index, map.channel, here.row, here.column]);
  change(text === "" ? others : [...others, [...place, Number(text)]]);
}

input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" && event.key !== "Escape") return;
  event.preventDefault();
  if (event.key === "Enter" && !input.reportValidity()) return;
  close(event.key === "Enter");
  if (store.look.edit) cursor.focus({ preventScroll: true });
});
input.addEventListener("blur", () => close(true));
svg.addEventListener("pointerdown", () => close(true), true);

// Choose a cell ---------------------------------------------------------------------------------------

on("cell", openAt);
svg.addEventListener("dblclick", (event) => {
  if (!editing) return;
  const area = svg.getBoundingClientRect();
  openAt(mapX(event.clientX - area.left), mapY(event.clientY - area.top));
});

const open = () => openAt(here.column + 0.5, here.row + 0.5);

cursor.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in ARROWS) {
    const [dx, dy] = ARROWS[event.key];
    /** @type {(index: number, length: number) => number} */
    const inside = (index, length) => Math.min(Math.max(index, 0), length - 1);
    here = { row: inside(here.row + dy, ROWS), column: inside(here.column + dx, COLUMNS) };
    reveal();
    draw();
  } else if (/^[-.\d]$/.test(event.key)) { // the input takes the key that was pressed
    open();
    return;
  } else if (event.key === "Enter" || event.key === "F2") open();
  else return;
  event.preventDefault();
});

/** Move the map so that the chosen cell is in sight. */
function reveal() {
  /** @type {(low: number, high: number, start: number, end: number) => number} */
  const beyond = (low, high, start, end) => Math.max(start - low, 0) || Math.min(end - high, 0);
  const [dx, dy] = [
    beyond(px(here.column), px(here.column + 1), 40, view.width),
    beyond(py(here.row), py(here.row + 1), 0, view.height - 24),
  ];
  if (dx || dy) pan(dx, dy);
}

const toggle = at("switch-edit");
toggle.addEventListener("change", () => {
  store.look.edit = toggle.checked;
  // Begin at the cells that the chosen point reads.
  const cell = store.trace?.chosen.point?.neighbours.find((one) => one.on_map);
  if (cell && store.look.edit) here = { row: cell.row, column: cell.column };
  draw();
});

// What is shown ---------------------------------------------------------------------------------------

function draw() {
  const isOn = store.look.edit && isOneChannel();
  svg.classList.toggle("editing", isOn);
  const [x, y, unit] = [px(here.column), py(here.row), view.unit];
  for (const [key, value] of Object.entries({ x, y, width: unit, height: unit })) {
    cursor.setAttribute(key, `${value}`);
  }
  const value = store.map?.values[here.row * COLUMNS + here.column];
  cursor.setAttribute("aria-label", `Cell in row ${here.row}, column ${here.column}: ${value}. `
    + "Arrow keys choose a cell, Enter edits its value.");
  const side = Math.min(Math.max(unit * 0.3, 4), 14);
  at("edited").setAttribute("d", own().map(([, , row, column]) =>
    `M${px(column + 1) - side} ${py(row)}h${side}v${side}Z`).join(""));
}

function showState() {
  const { edits } = store.state;
  toggle.disabled = !isOneChannel();
  toggle.title = isOneChannel() ? "" : "Choose one channel to edit its cells.";
  toggle.checked = Boolean(store.look.edit);
  for (const id of ["edits", "array", "legend-edited"]) at(id).hidden = !edits.length;
  /** @param {number} count */
  const cells = (count) => `${count} cell${count === 1 ? "" : "s"}`;
  const others = edits.length - own().length;
  const elsewhere = others ? `, ${others} of them in other channels or maps` : "";
  const rounded = (store.map?.edits ?? []).filter((edit) => edit.rounded);
  const last = rounded.at(-1);
  const note = last ? ` ${cells(rounded.length)} rounded to ${editing?.dtype}: row ${last.row}, column ${last.column} is ${last.value}.` : "";
  at("edits-text").textContent = `${cells(edits.length)} edited${elsewhere}.${note}`;
}

at("undo").addEventListener("click", () => { close(false); change([]); });
toggle.closest("label")?.toggleAttribute("hidden", !editing);
if (editing) {
  input.min = `${editing.min}`;
  input.max = `${editing.max}`;
  on("view", placeInput);
  on("view map state look", draw);
  on("map state look", showState);
}
