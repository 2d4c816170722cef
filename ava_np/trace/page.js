// The player: which step is shown, and everything that follows from it. Nothing is kept but the number of the step, so a step shows the
// same page whichever way one came.

const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const HEADINGS = {
  data: "Data and noise", forward: "Forward", verdict: "The discriminator's verdict, a logit", terms: "A term, in nats", errors: "An error is born",
  crossing: "The error passes to another network", backward: "The error goes back", gradient: "A gradient, of this application",
};
let trace, rows, position = 0, timer = null;
const guessed = new Set();

const flatten = value => Array.isArray(value) ? value.flat(Infinity) : [value];
const number = value => value === null ? "" : String(Number(value.toPrecision(6)));
const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

const models = [...new Set(DATA.traces.map(one => one.model))];
$("model").append(...models.map(name => new Option(name, name)));

function choose(model, propagation) {
  const of = DATA.traces.filter(one => one.model === model);
  const place = trace && rows[position];
  trace = of.find(one => one.propagation === propagation) || of[0];
  const both = of.length > 1;
  $("propagations").hidden = !both;
  for (const radio of document.getElementsByName("propagation")) radio.checked = radio.value === trace.propagation;
  const filter = $("filter").value, names = Object.keys(trace.networks);
  $("filter").replaceChildren(new Option("every step", ""), ...names.map(name => new Option(`only ${name.replaceAll("_", " ")}`, name)));
  $("filter").value = names.includes(filter) ? filter : "";
  const angles = DATA.angles[model];
  $("angles").textContent = both && angles
    ? "Angle between the two gradients: " + Object.entries(angles).map(([name, angle]) => `${name.replaceAll("_", " ")} ${angle.toFixed(1)}°`).join(", ") + "." : "";
  filterRows(place);
}

function filterRows(place) {
  const wanted = $("filter").value;
  rows = trace.rows.filter(row => !wanted || row.network === wanted);
  const same = place ? rows.findIndex(row => ["phase", "stage", "network", "application", "layer", "quantity"].every(key => row[key] === place[key])) : 0;
  const near = place ? rows.findIndex(row => row.number >= place.number) : 0;
  $("step").max = rows.length - 1;
  show(same >= 0 ? same : Math.max(0, near));
}

function stateAt(last) { // values and errors of every application, from the first row to this one
  const state = {};
  for (const name of Object.keys(trace.applications)) state[name] = { values: {}, errors: {} };
  let before = null;
  for (const row of trace.rows.slice(0, last.number)) {
    const of = trace.applications[row.application];
    if (of) {
      const c = of.layers.indexOf(row.layer) + 1, own = state[row.application];
      const forward = ["forward", "verdict"].includes(row.stage);
      if (forward) {
        if (c === 1) Object.assign(own, { values: { 0: flatten(of.input) }, errors: {} });
        if (row.after) own.values[c] = flatten(row.after);
      } else {
        if (!before || before.application !== row.application || ["forward", "verdict"].includes(before.stage)) own.errors = {};
        if (row.received) own.errors[c] = flatten(row.received);
        if (row.quantity === "δx" && row.after) own.errors[c - 1] = flatten(row.after);
      }
      before = row;
    } else if (row.stage !== "terms") before = null;
    if (row.error_of) { // an error at an application's output, or at a part of it
      const errors = state[row.error_of].errors, last = trace.applications[row.error_of].layers.length;
      if (before && before.application === row.error_of) before = null;
      errors[last] ??= [];
      flatten(row.after).slice(0, row.shape.at(-1)).forEach((value, k) => { errors[last][row.error_from + k] = value; });
    }
  }
  return state;
}

const hides = row => $("predict").checked && ["errors", "crossing", "backward", "gradient"].includes(row.stage) && row.formulas.length > 0 && !guessed.has(key(row));
const key = row => `${trace.model} ${trace.propagation} ${row.number}`;

