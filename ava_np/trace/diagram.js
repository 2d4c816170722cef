"use strict";
// The drawing: an application of a network as neurons in columns, and a crossing from one network to another.

const SPACE = 50, ROW = 48, RADIUS = 15, MOST = 12; // more neurons than MOST are one bar

function svg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function short(value) { // as it fits into a neuron
  if (value === null || value === undefined) return "";
  if (value !== 0 && Math.abs(value) < 0.005) return value < 0 ? "-0" : "+0";
  const text = Math.abs(value) < 10 ? value.toFixed(2) : value.toPrecision(2);
  return text.replace("0.", ".");
}

function colour(value) {
  if (value === null || value === undefined) return "var(--paper)";
  const share = Math.round(55 * Math.tanh(Math.abs(value)));
  return `color-mix(in srgb, var(${value < 0 ? "--red" : "--blue"}) ${share}%, var(--paper))`;
}

// One application. `state` has its values and errors by column; `row` is the step, if it is of this application.
function drawApplication(trace, name, state, row, onNeuron) {
  const of = trace.applications[name], columns = ["input", ...of.layers];
  const most = Math.max(...of.sizes.map(size => Math.min(size, MOST)));
  const width = SPACE * columns.length, height = ROW * most + 26;
  const y = (size, k) => 20 + ROW * (k + 0.5 + (most - size) / 2);
  const lines = [], neurons = [], active = row ? columns.indexOf(row.layer) : -1;
  const back = row && ["backward", "crossing", "gradient"].includes(row.stage);
  const weights = trace.networks[of.network];
  columns.forEach((column, c) => {
    const size = of.sizes[c], x = SPACE * (c + 0.5);
    if (c && size <= MOST && of.sizes[c - 1] <= MOST) lines.push(...edges(c, x));
    const values = state.values[c], errors = state.errors[c];
    if (size > MOST) {
      neurons.push(svg("rect", { x: x - 6, y: 20, width: 12, height: height - 30, rx: 6, fill: values ? "var(--blue)" : "var(--wash)", stroke: "var(--line)" }),
        svg("text", { x, y: 10, class: "name" }, `${size}`));
      return;
    }
    if (c) neurons.push(svg("text", { x, y: 8, class: "name" }, column.replace("leaky_relu", "leaky")));
    const shown = row && c === (back && row.quantity === "δx" ? active - 1 : active);
    for (let k = 0; k < size; k++) {
      const value = values?.[k], error = errors?.[k], at = { cx: x, cy: y(size, k), r: RADIUS };
      const label = `${of.letter} on ${of.reads}, ${column}, neuron ${k + 1}: ` +
        (value === undefined ? "not computed yet" : `value ${short(value)}${error === undefined ? "" : `, error ${short(error)}`}`);
      const group = svg("g", shown ? { class: "active", tabindex: 0, role: "img", "aria-label": label } : { "aria-label": label },
        svg("circle", { ...at, fill: "", class: value === undefined ? "" : "seen", style: `fill: ${colour(value)}` }),
        svg("text", { x, y: at.cy }, state.hidden === c && !k ? "?" : short(value)));
      if (error !== undefined) group.append(svg("text", { x, y: at.cy + RADIUS + 6, class: "error" }, `δ ${state.hiddenError === c && !k ? "?" : short(error)}`));
      for (const event of ["pointerenter", "focus", "click"]) group.addEventListener(event, () => onNeuron(name, c, k));
      neurons.push(group);
    }
  });
  function edges(c, x) {
    const found = [], W = weights?.[`${of.layers[c - 1]}.W`], here = active === c;
    const tip = here ? { [back ? "marker-start" : "marker-end"]: "url(#tip)" } : {};
    for (let i = 0; i < of.sizes[c - 1]; i++)
      for (let k = 0; k < of.sizes[c]; k++) {
        if (!W && i !== k) continue;
        const w = W ? W[i][k] : 0;
        if (W && W.length !== of.sizes[c - 1]) continue;
        found.push(svg("line", { x1: x - SPACE + RADIUS + 1, y1: y(of.sizes[c - 1], i), x2: x - RADIUS - 1, y2: y(of.sizes[c], k),
          class: w > 0 ? "plus" : w < 0 ? "minus" : "", "stroke-width": W ? Math.min(3, 0.5 + Math.abs(w) * 1.5) : 1, opacity: here ? 0.9 : 0.35, ...tip }));
      }
    return found;
  }
  return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${of.letter} on ${of.reads}` }, ...lines, ...neurons);
}

// Figure 1 and Figure 3 of the paper: one output neuron of a discriminator, and the neurons that it reads.
function drawCrossing(row, known) {
  const reverse = row.code.startsWith("reverse_causal"), changes = change(row)[0];
  const size = reverse ? row.formulas[0].split("·(").pop().split(" + ").length : changes.length;
  const height = 34 * size + 20, middle = height / 2, left = 70, right = 330, parts = [];
  for (let i = 0; i < size; i++) {
    const y = 10 + 34 * (i + 0.5);
    parts.push(svg("line", { x1: left + 16, y1: y, x2: right - 16, y2: middle, class: "plus", "stroke-width": 1.5, [reverse ? "marker-end" : "marker-start"]: "url(#tip)" }),
      svg("text", { x: (left + right) / 2, y: (y + middle) / 2 - 6, class: "name" }, "1"),
      svg("circle", { cx: left, cy: y, r: 15 }), svg("text", { x: left, y }, `[${i + 1}]`));
    if (!reverse) parts.push(svg("text", { x: 28, y, class: "error" }, known || i ? short(changes[i]) : "?"));
  }
  parts.push(svg("circle", { cx: right, cy: middle, r: 18 }), svg("text", { x: right, y: middle }, "d0"));
  if (reverse) parts.push(svg("text", { x: right + 45, y: middle, class: "error" }, known ? short(changes[0]) : "?"));
  const label = reverse ? "Figure 3: errors of all neurons are collected in d0, through weights of one" : "Figure 1: the error of d0 goes to every neuron, through weights of one";
  return [svg("svg", { width: 420, height, viewBox: `0 0 420 ${height}`, role: "img", "aria-label": label }, ...parts), label];
}

function change(row) { // what was added, as rows of numbers
  const flat = value => Array.isArray(value) ? value : [value];
  const two = value => flat(value).map(flat);
  const after = two(row.after), before = row.before === null ? null : two(row.before);
  return after.map((one, b) => one.map((value, k) => value - (before ? before[b][k] : 0)));
}
