/** Answer the questions of a saved page from the data in it. */

import { Refusal, at } from "./state.js";

/** @import { MapAnswer, PointAnswer, SavedAnswers, SavedEntry, State, Trace } from "./types.js" */

/** @returns {Promise<SavedAnswers>} */
async function read() {
  const bytes = Uint8Array.from(atob(at("answers").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

/** @type {Promise<SavedAnswers> | null} */
let answers = null;

/** @type {(question: string, state: State) => Promise<Trace | Pick<PointAnswer, "texts"> | MapAnswer | undefined>} */
export async function answerFromPage(question, state) {
  answers ??= read();
  const { entries, maps } = await answers;
  const { roi, channel } = state;
  const entry = entries.find(({ trace }) =>
    trace.feature_map.channel === channel && trace.roi.index === roi);
  if (!entry) throw new Refusal(`the page has no ROI ${roi} with channel ${channel}`);
  if (question === "map") {
    const { channel: read } = choose(entry, state);
    return maps.find((map) => map.channel === read && map.batch_index === state.batch_index);
  }
  return question === "trace" ? traceOf(entry, state) : pointOf(entry, state);
}

/**
 * Find the chosen section and point; by default, those that the page was saved with.
 *
 * @type {(entry: SavedEntry, state: State) => SavedEntry["sections"][string] & {section: Trace["chosen"]["section"], found: SavedEntry["sections"][string]["points"][string] | null}}
 */
function choose({ trace, sections }, { section, point }) {
  const [i, j] = section ?? trace.chosen.section;
  const chosen = sections[`${[i, j]}`];
  if (!chosen) throw new Refusal(`the page has no section (${i}, ${j})`, "section");
  const first = `${trace.chosen.section}` === `${[i, j]}` ? trace.chosen.point?.point : null;
  const winner = trace.sections.find((one) => `${one.section}` === `${[i, j]}`)?.winner;
  const found = chosen.points[`${point ?? first ?? winner ?? Object.keys(chosen.points)[0]}`];
  if (point && !found) throw new Refusal(`the page has no point (${point.join(", ")})`, "point");
  return { ...chosen, section: [i, j], found: found ?? null };
}

let explained = ""; // the ROI and the channel of the explanation in words

/** Show the explanation of the ROI and channel below the drawing. @param {SavedEntry} entry */
function explain({ document: words, trace }) {
  const about = `${trace.roi.index} ${trace.feature_map.channel}`;
  if (explained && explained !== about) at("document").innerHTML = words;
  explained = about;
}

/** @type {(entry: SavedEntry, state: State) => Trace} */
function traceOf(entry, state) {
  explain(entry);
  const { section, channel, found } = choose(entry, state);
  return { ...entry.trace, chosen: { section, channel, point: found?.point ?? null } };
}

/** @type {(entry: SavedEntry, state: State) => Pick<PointAnswer, "texts">} */
function pointOf(entry, state) {
  const { texts, found } = choose(entry, state);
  return { texts: { section: texts, point: found?.texts ?? null } };
}