function show(to) {
  position = Math.max(0, Math.min(rows.length - 1, to));
  const row = rows[position], state = stateAt(row), hidden = hides(row);
  $("step").value = position;
  $("step").setAttribute("aria-valuetext", `${position + 1} of ${rows.length}: ${row.quantity}`);
  $("count").textContent = `${position + 1} of ${rows.length}`;
  describe(row, hidden);
  if (hidden && row.quantity === "δx") state[row.application].hiddenError = trace.applications[row.application].layers.indexOf(row.layer);
  const phases = [...new Set(trace.rows.map(one => one.phase))];
  const seen = Object.keys(trace.applications).filter(name => trace.rows.some(one => one.application === name && (phases.length === 1 || one.phase === row.phase)));
  $("networks").replaceChildren(...seen.map(name => {
    const of = trace.applications[name], here = row.application === name;
    const stopped = here && !row.learns;
    const title = element("h3", {}, `${of.letter} on ${of.reads} `);
    if (stopped) title.append(element("span", { className: "stop" }, `${of.letter}*: does not learn`));
    return element("div", { className: here ? "box now" : "box" }, title, drawApplication(trace, name, state[name], here ? row : null, explain));
  }));
  const figure = row.stage === "crossing" && !row.application && row.code.includes("causal_backward");
  $("crossing").hidden = !figure;
  if (figure) {
    const [drawing, label] = drawCrossing(row, !hidden);
    $("figure").replaceChildren(drawing, element("p", { className: "soft" }, label));
  }
  $("neuron").textContent = "";
  tables(row, hidden);
}

function describe(row, hidden) {
  const of = trace.applications[row.application];
  const where = of ? `${of.letter}${row.learns ? "" : "*"} on ${of.reads}, ${row.layer}: ` : "";
  const parts = [element("h2", {}, `${HEADINGS[row.stage]}: ${where}${row.quantity}`)];
  const facts = [];
  if (trace.rows.some(one => one.phase !== row.phase)) facts.push(`phase "${row.phase}"`);
  if (row.equations.length) facts.push(`equation ${row.equations.map(one => `(${one})`).join(", ")}`);
  if (row.note) facts.push(row.note);
  if (facts.length) parts.push(element("p", {}, facts.join(" · ")));
  if (row.code) parts.push(element("p", {}, element("code", {}, row.code), " ", element("span", { className: "soft" }, row.place)));
  if (!row.learns && of) parts.push(element("p", { className: "stop" }, `${of.letter}* stops here: it passes the error on and does not learn from it (in other frameworks: detach, stop_gradient).`));
  if (hidden) parts.push(question(row));
  parts.push(entries(row, hidden));
  if (row.relative_error !== null && !hidden) parts.push(element("p", { className: "soft" }, `Largest relative error against finite differences: ${row.relative_error.toExponential(0)}`));
  $("now").replaceChildren(...parts);
}

function question(row) {
  const answer = change(row)[0][0];
  const input = element("input", { type: "text", size: 10, inputMode: "decimal" });
  input.setAttribute("aria-label", "your value of the first entry");
  const verdict = element("span", { role: "status" });
  const open = () => { guessed.add(key(row)); show(position); };
  const check = () => {
    const value = Number(input.value);
    if (input.value.trim() === "" || Number.isNaN(value)) { verdict.textContent = "Type a number."; return; }
    if (Math.abs(value - answer) <= 0.01 * Math.max(Math.abs(answer), 1e-4)) {
      open();
      $("now").append(element("p", { className: "good", role: "status" }, `Right: ${number(answer)}.`));
    } else if (Math.abs(value + answer) <= 0.01 * Math.abs(answer)) verdict.textContent = "The size is right, the sign is not.";
    else verdict.textContent = `No: off by a factor of ${answer === 0 ? "infinity" : number(value / answer)}.`;
  };
  input.addEventListener("keydown", event => { if (event.key === "Enter") check(); });
  return element("p", {}, `What is the first entry of what is added to ${row.quantity}? `, input, " ",
    element("button", { onclick: check }, "Check"), " ", element("button", { onclick: open }, "Show me"), " ", verdict);
}

function entries(row, hidden) {
  if (row.after === null) return element("p", { className: "soft" }, `${row.shape.join(" x ")} numbers: too many to show.`);
  const values = flatten(row.after), before = row.before === null ? null : flatten(row.before), numeric = row.differences && flatten(row.differences);
  const head = element("tr", {}, ...["entry", "formula", before ? "before → after" : "value", ...(numeric ? ["by finite differences"] : [])].map(text => element("th", { scope: "col" }, text)));
  const list = values.slice(0, 12).map((value, i) => {
    const unknown = hidden && i === 0;
    const cells = [index(row.shape, i), hidden ? row.formulas[i]?.split(" = ")[0] ?? "" : row.formulas[i] ?? "", unknown ? "?" : before ? `${number(before[i])} → ${number(value)}` : number(value)];
    if (numeric) cells.push(unknown ? "?" : number(numeric[i]));
    return element("tr", {}, ...cells.map(text => element("td", {}, text)));
  });
  const table = element("table", { id: "entries" }, element("thead", {}, head), element("tbody", {}, ...list));
  return element("div", { className: "scroll" }, table, values.length > 12 ? element("p", { className: "soft" }, `and ${values.length - 12} more`) : "");
}

