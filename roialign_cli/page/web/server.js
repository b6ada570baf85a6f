/** Ask the server, one question of a kind at a time. */

import { coordinate, emit, session, store } from "./state.js";

// For an answer; without a limit, a connection that was lost would block those after it.
const MAX_SECONDS = 60;

/** An error that the server describes; `argument` is the field of the state that is wrong. */
export class Refusal extends Error {
  constructor(message, argument = null) {
    super(message);
    this.argument = argument;
  }
}

/**
 * @param {string} question
 * @param {import("./state.js").State} state
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
  const { error } = await answer.json();
  throw new Refusal(error.argument ? `${error.argument}: ${error.message}` : error.message, error.argument);
}

/** Asks one question again and again: one request is on its way, and the last one waits. */
class Latest {
  #busy = false;

  #waiting = null;

  constructor(question, done, failed) {
    Object.assign(this, { question, done, failed });
  }

  get idle() {
    return !this.#busy && this.#waiting === null;
  }

  async ask(state) {
    this.#waiting = { ...state };
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting) {
      const asked = this.#waiting;
      this.#waiting = null;
      try {
        const answer = await (await ask(this.question, asked)).json();
        this.done(answer, asked, this.#waiting === null);
      } catch (error) {
        if (!(error instanceof Refusal)) console.error(error);
        this.failed(error, asked, this.#waiting === null);
      }
    }
    this.#busy = false;
  }
}

/** Show an error in one line, or remove it; the last good numbers stay. */
export function say(message, isError = true) {
  const line = document.getElementById("status");
  line.textContent = message;
  line.classList.toggle("error", isError && message !== "");
  document.body.classList.toggle("outdated", isError && message !== "");
}

// Whether the state is from the address, and why the last one was not used.
let isRestoring = false;
let notice = "";

const rules = ({ preset, output_size, pooling, sampling_ratio, channel, batch_index }) =>
  JSON.stringify([preset, output_size, pooling, sampling_ratio, channel, batch_index]);
let shownRules = "";

const traces = new Latest("trace", (trace, asked, isLast) => {
  const same = rules(asked) === shownRules;
  shownRules = rules(asked);
  // The changes of the last move stay while sections and points are chosen.
  const isMove = `${store.trace?.box.corners.map(coordinate)}` !== `${trace.box.corners.map(coordinate)}`;
  if (!same) store.previous = null;
  else if (isMove) store.previous = store.trace;
  store.trace = trace;
  if (isLast && !isChanged) store.corners = trace.box.corners;
  say(notice, false);
  notice = "";
  isRestoring = false;
  emit("trace");
  explainSoon();
  if (isLast && asked.corners) writeBoxSoon(asked.corners, trace.box.values);
}, (error, asked, isLast) => {
  // The point may be gone because a section of another size has fewer points.
  const wrong = ["point", "section"].find((name) => error.argument === name && asked[name]);
  if (wrong && isLast) {
    if (wrong === "section") store.state.section = null;
    store.state.point = null;
    refresh();
  } else if (isRestoring) {
    isRestoring = false;
    notice = `the address does not fit this map: ${error.message}`;
    store.state = { ...session.state };
    refresh();
  } else say(error.message);
});

const points = new Latest("point", (answer) => {
  store.point = answer;
  emit("point");
}, (error) => {
  store.point = null;
  emit("point", error.message);
});

let writing = 0;

/** Write the numbers of a dragged box without the noise of their last binary digits. */
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
  !isChanged && !explaining && !writing && [traces, points, maps].every((one) => one.idle);

/** Ask for the numbers of the state, at most once per animation frame. */
export function refresh() {
  emit("state");
  if (isChanged) return;
  isChanged = true;
  requestAnimationFrame(() => {
    isChanged = false;
    askMap();
    traces.ask(store.state);
  });
}

/** Ask for the numbers of the state in the address; without an answer, of the first state. */
export function restore() {
  isRestoring = true;
  refresh();
}

const maps = new Latest("map", (answer) => {
  const bytes = Uint8Array.from(atob(answer.data), (letter) => letter.charCodeAt(0));
  const data = new DataView(bytes.buffer);
  const values = new Float32Array(bytes.length / 4);
  values.forEach((_, k) => { values[k] = data.getFloat32(4 * k, true); });
  store.map = { ...answer, values };
  emit("map");
}, (error) => {
  shownMap = ""; // to be asked for again
  say(error.message);
});

let shownMap = "";

/** Ask for the values of the map if they are of another channel or map than the chosen one. */
function askMap() {
  const { channel, batch_index: index } = store.state;
  if (shownMap === `${index} ${channel}`) return;
  shownMap = `${index} ${channel}`;
  maps.ask(store.state);
}
