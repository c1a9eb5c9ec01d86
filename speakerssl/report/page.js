"use strict";
// The page's state: one chosen index of the shared thresholds for each system. Everything drawn follows from it.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const last = data.grid.length - 1;
const STEPS = 400;
const state = { mode: "score", chosen: data.systems.map(() => 0), shown: data.systems.map(() => true) };

function make(parent, name, attributes, text) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
}

// The least index at which `holds` is true (it must stay true from there on); `last` where it never is.
function firstIndex(holds) {
  let low = 0, high = last;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle; else low = middle + 1;
  }
  return low;
}

const nearest = (threshold) => {
  const k = firstIndex((index) => data.grid[index] >= threshold);
  return k > 0 && threshold - data.grid[k - 1] < data.grid[k] - threshold ? k - 1 : k;
};

// In the rate modes the slider runs over rates on a logarithmic scale, from 100 % down to one trial.
function rateOfStep(step) {
  const totals = data.systems.map((s) => (state.mode === "fa" ? s.nontargets : s.targets));
  return Math.pow(1 / Math.max(...totals), step / STEPS);
}

function chooseFromSlider() {
  const step = Number(byId("slider").value);
  if (state.mode === "score") state.chosen = data.systems.map(() => step);
  else {
    const wanted = rateOfStep(step) * (1 + 1e-12);
    state.chosen = data.systems.map((s) => (state.mode === "fa"
      ? firstIndex((k) => s.fa[k] <= wanted * s.nontargets)
      : Math.max(0, s.miss[last] <= wanted * s.targets ? last : firstIndex((k) => s.miss[k] > wanted * s.targets) - 1)));
  }
  update();
}

function cell(row, text, detail) {
  const node = make(row, "td", {}, text);
  if (detail) make(node, "small", {}, detail);
}

function updateTable() {
  const body = byId("live").tBodies[0];
  body.replaceChildren();
  data.systems.forEach((system, index) => {
    const k = state.chosen[index], [fa, miss] = ratesAt(system, k), row = make(body, "tr");
    const head = make(row, "th", { scope: "row", class: "system" });
    make(head, "span", { class: `swatch ${colour(index)} d${index % 4}`, "aria-hidden": "true" });
    head.append(system.name);
    cell(row, String(data.grid[k]));
    cell(row, rateText(miss), `${system.miss[k]} of ${system.targets}`);
    cell(row, rateText(fa), `${system.fa[k]} of ${system.nontargets}`);
    for (const p of data.priors) cell(row, ((p * miss + (1 - p) * fa) / Math.min(p, 1 - p)).toFixed(4));
  });
}

function updateSlider() {
  const slider = byId("slider"), scoreMode = state.mode === "score";
  slider.max = scoreMode ? last : STEPS;
  const same = state.chosen.every((k) => k === state.chosen[0]);
  if (scoreMode) slider.value = state.chosen[0];
  byId("slider-label").textContent = { score: "Threshold", fa: "False-alarm rate", miss: "Miss rate" }[state.mode];
  let text = same ? String(data.grid[state.chosen[0]]) : "each its own";
  if (!scoreMode) text = `at most ${percent(parseFloat(rateOfStep(Number(slider.value)).toPrecision(3)))} %`;
  byId("slider-value").textContent = text;
  slider.setAttribute("aria-valuetext", text);
  if (document.activeElement !== byId("typed")) byId("typed").value = same ? data.grid[state.chosen[0]] : "";
}

let queued = false;
function draw() {
  if (queued) return;
  queued = true;
  requestAnimationFrame(() => {
    queued = false;
    drawDet(byId("det-chart"), data, state.shown, state.chosen);
    data.systems.forEach((system, index) => {
      const threshold = data.grid[state.chosen[index]];
      drawHistogram(byId(`histogram-${index}`), system, index, threshold);
      drawCalibration(byId(`calibration-${index}`), system, index, threshold);
    });
  });
}

function update() {
  updateTable();
  updateSlider();
  draw();
}

function setMode(mode) {
  state.mode = mode;
  document.querySelector(`input[name="mode"][value="${mode}"]`).checked = true;
  const system = data.systems[0], slider = byId("slider");
  if (mode === "score") state.chosen = state.chosen.map(() => state.chosen[0]);
  else {
    // Start where the first system is, so that changing the mode does not jump.
    const [fa, miss] = ratesAt(system, state.chosen[0]), most = rateOfStep(STEPS);
    slider.max = STEPS;
    slider.value = Math.round(STEPS * Math.log(Math.max(most, mode === "fa" ? fa : miss)) / Math.log(most));
    return chooseFromSlider();
  }
  update();
}

function jump(indices) {
  state.mode = "score";
  document.querySelector('input[name="mode"][value="score"]').checked = true;
  state.chosen = indices;
  update();
}

function buildControls() {
  const head = make(byId("live").tHead, "tr");
  for (const name of ["System", "Threshold", "Miss rate", "False-alarm rate"]) make(head, "th", { scope: "col" }, name);
  for (const p of data.priors) make(head, "th", { scope: "col" }, `DCF (p=${p})`);
  data.systems[0].points.forEach((point, k) => {
    const button = make(byId("presets"), "button", { type: "button" }, `${point.label} of each`);
    button.addEventListener("click", () => jump(data.systems.map((s) => s.points[k].index)));
  });
  data.systems.forEach((system, index) => {
    const label = make(byId("legend"), "label");
    const box = make(label, "input", { type: "checkbox" });
    box.checked = true;
    make(label, "span", { class: `swatch ${colour(index)} d${index % 4}`, "aria-hidden": "true" });
    label.append(system.name);
    box.addEventListener("change", () => { state.shown[index] = box.checked; draw(); });
    make(byId("score-charts"), "h3", {}, system.name);
    const pair = make(byId("score-charts"), "div", { class: "pair" });
    const left = make(pair, "figure", { class: "chart", id: `histogram-${index}` });
    make(left, "figcaption", {}, "Coloured, solid: target trials. Grey, dashed: non-target trials.");
    const right = make(pair, "figure", { class: "chart", id: `calibration-${index}` });
    make(right, "figcaption", {}, "Dotted: a score that is its own log-likelihood ratio.");
  });
  byId("slider").addEventListener("input", chooseFromSlider);
  byId("typed").addEventListener("change", () => { if (byId("typed").value !== "") jump(state.chosen.map(() => nearest(Number(byId("typed").value)))); });
  document.querySelectorAll('input[name="mode"]').forEach((radio) => radio.addEventListener("change", () => setMode(radio.value)));
  document.querySelectorAll("audio[data-recording]").forEach((player) => { player.src = data.audio[Number(player.dataset.recording)]; });
}

function buildTheme() {
  const button = byId("theme"), root = document.documentElement;
  let dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const show = () => {
    button.textContent = dark ? "Light" : "Dark";
    button.setAttribute("aria-label", dark ? "Use light colours" : "Use dark colours");
  };
  show();
  button.addEventListener("click", () => { dark = !dark; root.dataset.theme = dark ? "dark" : "light"; show(); });
}

buildTheme();
buildControls();
jump(data.systems.map((s) => s.points[0].index));
let width = 0;
new ResizeObserver(([entry]) => {
  if (entry.contentRect.width !== width) { width = entry.contentRect.width; draw(); }
}).observe(document.body);
