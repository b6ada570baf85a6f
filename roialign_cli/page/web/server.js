/** Ask the server, or the data of a saved page, one question of a kind at a time. */

import { answerFromPage } from "./saved.js";
import { Refusal, at, coordinate, emit, enterMap, session, store } from "./state.js";

/** @import { ErrorAnswer, MapAnswer, PointAnswer, State, Trace } from "./types.js" */

// For an answer; without a limit, a connection that was lost would block those after it.
const MAX_SECONDS = 60;

/**
 * Return an error as a refusal; other errors are defects, and shown on the console, too.
 *
 * @param {unknown} error
 */
export function asRefusal(error) {
  if (error instanceof Refusal) return error;
  console.error(error);
  return new Refusal(error instanceof Error ? error.message : String(error));
}

/**
 * @param {string} question
 * @param {State} state
 * @returns {Promise<Response>}
 */
export async function ask(question, state) {
  let answer;
  try {
    answer = await fetch(`api/${question}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(state),
      signal: AbortSignal.timeout(1000 * MAX_SECONDS),
    });
  } catch {
    throw new Refusal("the server does not answer; try again, or start roialign explore and open its address");
  }
  if (answer.ok) return answer;
  /** @type {ErrorAnswer} */
  const { error } = await answer.json();
  throw new Refusal(error.argument ? `${error.argument}: ${error.message}` : error.message, error.argument);
}

/**
 * Return the answer to a question: from the server, or from the data of a saved page.
 *
 * @type {(question: string, state: State) => Promise<any>}
 */
async function answer(question, state) {
  if (session.saved) return answerFromPage(question, state);
  return (await ask(question, state)).json();
}

/**
 * Asks one question again and again: one request is on its way, and the last one waits.
 *
 * @template Answer
 */
export class Latest {
  /** @type {{idle: boolean}[]} */
  static all = [];

  #busy = false;

  /** @type {State | null} */
  #waiting = null;

  /**
   * @param {string} question
   * @param {(answer: Answer, asked: State, isLast: boolean) => void} done
   * @param {(error: Refusal, asked: State, isLast: boolean) => void} failed
   */
  constructor(question, done, failed) {
    this.question = question;
    this.done = done;
    this.failed = failed;
    Latest.all.push(this);
  }

  get idle() {
    return !this.#busy && this.#waiting === null;
  }

  /** @param {State} state */
  async ask(state) {
    this.#waiting = { ...state };
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting) {
      const asked = this.#waiting;
      this.#waiting = null;
      try {
        this.done(await answer(this.question, asked), asked, this.#waiting === null);
      } catch (error) {
        this.failed(asRefusal(error), asked, this.#waiting === null);
      }
    }
    this.#busy = false;
  }
}

/** Show an error in one line, or remove it; the last good numbers stay. @param {string} message */
export function showMessage(message, isError = true) {
  const line = at("status");
  line.textContent = message;
  line.classList.toggle("error", isError && message !== "");
  document.body.classList.toggle("outdated", isError && message !== "");
}

// Whether the state is from the address, and why the last one was not used.
let isRestoring = false;
let notice = "";

/** @param {State} state */
const rules = ({ roi, preset, other, output_size, pooling, sampling_ratio, sampling_ratio_x, channel, batch_index }) =>
  JSON.stringify([roi, preset, other, output_size, pooling, sampling_ratio, sampling_ratio_x, channel, batch_index]);
let shownRules = "";
let shownEdits = "";
let shownLevel = session.level;

/** @type {Latest<Trace>} */
const traces = new Latest("trace", (trace, asked, isLast) => {
  const level = trace.pyramid?.level ?? null;
  const isSameLevel = shownLevel === level;
  const same = rules(asked) === shownRules && isSameLevel;
  if (!isSameLevel) enterMap(trace);
  shownLevel = level;
  shownRules = rules(asked);
  // The changes of the last move or edit stay while sections and points are chosen.
  const isEdit = asked.edits.join(" ") !== shownEdits;
  shownEdits = asked.edits.join(" ");
  const isMove = `${store.trace?.box.corners.map(coordinate)}` !== `${trace.box.corners.map(coordinate)}`;
  if (!same) store.previous = null;
  else if (isMove || isEdit) {
    store.previous = store.trace;
    store.cause = isMove ? "move" : "edit";
  }
  store.trace = trace;
  if (isLast && !isChanged) store.corners = trace.box.corners;
  showMessage(notice, false);
  notice = "";
  isRestoring = false;
  emit("trace");
  askMap(trace, asked);
  explainSoon();
  if (isLast && asked.corners) writeBoxSoon(asked.corners, trace.box.values);
}, (error, asked, isLast) => {
  // The point may be gone because a section of another size has fewer points.
  const wrong = /** @type {const} */ (["point", "section"])
    .find((name) => error.argument === name && asked[name]);
  if (wrong && isLast) {
    if (wrong === "section") store.state.section = null;
    store.state.point = null;
    refresh();
  } else if (error.argument === "channel" && asked.channel !== 0 && isLast && !isRestoring) {
    store.state.channel = 0; // the preset has fewer output channels, or no combination of them
    refresh();
  } else if (isRestoring) {
    isRestoring = false;
    notice = `the address does not fit this map: ${error.message}`;
    store.state = { ...session.state };
    refresh();
  } else showMessage(error.message);
});

/** @type {Latest<PointAnswer>} */
const points = new Latest("point", (answer) => {
  store.point = answer;
  emit("point");
}, (error) => {
  store.point = null;
  emit("point", error.message);
});

let writing = 0;

/**
 * Write the numbers of a dragged box without the noise of their last binary digits.
 *
 * @type {(corners: number[], values: number[]) => void}
 */
function writeBoxSoon(corners, values) {
  clearTimeout(writing);
  const box = values.map((value) => Number(coordinate(value)));
  writing = `${box}` === `${values}` ? 0 : setTimeout(() => {
    writing = 0;
    if (store.state.corners !== corners) return; // the box has moved on
    Object.assign(store.state, { box, corners: null });
    refresh();
  }, 200);
}

let explaining = 0;
function explainSoon() {
  if (explaining) return;
  explaining = setTimeout(() => {
    explaining = 0;
    points.ask(store.state);
  }, 120);
}

let isChanged = false;

/** Whether the page shows the numbers of its state. */
export const isSettled = () =>
  !isChanged && !explaining && !writing && Latest.all.every((one) => one.idle);

/** Ask for the numbers of the state, at most once per animation frame. */
export function refresh() {
  emit("state");
  if (isChanged) return;
  isChanged = true;
  requestAnimationFrame(() => {
    isChanged = false;
    traces.ask(store.state);
  });
}

/** Ask for the numbers of the state in the address; without an answer, of the first state. */
export function restore() {
  isRestoring = true;
  refresh();
}

/** @type {Latest<MapAnswer>} */
const maps = new Latest("map", (answer) => {
  const bytes = Uint8Array.from(atob(answer.data), (letter) => letter.charCodeAt(0));
  const data = new DataView(bytes.buffer);
  const values = new Float32Array(bytes.length / 4);
  values.forEach((_, k) => { values[k] = data.getFloat32(4 * k, true); });
  store.map = { ...answer, values };
  emit("map");
}, (error) => {
  shownMap = ""; // to be asked for again
  showMessage(error.message);
});

let shownMap = "";

/**
 * Ask for the values of the map if the chosen section reads other ones than those that are drawn.
 *
 * @type {(trace: Trace, state: State) => void}
 */
function askMap({ chosen: { section, channel }, pyramid }, state) {
  const wanted = `${pyramid?.level} ${state.batch_index} ${channel} ${state.edits.join(" ")}`;
  if (shownMap === wanted) return;
  shownMap = wanted;
  maps.ask({ ...state, section });
}
