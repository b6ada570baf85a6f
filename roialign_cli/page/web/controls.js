/** The controls: the box as numbers, the rules, the view, and what can be taken along. */

import { show, zoom } from "./plane.js";
import { ask, refresh, say } from "./server.js";
import { BOX_NAMES, at, coordinate, element, emit, on, session, store } from "./state.js";

const option = (value, text = value) => element("option", { value }, text);

// The box ---------------------------------------------------------------------------------------------

const numbers = BOX_NAMES.map((name) => {
  const input = element("input", { type: "number", step: "any", required: "" });
  at("numbers").append(element("label", {}, element("span", {}, name), input));
  input.addEventListener("input", () => {
    const box = numbers.map((one) => one.valueAsNumber);
    if (!box.every(Number.isFinite)) {
      say("box: type four numbers");
      return;
    }
    Object.assign(store.state, { box, corners: null });
    refresh();
  });
  return input;
});
on("trace", () => {
  const given = session.boxes[store.state.roi];
  const isGiven = given && `${given.box}` === `${store.trace.box.values}`;
  at("boxes").value = isGiven ? String(given.index) : "";
  store.trace.box.values.forEach((value, k) => {
    if (document.activeElement !== numbers[k]) numbers[k].value = coordinate(value);
  });
});

for (const { index, name, box } of session.boxes) {
  at("boxes").append(option(index, `${index}: ${name || box.map(coordinate).join(", ")}`));
}
// Shown once the box differs from that of the call.
at("boxes").append(element("option", { value: "", disabled: "", hidden: "" }, "moved"));
at("boxes").addEventListener("change", () => {
  const chosen = session.boxes[Number(at("boxes").value)];
  Object.assign(store.state, {
    roi: chosen.index, box: chosen.box, corners: null, batch_index: chosen.batch_index,
    section: null, point: null,
  });
  refresh();
});

// The rules -------------------------------------------------------------------------------------------

for (const { name } of session.presets) at("preset").append(option(name));
const { channels, maps } = session.feature_map;
for (let c = 0; c < channels; c += 1) at("channel").append(option(c));
for (const name of ["mean", "max", "norm"]) at("channel").append(option(name, `${name} of all`));
for (let n = 0; n < maps; n += 1) at("batch").append(option(n));
at("batch").closest("label").hidden = maps === 1;

for (const id of ["rows", "columns"]) at(id).max = session.limits.sections;
at("ratio").max = session.limits.sampling_ratio;

const preset = () => session.presets.find(({ name }) => name === store.state.preset);

at("preset").addEventListener("change", () => change({ preset: at("preset").value, point: null }));
at("pooling").addEventListener("change", () => change({ pooling: at("pooling").value || null }));
at("ratio").addEventListener("input", () => {
  const text = at("ratio").value;
  if (text === "" || at("ratio").checkValidity()) {
    change({ sampling_ratio: text === "" ? null : Number(text), point: null });
  }
});
for (const [id, axis] of [["rows", 0], ["columns", 1]]) {
  at(id).addEventListener("input", () => {
    if (!at(id).checkValidity()) return;
    const output_size = [...store.state.output_size];
    output_size[axis] = at(id).valueAsNumber;
    const { section } = store.state;
    const gone = section && (section[0] > output_size[1] || section[1] > output_size[0]);
    change({ output_size, ...(gone ? { section: null, point: null } : {}) });
  });
}
at("channel").addEventListener("change", () => {
  const { value } = at("channel");
  change({ channel: /^\d+$/.test(value) ? Number(value) : value });
});
at("batch").addEventListener("change", () => change({ batch_index: Number(at("batch").value) }));

function change(fields) {
  Object.assign(store.state, fields);
  refresh();
}

function showState() {
  const { state } = store;
  const set = (id, value) => { if (document.activeElement !== at(id)) at(id).value = value; };
  const rules = preset();
  set("preset", state.preset);
  set("pooling", state.pooling ?? "");
  at("pooling").options[0].textContent = rules ? `${rules.pooling} (preset)` : "preset";
  const hasRatio = rules?.points === "centred";
  at("ratio").disabled = !hasRatio;
  set("ratio", hasRatio ? state.sampling_ratio ?? "" : "");
  at("ratio").placeholder = hasRatio ? `${rules.sampling_ratio} (preset)` : "none";
  set("rows", state.output_size[0]);
  set("columns", state.output_size[1]);
  set("channel", state.channel);
  set("batch", state.batch_index);
  at("summary").textContent = rules?.summary ?? "";
}
on("state", showState);

// The view --------------------------------------------------------------------------------------------

at("fit").addEventListener("click", () => show("fit"));
at("around").addEventListener("click", () => show("box"));
at("closer").addEventListener("click", () => zoom(1.4));
at("farther").addEventListener("click", () => zoom(1 / 1.4));
for (const name of ["pool", "snap", "photo"]) {
  const input = at(`switch-${name}`);
  input.addEventListener("change", () => {
    store.look[name] = input.checked;
    emit("look");
  });
  on("look", () => { input.checked = store.look[name]; });
}
at("switch-photo").closest("label").hidden = session.image === null;

// Take it along ---------------------------------------------------------------------------------------

const dialog = at("commands");
at("copy").addEventListener("click", async () => {
  try {
    const lines = await (await ask("commands", store.state)).json();
    at("command-list").replaceChildren(...["run", "explain", "plot", "page"].flatMap((name) => {
      const code = element("code", { id: `command-${name}`, tabindex: "0" }, lines[name]);
      const button = element("button", { type: "button", "aria-label": `Copy the command ${name}` }, "Copy");
      button.addEventListener("click", () => copy(button, code));
      return [element("div", { class: "command" }, code, button)];
    }));
    dialog.showModal();
  } catch (error) { say(error.message); }
});
at("close").addEventListener("click", () => dialog.close());

async function copy(button, code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

for (const [id, question, name] of [["picture", "picture", "roi.png"], ["page", "page", "roi.html"]]) {
  const button = at(id);
  button.addEventListener("click", async () => {
    const text = button.textContent;
    button.disabled = true;
    button.textContent = "Saving…";
    try {
      const file = await (await ask(question, store.state)).blob();
      const link = element("a", { href: URL.createObjectURL(file), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    } catch (error) { say(error.message); }
    button.textContent = text;
    button.disabled = false;
  });
}
