/** Answer the questions of a saved page from the data in it. */

import { Refusal } from "./state.js";

/** @returns {Promise<import("./state.js").Answer>} */
async function read() {
  const text = document.getElementById("answers").textContent;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

/** @type {Promise<import("./state.js").Answer> | null} */
let answers = null;

/**
 * @param {string} question
 * @param {import("./state.js").State} state
 * @returns {Promise<import("./state.js").Answer>}
 */
export async function answerFromPage(question, state) {
  answers ??= read();
  const { entries, maps } = await answers;
  const isAsked = ({ channel }) => channel === state.channel;
  if (question === "map") {
    return maps.find((map) => isAsked(map) && map.batch_index === state.batch_index);
  }
  const entry = entries.find(({ trace }) =>
    isAsked(trace.feature_map) && trace.roi.index === state.roi);
  if (!entry) throw new Refusal(`the page has no ROI ${state.roi} with channel ${state.channel}`);
  return question === "trace" ? traceOf(entry, state) : pointOf(entry, state);
}

/** Find the chosen section and point; by default, those that the page was saved with. */
function choose({ trace, sections }, { section, point }) {
  const [i, j] = section ?? trace.chosen.section;
  const chosen = sections[`${[i, j]}`];
  if (!chosen) throw new Refusal(`the page has no section (${i}, ${j})`, "section");
  const first = trace.chosen.section.join() === `${[i, j]}` ? trace.chosen.point?.point : null;
  const { winner } = trace.sections.find((one) => `${one.section}` === `${[i, j]}`);
  const found = chosen.points[`${point ?? first ?? winner ?? Object.keys(chosen.points)[0]}`];
  if (point && !found) throw new Refusal(`the page has no point (${point.join(", ")})`, "point");
  return { section: [i, j], texts: chosen.texts, found: found ?? null };
}

let explained = ""; // the ROI and the channel of the explanation in words

/** Show the explanation of the ROI and channel below the drawing. */
function explain({ document: words, trace }) {
  const about = `${trace.roi.index} ${trace.feature_map.channel}`;
  if (explained && explained !== about) document.getElementById("document").innerHTML = words;
  explained = about;
}

function traceOf(entry, state) {
  explain(entry);
  const { section, found } = choose(entry, state);
  return { ...entry.trace, chosen: { section, point: found?.point ?? null } };
}

function pointOf(entry, state) {
  const { texts, found } = choose(entry, state);
  return { texts: { section: texts, point: found?.texts ?? null } };
}
