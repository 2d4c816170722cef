"use strict";
// The page of `ava explore`. Every picture is decoded by the engine: a request has codes, and the answer is one PNG with
// their pictures side by side, which is cut here.

const $ = (id) => document.getElementById(id);
const TILES = 24, FRAMES = 48, SHOWN = 24, RANGE = 3, MAP_SIDE = 900, MAP_THUMBNAILS = 220;

let facts, code, a, b, middle, walking = null, kept = []; // middle: the code of the picture between A and B

async function ask(path, body) {
  const request = body === undefined ? {} : {
    method: "POST", body: body instanceof Blob ? body : JSON.stringify(body),
  };
  let answer;
  try {
    answer = await fetch(path, request);
  } catch {
    throw new Error("the server has stopped: start ava explore again");
  }
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer;
}

// Run an action, and show its error in one line.
async function run(action) {
  try {
    await action();
    $("error").hidden = true;
  } catch (error) {
    $("error").textContent = error.message;
    $("error").hidden = false;
  }
}

// The pictures of codes, or training pictures, as canvases.
async function cut(answer, count) {
  const strip = await createImageBitmap(await (await answer).blob());
  return Array.from({ length: count }, (_, i) => {
    const canvas = document.createElement("canvas");
    canvas.width = facts.width;
    canvas.height = facts.height;
    canvas.getContext("2d").drawImage(strip, -i * facts.width, 0);
    return canvas;
  });
}
const decode = (codes) => cut(ask("decode", { codes }), codes.length);
const training = (indices) => cut(ask("pictures", { indices }), indices.length);

function show(canvas, picture) {
  canvas.width = facts.width;
  canvas.height = facts.height;
  canvas.getContext("2d").drawImage(picture, 0, 0);
}

// Only the newest of several requests that wait is sent: a fast hand leaves no queue behind.
function newest(action) {
  let running = false, waiting = null;
  return async function call(...values) {
    waiting = values;
    if (running) return;
    running = true;
    while (waiting) {
      const next = waiting;
      waiting = null;
      await run(() => action(...next));
    }
    running = false;
  };
}

const mix = (p, q, t) => p.map((value, i) => (1 - t) * value + t * q[i]);

// The current code: sliders, picture, cross on the map, neighbours.
const drawCurrent = newest(async () => {
  const [picture] = await decode([code]);
  show($("current"), picture);
});
const drawNearest = newest(async () => {
  if (!facts.pictures) return;
  const found = await (await ask("nearest", { codes: [code] })).json();
  const pictures = await training(found.indices);
  fill($("nearest"), pictures.map((picture, i) => tile(picture, found.codes[i],
    `training picture, at a distance of ${found.distances[i].toPrecision(3)}`)));
});
let settled;
function choose(next, from) {
  code = [...next];
  if (from !== "slider") {
    for (const input of $("sliders").querySelectorAll("input")) setSlider(input, code[input.dataset.index]);
  }
  drawCurrent();
  drawMap();
  clearTimeout(settled);
  settled = setTimeout(drawNearest, 250);
}

function setSlider(input, value) {
  const reach = Math.max(Math.abs(value - facts.centre[input.dataset.index]), -input.min);
  if (reach > input.max) { input.min = -reach; input.max = reach; }
  input.value = value - facts.centre[input.dataset.index];
  input.nextElementSibling.textContent = value.toFixed(2);
}

function slider(index) {
  const row = document.createElement("label"), input = document.createElement("input");
  row.className = "slider";
  const reach = RANGE * (facts.reach[index] || 1);
  Object.assign(input, { type: "range", min: -reach, max: reach, step: reach / 100 });
  input.dataset.index = index;
  input.setAttribute("aria-label", `number ${index + 1} of the code`);
  const name = document.createElement("span"), output = document.createElement("output");
  name.textContent = `z${index + 1}`;
  row.append(name, input, output);
  const move = (value) => {
    code[index] = value;
    output.textContent = value.toFixed(2);
    choose(code, "slider");
  };
  const reset = () => { input.value = 0; move(facts.centre[index]); };
  input.addEventListener("input", () => move(facts.centre[index] + Number(input.value)));
  input.addEventListener("dblclick", reset);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Delete" || event.key === "Backspace") reset();
  });
  return row;
}

// Tiles: pictures that can be used, and kept.
const same = (p, q) => p.every((value, i) => value === q[i]);
function tile(picture, itsCode, name) {
  const box = document.createElement("div"), use = document.createElement("button"), star = document.createElement("button");
  box.className = "tile";
  use.append(picture);
  use.setAttribute("aria-label", `Use the code of ${name}`);
  use.title = name;
  use.addEventListener("click", () => choose(itsCode));
  star.className = "star";
  star.textContent = "★";
  star.setAttribute("aria-label", `Keep ${name}`);
  star.setAttribute("aria-pressed", kept.some((one) => same(one.code, itsCode)));
  star.addEventListener("click", () => toggle(itsCode, star));
  box.append(use, star);
  return box;
}
const fill = (element, tiles) => element.replaceChildren(...tiles);

