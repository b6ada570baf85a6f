/** A table of the sections of an output. Of a large one, only the visible cells are elements. */

import { at, element } from "./state.js";

const MAX_WHOLE = 200; // cells of a table that has all of them as elements
const MARGIN = 2; // rows and columns beyond the visible ones

/** @typedef {(cell: HTMLElement, i: number, j: number) => void} Fill */
/** @import { Pair } from "./types.js" */

/**
 * Return which of `count` rows or columns are visible: from, and up to but without.
 *
 * @type {(start: number, shown: number, whole: number, count: number) => Pair}
 */
function seen(start, shown, whole, count) {
  if (!whole) return [0, 0];
  const from = Math.floor(start / whole * count) - MARGIN;
  const to = Math.ceil((start + shown) / whole * count) + MARGIN;
  return [Math.max(from, 0), Math.min(to, count)];
}

/** Return the numbers of a section. @param {string} section */
const numbers = (section) => /** @type {Pair} */ (section.split(",").map(Number));

export class Table {
  #rows = 0;

  #columns = 0;

  #range = "";

  /** The chosen section, which is always an element, to take the focus. */
  #chosen = "";

  /** Section → the element that is filled. @type {Map<string, HTMLElement>} */
  #cells = new Map();

  /** @type {Map<number, HTMLElement>} */
  #lines = new Map();

  /**
   * @param {string} id
   * @param {Fill} fill
   * @param {boolean} hasButtons - Whether sections can be chosen.
   */
  constructor(id, fill, hasButtons = false) {
    this.grid = at(id);
    this.fill = fill;
    this.hasButtons = hasButtons;
    this.grid.addEventListener("scroll", () => this.#look());
    new ResizeObserver(() => this.#look()).observe(this.grid);
  }

  /**
   * Be the table of an output of this size; its cells are filled when they are seen.
   *
   * @param {number} rows
   * @param {number} columns
   */
  resize(rows, columns) {
    if (this.#rows === rows && this.#columns === columns) return;
    [this.#rows, this.#columns, this.#range] = [rows, columns, ""];
    this.#cells.clear();
    this.#lines.clear();
    this.grid.replaceChildren();
    this.grid.style.setProperty("--rows", `${rows}`);
    this.grid.style.setProperty("--columns", `${columns}`);
    this.grid.setAttribute("aria-rowcount", `${rows}`);
    this.grid.setAttribute("aria-colcount", `${columns}`);
  }

  /** Fill all cells anew, also that of the chosen section. @param {Pair} section */
  show([i, j]) {
    this.#chosen = `${i},${j}`;
    for (const [section, cell] of this.#cells) this.fill(cell, ...numbers(section));
    this.cell(i, j);
    this.#look();
  }

  /**
   * Return the element of a section, or undefined if there is no such section.
   *
   * @param {number} i
   * @param {number} j
   */
  cell(i, j) {
    if (!(i >= 1 && i <= this.#columns && j >= 1 && j <= this.#rows)) return undefined;
    const section = `${i},${j}`;
    const known = this.#cells.get(section);
    if (known) return known;
    const cell = this.#make(i, j);
    this.#cells.set(section, cell);
    this.fill(cell, i, j);
    return cell;
  }

  /** @type {(i: number, j: number) => HTMLElement} */
  #make(i, j) {
    const parts = [element("b"), element("i")];
    const cell = this.hasButtons ? element("button", { type: "button" }, ...parts) : element("span", {}, ...parts);
    cell.dataset.section = `${i},${j}`;
    const placed = this.hasButtons ? element("div", {}, cell) : cell;
    placed.setAttribute("role", "cell");
    placed.setAttribute("aria-colindex", `${i}`);
    placed.style.gridArea = `${j} / ${i}`;
    insert(this.#line(j), placed, "aria-colindex");
    return cell;
  }

  /** @param {number} j */
  #line(j) {
    const known = this.#lines.get(j);
    if (known) return known;
    const line = element("div", { role: "row", "aria-rowindex": j });
    insert(this.grid, line, "aria-rowindex");
    this.#lines.set(j, line);
    return line;
  }

  /** Make the cells that have become visible, and remove those that no longer are. */
  #look() {
    const { grid } = this;
    const isWhole = this.#rows * this.#columns <= MAX_WHOLE;
    const [top, bottom] = isWhole ? [0, this.#rows]
      : seen(grid.scrollTop, grid.clientHeight, grid.scrollHeight, this.#rows);
    const [left, right] = isWhole ? [0, this.#columns]
      : seen(grid.scrollLeft, grid.clientWidth, grid.scrollWidth, this.#columns);
    if (this.#range === `${[top, bottom, left, right]}`) return;
    this.#range = `${[top, bottom, left, right]}`;
    for (const [section, cell] of this.#cells) {
      const [i, j] = numbers(section);
      const isSeen = left < i && i <= right && top < j && j <= bottom;
      if (!isSeen && section !== this.#chosen) this.#remove(section, cell, j);
    }
    for (let j = top + 1; j <= bottom; j += 1) {
      for (let i = left + 1; i <= right; i += 1) this.cell(i, j);
    }
  }

  /** @type {(section: string, cell: HTMLElement, j: number) => void} */
  #remove(section, cell, j) {
    cell.closest('[role="cell"]')?.remove();
    this.#cells.delete(section);
    const line = this.#line(j);
    if (line.childElementCount) return;
    line.remove();
    this.#lines.delete(j);
  }
}

/**
 * Insert an element among its sorted siblings; screen readers read them in this order.
 *
 * @type {(parent: HTMLElement, one: HTMLElement, key: string) => void}
 */
function insert(parent, one, key) {
  const place = Number(one.getAttribute(key));
  let after = parent.lastElementChild;
  while (after && Number(after.getAttribute(key)) > place) after = after.previousElementSibling;
  if (after) after.after(one);
  else parent.prepend(one);
}
