/** What needs the server: the box as numbers, the rules, and what can be taken along. */

import { connect, option } from "./choices.js";
import { ask, asRefusal, refresh, showMessage } from "./server.js";
import { BOX_NAMES, at, coordinate, element, on, session, store } from "./state.js";

/** @import { CommandsAnswer, State } from "./types.js" */

// The box ---------------------------------------------------------------------------------------------

const numbers = BOX_NAMES.map((name) => {
  const input = element("input", { type: "number", step: "any", required: "" });
  at("numbers").append(element("label", {}, element("span", {}, name), input));
  input.addEventListener("input", () => {
    const box = numbers.map((one) => one.valueAsNumber);
    if (!box.every(Number.isFinite)) {
      showMessage("box: type four numbers");
      return;
    }
    Object.assign(store.state, { box, corners: null });
    refresh();
  });
  return input;
});
on("trace", () => {
  store.trace?.box.values.forEach((value, k) => {
    if (document.activeElement !== numbers[k]) numbers[k].value = coordinate(value);
  });
});

// The rules -------------------------------------------------------------------------------------------

for (const id of /** @type {const} */ (["preset", "with"])) {
  /** @type {Map<string, HTMLElement>} */
  const groups = new Map();
  for (const { name, framework } of session.presets) {
    const group = groups.get(framework) ?? element("optgroup", { label: framework });
    groups.set(framework, group);
    group.append(option(name));
  }
  at(id).append(...groups.values());
}
const pool = [...at("with").options].find(({ value }) => value === "roi-pool");
if (pool) pool.hidden = true; // an address may name it; ROI Pool is the first choice
const { maps } = session.feature_map;
for (let n = 0; n < maps; n += 1) at("batch").append(option(n));
at("batch").closest("label")?.toggleAttribute("hidden", maps === 1);

for (const id of /** @type {const} */ (["rows", "columns"])) at(id).max = `${session.limits.sections}`;

/** @param {string | null} chosen */
const preset = (chosen) => session.presets.find(({ name }) => name === chosen);

at("preset").addEventListener("change", () => change({ preset: at("preset").value, point: null }));
at("with").addEventListener("change", () => change({ other: at("with").value || null }));
at("pooling").addEventListener("change", () => change({ pooling: at("pooling").value || null }));
const RATIOS = /** @type {const} */ ([["ratio", "sampling_ratio"], ["ratio-x", "sampling_ratio_x"]]);
for (const [id, name] of RATIOS) {
  const input = at(id);
  input.max = `${session.limits.sampling_ratio}`;
  input.addEventListener("input", () => {
    if (input.value !== "" && !input.checkValidity()) return;
    change({ [name]: input.value === "" ? null : Number(input.value), point: null });
  });
}
for (const [id, axis] of /** @type {const} */ ([["rows", 0], ["columns", 1]])) {
  at(id).addEventListener("input", () => {
    if (!at(id).checkValidity()) return;
    /** @type {State["output_size"]} */
    const output_size = [...store.state.output_size];
    output_size[axis] = at(id).valueAsNumber;
    const { section } = store.state;
    const gone = section && (section[0] > output_size[1] || section[1] > output_size[0]);
    change({ output_size, ...(gone ? { section: null, point: null } : {}) });
  });
}
at("batch").addEventListener("change", () => change({ batch_index: Number(at("batch").value) }));

/** Change fields of the state, and show the numbers of the new state. @param {Partial<State>} fields */
export function change(fields) {
  Object.assign(store.state, fields);
  refresh();
}

function showState() {
  const { state } = store;
  /**
   * @param {"preset" | "with" | "pooling" | "ratio" | "ratio-x" | "rows" | "columns" | "batch"} id
   * @param {string | number} value
   */
  const set = (id, value) => { if (document.activeElement !== at(id)) at(id).value = `${value}`; };
  const rules = preset(state.preset);
  const sides = [rules, preset(state.other)].filter((side) => side !== undefined);
  set("preset", state.preset);
  set("with", state.other ?? "");
  set("pooling", state.pooling ?? "");
  const own = [...new Set(sides.map(({ pooling }) => pooling))].join(", ");
  at("pooling").options[0].textContent = sides.length ? `${own} (preset)` : "preset";
  const ratios = new Set(sides.map((side) => side.sampling_ratio).filter((ratio) => ratio !== null));
  for (const [id, name] of RATIOS) {
    at(id).disabled = ratios.size === 0;
    set(id, ratios.size ? state[name] ?? "" : "");
  }
  at("ratio").placeholder = ratios.size ? `${[...ratios].join(", ")} (preset)` : "none";
  at("ratio-x").placeholder = ratios.size ? "as along y" : "none";
  // Along x it is the same, unless the command line or the address names it.
  const isGiven = state.sampling_ratio_x !== null || session.state.sampling_ratio_x !== null;
  at("ratio-x").closest("label")?.toggleAttribute("hidden", !isGiven);
  at("ratio-name").textContent = isGiven ? "sampling ratio, y" : "sampling ratio";
  set("rows", state.output_size[0]);
  set("columns", state.output_size[1]);
  set("batch", state.batch_index);
  at("summary").textContent = rules?.summary ?? "";
}
on("state", showState);

connect("snap");

// Take it along ---------------------------------------------------------------------------------------

const dialog = at("commands");
at("copy").addEventListener("click", async () => {
  try {
    /** @type {CommandsAnswer} */
    const { remark, ...lines } = await (await ask("commands", store.state)).json();
    at("command-list").replaceChildren(...Object.entries(lines).flatMap(([name, line]) => {
      const code = element("code", { id: `command-${name}`, tabindex: "0" },
        ...line.split(/( )/).map((/** @type {string} */ word) => (word === " " ? word : element("span", {}, word))));
      const button = element("button", { type: "button", "aria-label": `Copy the command ${name}` }, "Copy");
      button.addEventListener("click", () => copy(button, code));
      return [element("div", { class: "command" }, code, button)];
    }));
    at("command-remark").textContent = remark ?? "";
    at("command-remark").hidden = !remark;
    dialog.showModal();
  } catch (error) { showMessage(asRefusal(error).message); }
});
at("close").addEventListener("click", () => dialog.close());

/** @type {(button: HTMLButtonElement, code: HTMLElement) => Promise<void>} */
async function copy(button, code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(code);
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

/** @type {["picture" | "page" | "array", string][]} */
const FILES = [["picture", "roi.png"], ["page", "roi.html"], ["array", session.editing?.file ?? ""]];
for (const [question, name] of FILES) {
  const button = at(question);
  button.addEventListener("click", async () => {
    const text = button.textContent;
    button.disabled = true;
    button.textContent = "Saving…";
    try {
      const file = await (await ask(question, store.state)).blob();
      const link = element("a", { href: URL.createObjectURL(file), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    } catch (error) { showMessage(asRefusal(error).message); }
    button.textContent = text;
    button.disabled = false;
  });
}