async function toggle(itsCode, star) {
  const was = kept.length;
  kept = kept.filter((one) => !same(one.code, itsCode));
  if (kept.length === was) {
    await run(async () => { kept.push({ code: [...itsCode], picture: (await decode([itsCode]))[0] }); });
  }
  star?.setAttribute("aria-pressed", kept.length > was);
  fill($("kept"), kept.map((one, i) => tile(one.picture, one.code, `kept picture ${i + 1}`)));
}

async function drawSamples() {
  const { codes } = await (await ask("sample", { count: TILES, seed: Number($("seed").value) || 0 })).json();
  const pictures = await decode(codes);
  fill($("samples"), pictures.map((picture, i) => tile(picture, codes[i], `sample ${i + 1}`)));
}

// Walks.
const drawBetween = newest(async (t) => {
  middle = mix(a, b, t);
  const [picture] = await decode([middle]);
  show($("between"), picture);
});
function onCircle(t) { // A at 0, B at a quarter
  const c = Math.cos(2 * Math.PI * t), s = Math.sin(2 * Math.PI * t);
  return facts.centre.map((m, i) => m + c * (a[i] - m) + s * (b[i] - m));
}
function path(kind) {
  return Array.from({ length: FRAMES }, (_, i) => {
    const t = i / FRAMES;
    return kind === "circle" ? onCircle(t) : mix(a, b, 1 - Math.abs(1 - 2 * t)); // there and back
  });
}
let kind = "line";
async function walk(which) {
  stop();
  kind = which;
  const codes = path(kind), pictures = await decode(codes);
  let frame = 0;
  $("stop").hidden = false;
  walking = setInterval(() => {
    show($("between"), pictures[frame]);
    middle = codes[frame];
    frame = (frame + 1) % pictures.length;
  }, 80);
}
function stop() {
  clearInterval(walking);
  walking = null;
  $("stop").hidden = true;
}
async function setEnd(name, its) {
  const [picture] = await decode([its]);
  show($(name), picture);
  if (name === "a") a = [...its]; else b = [...its];
  if (a && b) drawBetween(Number($("t").value));
}

// The map: points, thumbnails where there is room, and a cross at the current code.
let mapPicture = null, bounds;
function toMap(itsCode) {
  return facts.map.axes.map((axis) => axis.reduce((sum, value, i) => sum + value * (itsCode[i] - facts.map.centre[i]), 0));
}
function pixel([x, y]) {
  return [(x - bounds.left) / bounds.side * MAP_SIDE, (bounds.top - y) / bounds.side * MAP_SIDE];
}
async function prepareMap() {
  const points = facts.map.points, spread = (k) => points.map((point) => point[k]).sort((p, q) => p - q);
  const cuts = [0, 1].map((k) => { const s = spread(k), n = s.length - 1; return [s[Math.floor(n * .01)], s[Math.ceil(n * .99)]]; });
  const side = 1.15 * Math.max(...cuts.map(([low, high]) => high - low)) || 2;
  bounds = { side, left: (cuts[0][0] + cuts[0][1] - side) / 2, top: (cuts[1][0] + cuts[1][1] + side) / 2 };
  const cell = Math.max(MAP_SIDE / 18, 1), taken = new Set(), chosen = [];
  points.forEach((point, i) => {
    const [x, y] = pixel(point), key = `${Math.floor(x / cell)},${Math.floor(y / cell)}`;
    if (!taken.has(key) && chosen.length < MAP_THUMBNAILS) { taken.add(key); chosen.push(i); }
  });
  const pictures = facts.pictures ? await training(chosen.map((i) => facts.map.indices[i]))
    : await decode(chosen.map((i) => facts.map.codes[i]));
  mapPicture = document.createElement("canvas");
  mapPicture.width = mapPicture.height = MAP_SIDE;
  const draw = mapPicture.getContext("2d");
  draw.fillStyle = "#7f7f86";
  for (const point of points) { const [x, y] = pixel(point); draw.fillRect(x - 2, y - 2, 4, 4); }
  const scale = 0.92 * cell / Math.max(facts.width, facts.height);
  chosen.forEach((i, k) => {
    const [x, y] = pixel(points[i]), w = facts.width * scale, h = facts.height * scale;
    draw.drawImage(pictures[k], x - w / 2, y - h / 2, w, h);
  });
  drawMap();
}
function drawMap() {
  if (!mapPicture) return;
  const canvas = $("map"), draw = canvas.getContext("2d");
  canvas.width = canvas.height = MAP_SIDE;
  draw.drawImage(mapPicture, 0, 0);
  const [x, y] = pixel(toMap(code));
  draw.strokeStyle = "#e0245e";
  draw.lineWidth = 4;
  draw.beginPath();
  draw.arc(x, y, 14, 0, 2 * Math.PI);
  draw.moveTo(x - 26, y); draw.lineTo(x + 26, y);
  draw.moveTo(x, y - 26); draw.lineTo(x, y + 26);
  draw.stroke();
}
function chooseOnMap(x, y) { // stays at its distance from the plane: only the place on it changes
  const here = toMap(code);
  choose(code.map((value, i) => value + (x - here[0]) * facts.map.axes[0][i] + (y - here[1]) * facts.map.axes[1][i]));
}

