"use strict";
(() => {
  const { trace, texts, scene } = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  // Which section, point and neighbour, counted from 0 in `trace`; null for none.
  let chosen = { section: 0, point: null, neighbour: null };
  const sectionAt = new Map(trace.sections.map((s, index) => [`${s.section}`, index]));

  function element(name, settings, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(settings)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function formula(parts) {
    const further = typeof parts[0] === "string" && parts[0].startsWith("  ");
    const made = element("p", { class: further ? "formula further" : "formula" });
    for (const part of parts) {
      if (typeof part === "string") made.append(part);
      else if (part.role) made.append(element("span", { class: `role-${part.role}` }, part.text));
      else {
        const [over, under] = part.map((text) => element("span", {}, text));
        const slash = element("span", { class: "slash" }, "/");
        made.append(element("span", { class: "fraction" }, over, slash, under));
      }
    }
    return made;
  }

  const fill = (id, lines) => at(id).replaceChildren(...lines.map(formula));

  function mark(on, name, settings, text = "") {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(settings)) made.setAttribute(key, value);
    made.textContent = text;
    at(on).append(made);
  }

  const x = (value) => scene.x + value * scene.right;
  const y = (value) => scene.y + value * scene.down;

  function firstPoint(index) {
    const { points, winner } = trace.sections[index];
    if (!points.length) return null;
    return Math.max(points.findIndex((p) => `${p.point}` === `${winner}`), 0);
  }

  // Drawing ------------------------------------------------------------------------------------

  function outline(original, name, grow = 0) {
    const settings = { class: name };
    for (const key of ["x", "y", "width", "height", "cx", "cy"]) {
      if (original.hasAttribute(key)) settings[key] = original.getAttribute(key);
    }
    if (grow) settings.r = Number(original.getAttribute("r")) + grow;
    mark("marks", original.tagName, settings);
  }

  function draw({ section, point, neighbour }) {
    at("marks").replaceChildren();
    const one = trace.sections[section];
    outline(at(`s${one.section}`), "section");
    if (point === null) return;
    const sample = one.points[point];
    const cells = texts.sections[section].points[point].neighbours;
    cells.forEach((row, k) => {
      const q = sample.neighbours[k];
      const shown = k === neighbour ? " shown" : "";
      const [left, top] = [x(q.x - 0.5), Math.min(y(q.y - 0.5), y(q.y + 0.5))];
      const size = { width: scene.right, height: scene.right };
      mark("marks", "rect", { class: `neighbour${shown}`, x: left, y: top, ...size });
      const ends = { x1: x(sample.x), y1: y(sample.y), x2: x(q.x), y2: y(q.y) };
      mark("marks", "line", { class: `tie${shown}`, ...ends });
      if (scene.right < 30) return;
      const font = Math.min(scene.right / 5, 13);
      const place = { x: x(q.x), y: top + font + 3, "font-size": font };
      mark("marks", "text", { class: `named role-${row[0]}`, ...place }, row[0]);
    });
    outline(at(`p${one.section},${sample.point}`), "ring", 4);
  }

  // The four cells' centres as a square, in which the area opposite a centre is its weight.
  function drawSquare({ section, point, neighbour }) {
    at("square").replaceChildren();
    const sample = point === null ? null : trace.sections[section].points[point];
    const rows = sample ? texts.sections[section].points[point].neighbours : [];
    const whole = rows.length && sample.x1 !== sample.x2 && sample.y1 !== sample.y2;
    at("square").toggleAttribute("hidden", !whole);
    if (!whole) return;
    const share = (value, low, high) => Math.min(Math.max((value - low) / (high - low), 0), 1);
    const up = scene.down < 0;
    const across = 100 * share(sample.x, sample.x1, sample.x2);
    const down = 100 * (up ? 1 - share(sample.y, sample.y1, sample.y2)
      : share(sample.y, sample.y1, sample.y2));
    sample.neighbours.forEach((q, k) => {
      const [left, top] = [q.x === sample.x1 ? 0 : 100, (q.y === sample.y2) === up ? 0 : 100];
      const area = {
        x: Math.min(across, 100 - left), width: Math.abs(100 - left - across),
        y: Math.min(down, 100 - top), height: Math.abs(100 - top - down),
      };
      const shown = k === neighbour ? " shown" : "";
      const role = `role-${rows[k][0]}`;
      mark("square", "rect", { class: `area ${role}${shown}`, ...area });
      mark("square", "circle", { class: `centre ${role}${shown}`, cx: left, cy: top, r: 3.5 });
      const beside = { x: left ? 106 : -6, y: top ? 104 : 4, "text-anchor": left ? "start" : "end" };
      mark("square", "text", beside, `${rows[k][0]} ${rows[k][4]}`);
    });
    mark("square", "circle", { class: "point", cx: across, cy: down, r: 4.5 });
  }

  // Words and numbers --------------------------------------------------------------------------

  function tell({ section, point, neighbour }) {
    const words = texts.sections[section];
    at("section-title").textContent = words.title;
    fill("reduced", words.reduced);
    const sample = point === null ? null : words.points[point];
    at("point-title").textContent = sample ? sample.title : "No sample points";
    at("point-note").textContent = sample ? sample.note : "";
    at("point-note").hidden = !(sample && sample.note);
    at("position-title").hidden = !sample;
    at("value-title").hidden = !(sample && sample.interpolated.length);
    fill("coordinates", sample ? sample.coordinates : []);
    fill("between", sample ? sample.between : []);
    fill("interpolated", sample ? sample.interpolated : []);
    at("neighbours-of-point").hidden = !(sample && sample.neighbours.length);
    fill("weighted", sample && neighbour !== null ? [sample.weighted[neighbour]] : []);
    [...at("neighbours").tBodies[0].rows].forEach((row, k) => {
      if (k === neighbour) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    });
  }

  function press(group, index) {
    [...at(group).querySelectorAll("button")].forEach((button) => {
      const pressed = Number(button.dataset.index) === index && !button.disabled;
      button.setAttribute("aria-pressed", pressed);
      button.tabIndex = pressed ? 0 : -1;
    });
  }

  // Which section's points and which point's neighbours are listed.
  const listed = { points: "", neighbours: "" };

  // List anew, unless the focus is there and what is shown is only pointed at.
  function list(group, what, state, fill) {
    const kept = state !== chosen && at(group).contains(document.activeElement);
    if (listed[group] === what || kept) return;
    listed[group] = what;
    fill();
  }

  function show(state) {
    const { section, point } = state;
    list("points", `${section}`, state, () => listPoints(section));
    list("neighbours", `${section},${point}`, state, () => listNeighbours(section, point));
    press("sections", section);
    press("points", listed.points === `${section}` ? point : chosen.point);
    tell(state);
    draw(state);
    drawSquare(state);
  }

  function choose(state) {
    chosen = state;
    show(chosen);
    at("said").textContent = [
      at("section-title").textContent,
      at("point-title").textContent,
      at("weighted").textContent,
    ].filter(Boolean).join(". ");
  }

  const inSection = (section) => ({ section, point: firstPoint(section), neighbour: null });

  // Buttons --------------------------------------------------------------------------------------

  // A button a cell, gone through with the arrow keys; `state` says what a button stands for.
  function listen(button, state) {
    button.addEventListener("pointerenter", () => show(state()));
    button.addEventListener("pointerleave", () => show(chosen));
    button.addEventListener("focus", () => choose(state()));
    button.addEventListener("click", () => { button.focus(); choose(state()); });
  }

  function walk(group, columns) {
    at(group).addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const buttons = [...at(group).querySelectorAll("button")];
      const here = buttons.indexOf(document.activeElement);
      const across = columns();
      let [column, row] = [here % across, Math.floor(here / across)];
      if (event.key in ARROWS) {
        const [dx, dy] = ARROWS[event.key];
        [column, row] = [column + dx, row + dy];
      } else if (event.key === "Home") column = 0;
      else if (event.key === "End") column = across - 1;
      else return;
      event.preventDefault();
      const next = column >= 0 && column < across ? buttons[row * across + column] : null;
      if (next && !next.disabled) next.focus();
    });
  }

  function layOut(group, columns) {
    at(group).style.gridTemplateColumns = `repeat(${columns}, auto)`;
    at(group).classList.toggle("many", columns > 5);
  }

  function listSections() {
    const columns = texts.outputs[0].length;
    layOut("sections", columns);
    texts.outputs.forEach((row, j) => row.forEach((text, i) => {
      const index = sectionAt.get(`${[i + 1, j + 1]}`);
      const button = element("button", { type: "button", class: texts.inks[j][i] }, text);
      button.setAttribute("aria-label", `section (${i + 1}, ${j + 1}): ${text}`);
      button.disabled = index === undefined;
      button.dataset.index = index;
      button.style.setProperty("--share", texts.shades[j][i]);
      listen(button, () => (index === chosen.section ? chosen : inSection(index)));
      at("sections").append(button);
    }));
  }

  function listPoints(section) {
    const { points, winner } = trace.sections[section];
    const across = new Set(points.map((p) => p.point[0])).size;
    layOut("points", across);
    at("points").replaceChildren(...points.map((p, index) => {
      const text = texts.sections[section].points[index].taken;
      const button = element("button", { type: "button" }, text);
      const won = `${p.point}` === `${winner}`;
      button.classList.toggle("won", won);
      const name = `point (${p.point[0]}, ${p.point[1]}): ${text}${won ? ", the largest" : ""}`;
      button.setAttribute("aria-label", name);
      button.dataset.index = index;
      listen(button, () => ({ section, point: index, neighbour: null }));
      return button;
    }));
  }

  function listNeighbours(section, point) {
    const rows = point === null ? [] : texts.sections[section].points[point].neighbours;
    at("neighbours").tBodies[0].replaceChildren(...rows.map(([name, ...others], index) => {
      const settings = { type: "button", class: `role-${name}`, tabindex: index ? -1 : 0 };
      const button = element("button", settings, name);
      const cells = others.map((text) => element("td", {}, text));
      const row = element("tr", {}, element("th", { scope: "row" }, button), ...cells);
      const state = () => ({ section, point, neighbour: index });
      listen(button, state);
      row.addEventListener("pointerenter", () => show(state()));
      row.addEventListener("pointerleave", () => show(chosen));
      return row;
    }));
  }

  // The drawing's own sections and points --------------------------------------------------------

  function stateOf(target) {
    const id = target.id || "";
    const [i, j, n, m] = id.slice(1).split(",").map(Number);
    const section = sectionAt.get(`${[i, j]}`);
    if (section === undefined) return null;
    if (id[0] === "s") return section === chosen.section ? chosen : inSection(section);
    const point = trace.sections[section].points.findIndex((p) => `${p.point}` === `${[n, m]}`);
    return { section, point, neighbour: null };
  }

  const drawing = document.querySelector("figure > svg");
  drawing.addEventListener("pointerover", (event) => show(stateOf(event.target) ?? chosen));
  drawing.addEventListener("pointerleave", () => show(chosen));
  drawing.addEventListener("click", (event) => {
    const state = stateOf(event.target);
    if (state) choose(state);
  });

  listSections();
  walk("sections", () => texts.outputs[0].length);
  walk("points", () => new Set(trace.sections[chosen.section].points.map((p) => p.point[0])).size);
  walk("neighbours", () => 1);
  chosen = inSection(0);
  show(chosen);
})();