function index(shape, i) { // of a flat entry, counted from 1
  const places = [];
  for (const size of [...shape].reverse()) { places.unshift(i % size + 1); i = Math.floor(i / size); }
  return places.length ? `[${places.join(", ")}]` : "";
}

function explain(name, column, neuron) { // the sum of one neuron, from the last row that made it
  const of = trace.applications[name], last = rows[position].number;
  const made = trace.rows.slice(0, last).filter(row => row.application === name);
  const forward = made.findLast(row => row.layer === of.layers[column - 1] && ["forward", "verdict"].includes(row.stage));
  const error = made.findLast(row => row.layer === of.layers[column] && row.quantity === "δx");
  const text = [`${of.letter} on ${of.reads}, ${column ? of.layers[column - 1] : "input"}, neuron ${neuron + 1}`];
  if (forward?.formulas[neuron]) text.push(`value: ${forward.formulas[neuron]} = ${number(flatten(forward.after)[neuron])}`);
  if (error?.formulas[neuron] && !(hides(rows[position]) && error === rows[position])) text.push(`error: ${error.formulas[neuron]} = ${number(flatten(error.after)[neuron])}`);
  $("neuron").textContent = text.join(" · ");
}

function tables(row, hidden) {
  const done = trace.rows.slice(0, row.number - (hidden ? 1 : 0)), names = Object.keys(trace.applications);
  const has = (one, name) => name in one.applications && done.some(other => other.phase === one.phase && other.application === name && other.layer === one.layer && other.quantity === `δ${one.parameter}`);
  const shown = trace.gradients.filter(one => names.some(name => has(one, name)));
  const used = names.filter(name => shown.some(one => has(one, name)));
  const head = ["parameter", ...used.map(name => `${trace.applications[name].letter} on ${trace.applications[name].reads}`), "sum", "by finite differences"];
  const first = value => value === null || value === undefined ? "" : number(flatten(value)[0]);
  const list = shown.map(one => {
    const complete = Object.keys(one.applications).every(name => has(one, name));
    return [`${one.network}.${one.layer}.${one.parameter}`, ...used.map(name => has(one, name) ? first(one.applications[name]) : ""), complete ? first(one.gradient) : "", complete ? first(one.differences) : ""];
  });
  fill($("gradients"), list.length ? head : [], list);
  const ended = row === trace.rows.at(-1) || trace.rows[row.number].phase !== row.phase;
  const phases = [...new Set(done.map(one => one.phase))].filter(phase => phase !== row.phase || ended);
  const updates = trace.updates.filter(one => phases.includes(one.phase));
  fill($("updates"), updates.length ? ["network", "‖g‖²", "-γ ‖g‖²", "change of its objective"] : ["at the end of the phase"],
    updates.map(one => [one.network, number(one.squared_norm), number(one.predicted), number(one.actual)]));
}

function fill(table, head, list) {
  table.replaceChildren(element("thead", {}, element("tr", {}, ...head.map(text => element("th", { scope: "col" }, text)))),
    element("tbody", {}, ...list.map(cells => element("tr", {}, ...cells.map((text, i) => element("td", { className: i ? "number" : "" }, text))))));
}

function play(on) {
  clearInterval(timer);
  timer = on ? setInterval(() => position < rows.length - 1 ? show(position + 1) : play(false), 900) : null;
  $("play").setAttribute("aria-pressed", String(on));
  $("play").textContent = on ? "Pause" : "Play";
}

$("model").addEventListener("change", () => choose($("model").value, trace.propagation));
$("filter").addEventListener("change", () => filterRows(rows[position]));
$("predict").addEventListener("change", () => { guessed.clear(); show(position); });
for (const radio of document.getElementsByName("propagation")) radio.addEventListener("change", () => choose(trace.model, radio.value));
$("step").addEventListener("input", () => show(Number($("step").value)));
$("back").addEventListener("click", () => show(position - 1));
$("forward").addEventListener("click", () => show(position + 1));
$("play").addEventListener("click", () => play(timer === null));
document.addEventListener("keydown", event => {
  if (event.target.matches("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
  const to = { ArrowRight: position + 1, ArrowLeft: position - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  show(to);
});

choose(models[0], "exact");