// Files.
function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
const savePNG = (canvas, name) => canvas.toBlob((blob) => download(blob, name));
function sheet(pictures) {
  const columns = Math.ceil(Math.sqrt(pictures.length)), canvas = document.createElement("canvas");
  canvas.width = columns * (facts.width + 2) + 2;
  canvas.height = Math.ceil(pictures.length / columns) * (facts.height + 2) + 2;
  const draw = canvas.getContext("2d");
  draw.fillStyle = "white";
  draw.fillRect(0, 0, canvas.width, canvas.height);
  pictures.forEach((one, i) => draw.drawImage(one, 2 + (i % columns) * (facts.width + 2), 2 + Math.floor(i / columns) * (facts.height + 2)));
  return canvas;
}
async function own(file) {
  const answer = await (await ask("encode", file)).json();
  const [picture] = await decode([answer.code]), prepared = new Image();
  prepared.src = answer.picture;
  await prepared.decode();
  $("yours").hidden = false;
  show($("original"), prepared);
  show($("reconstructed"), picture);
  choose(answer.code);
}

function connect() {
  const click = (id, action) => $(id).addEventListener("click", () => run(action));
  click("mean", () => choose(facts.centre));
  click("random", async () => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    choose((await (await ask("sample", { count: 1, seed })).json()).codes[0]);
  });
  click("save", () => savePNG($("current"), "picture.png"));
  click("set-a", () => setEnd("a", code));
  click("set-b", () => setEnd("b", code));
  click("keep", () => toggle(code));
  click("line", () => walk("line"));
  click("circle", () => walk("circle"));
  click("stop", stop);
  click("use", () => { stop(); choose(middle); });
  click("gif", async () => download(await (await ask("walk", { codes: path(kind) })).blob(), `${kind}.gif`));
  click("draw", drawSamples);
  click("next", () => { $("seed").value = (Number($("seed").value) || 0) + 1; return drawSamples(); });
  click("save-kept", () => {
    if (!kept.length) throw new Error("nothing is kept: the star of a picture keeps it");
    savePNG(sheet(kept.map((one) => one.picture)), "kept.png");
  });
  click("save-codes", () => {
    if (!kept.length) throw new Error("nothing is kept: the star of a picture keeps it");
    download(new Blob([JSON.stringify(kept.map((one) => one.code))], { type: "application/json" }), "codes.json");
  });
  click("save-map", () => savePNG($("map"), "map.png"));
  $("t").addEventListener("input", () => { stop(); drawBetween(Number($("t").value)); });
  const map = $("map");
  const at = (event) => {
    const box = map.getBoundingClientRect();
    chooseOnMap(bounds.left + (event.clientX - box.left) / box.width * bounds.side,
      bounds.top - (event.clientY - box.top) / box.height * bounds.side);
  };
  map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); at(event); });
  map.addEventListener("pointermove", (event) => { if (event.buttons) at(event); });
  map.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [x, y] = toMap(code);
    chooseOnMap(x + step[0] * bounds.side / 50, y + step[1] * bounds.side / 50);
  });
  const drop = $("drop");
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.toggle("over", name === "dragover"); });
  }
  drop.addEventListener("drop", (event) => { const [file] = event.dataTransfer.files; if (file) run(() => own(file)); });
  $("file").addEventListener("change", () => { const [file] = $("file").files; if (file) run(() => own(file)); });
}

async function start() {
  facts = await (await ask("facts")).json();
  $("title").textContent = facts.name.toUpperCase();
  document.title = `${facts.name} – ava explore`;
  $("lead").textContent = `Pictures of ${facts.width}×${facts.height}, codes of ${facts.latent} ${facts.latent === 1 ? "number" : "numbers"}`
    + (facts.pictures ? `, ${facts.pictures} training pictures.` : ".")
    + (facts.encoder ? "" : " This model has no encoder: it cannot give the code of a picture, so the map shows codes that are drawn.");
  $("own").hidden = !facts.encoder;
  $("nearest-title").hidden = !facts.pictures;
  $("map-note").textContent = (facts.latent === 2 ? "The plane of the two numbers." : `The two main directions of the codes, with ${Math.round(100 * facts.map.share)} % of their variance.`)
    + " Click, drag, or use the arrow keys to choose a code.";
  const sliders = facts.order.map(slider);
  $("sliders").append(...sliders.slice(0, SHOWN));
  if (sliders.length > SHOWN) {
    $("more").hidden = false;
    $("more").textContent = `Show the other ${sliders.length - SHOWN} numbers`;
    $("more").addEventListener("click", () => {
      $("sliders").append(...sliders.slice(SHOWN));
      $("more").hidden = true;
      choose(code);
    });
  }
  connect();
  choose(facts.centre);
  const { codes } = await (await ask("sample", { count: 2, seed: 1 })).json();
  const ends = facts.pictures > 1 ? [facts.map.codes[0], facts.map.codes[facts.map.codes.length - 1]] : codes;
  await setEnd("a", ends[0]);
  await setEnd("b", ends[1]);
  await drawSamples();
  await prepareMap();
  document.body.dataset.ready = "true";
}
run(start);
