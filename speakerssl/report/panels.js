"use strict";
// The three kinds of plot of the report: DET, score histogram, calibration curve.

const DASHES = ["", "9 4", "2 4", "9 4 2 4"];
const colour = (index) => `c${index % 8}`;
const rate = (count, total) => count / total;
const short = (value) => String(parseFloat(value.toPrecision(4)));

function rateText(value) {
  return `${(100 * value).toFixed(3)} %`;
}

// The operating points of a system as rates [false alarm, miss] at one index of the shared thresholds.
function ratesAt(system, index) {
  return [rate(system.fa[index], system.nontargets), rate(system.miss[index], system.targets)];
}

function drawDet(host, data, shown, chosen) {
  const lows = data.systems.map((s) => [rate(1, s.nontargets), rate(1, s.targets)]);
  const x = probitScale(Math.max(1e-6, Math.min(...lows.map((l) => l[0]), 0.01)), data.det_high);
  const y = probitScale(Math.max(1e-6, Math.min(...lows.map((l) => l[1]), 0.01)), data.det_high);
  const plot = frame(host, { x, y, xTitle: "False-alarm rate (%)", yTitle: "Miss rate (%)", height: (width) => Math.min(560, Math.round(width * 0.9)),
    label: `DET curves. ${data.systems.map((s) => `${s.name}: EER ${rateText(s.eer)}`).join("; ")}` });
  const low = Math.max(x.low, y.low), high = Math.min(x.high, y.high);
  const at = (scale, z, from, to) => from + (to - from) * (z - scale.low) / (scale.high - scale.low);
  svgElement(plot.inner, "path", { class: "diagonal", d: path([low, high].map((z) => [at(x, z, plot.left, plot.right), at(y, z, plot.bottom, plot.top)])) });
  const spots = [];
  data.systems.forEach((system, index) => {
    if (!shown[index]) return;
    const group = svgElement(plot.inner, "g", { class: colour(index) });
    const { fa, miss, threshold } = system.det;
    const points = fa.map((value, k) => [plot.px(value), plot.py(miss[k])]);
    svgElement(group, "path", { class: "curve", d: path(points), "stroke-dasharray": DASHES[index % 4] });
    points.forEach((point, k) => spots.push([...point, `${system.name}\nthreshold ${short(threshold[k])}\nmiss ${rateText(miss[k])}\nfalse alarm ${rateText(fa[k])}`]));
    for (const mark of system.points) {
      const [cx, cy] = [plot.px(mark.fa), plot.py(mark.miss)];
      const node = mark.key === "eer" ? svgElement(group, "circle", { class: "dot", cx, cy, r: 5 })
        : svgElement(group, "path", { class: "dot", d: `M${cx} ${cy - 6}L${cx + 6} ${cy + 5}L${cx - 6} ${cy + 5}Z` });
      svgElement(node, "title", {}, `${system.name}: ${mark.label}`);
    }
    const [fa0, miss0] = ratesAt(system, chosen[index]);
    svgElement(group, "circle", { class: "ring", cx: plot.px(fa0), cy: plot.py(miss0), r: 7 });
  });
  hover(plot, (mx, my) => {
    let best = null, least = 900;
    for (const [px, py, text] of spots) {
      const distance = (px - mx) ** 2 + (py - my) ** 2;
      if (distance < least) [least, best] = [distance, { x: px, y: py, text }];
    }
    return best;
  });
}

function thresholdLine(plot, x, threshold) {
  if (threshold < x.low || threshold > x.high) return;
  const at = plot.px(threshold);
  svgElement(plot.svg, "line", { class: "now", x1: at, x2: at, y1: plot.top, y2: plot.bottom });
}

function drawHistogram(host, system, index, threshold) {
  const { edges, target, nontarget } = system.histogram;
  const highest = Math.max(...target, ...nontarget);
  const x = linearScale(edges[0], edges[edges.length - 1], host.clientWidth / 80);
  const y = linearScale(0, highest * 1.06, 5);
  y.ticks = y.ticks.map(([value]) => [value, percent(value)]);
  const plot = frame(host, { x, y, xTitle: "Score", yTitle: "Trials (% of class)", height: () => 300,
    label: `${system.name}: histogram of target and non-target scores` });
  const group = svgElement(plot.inner, "g", { class: colour(index) });
  for (const [name, shares] of [["nontarget", nontarget], ["target", target]]) {
    const points = [[plot.px(edges[0]), plot.bottom]];
    shares.forEach((share, k) => points.push([plot.px(edges[k]), plot.py(share)], [plot.px(edges[k + 1]), plot.py(share)]));
    points.push([plot.px(edges[edges.length - 1]), plot.bottom]);
    svgElement(group, "path", { class: name, d: path(points) });
  }
  thresholdLine(plot, x, threshold);
  hover(plot, (mx) => {
    const k = Math.floor((mx - plot.left) / (plot.right - plot.left) * target.length);
    if (k < 0 || k >= target.length) return null;
    return { x: (plot.px(edges[k]) + plot.px(edges[k + 1])) / 2, y: plot.py(Math.max(target[k], nontarget[k])),
      text: `score ${short(edges[k])} to ${short(edges[k + 1])}\ntarget ${rateText(target[k])}\nnon-target ${rateText(nontarget[k])}` };
  });
}

function drawCalibration(host, system, index, threshold) {
  const { score, llr } = system.pav, { edges } = system.histogram;
  const x = linearScale(edges[0], edges[edges.length - 1], host.clientWidth / 80);
  // Perfectly separated classes have no finite log-likelihood ratio to draw.
  const [least, most] = llr.length ? [Math.min(...llr), Math.max(...llr)] : [-1, 1];
  const pad = 0.5 + 0.03 * (most - least);
  const y = linearScale(least - pad, most + pad, 6);
  const plot = frame(host, { x, y, xTitle: "Score", yTitle: "PAV log-likelihood ratio (nats)", height: () => 300,
    label: `${system.name}: PAV log-likelihood ratio against score` });
  const [low, high] = [Math.max(x.low, y.low), Math.min(x.high, y.high)];
  if (low < high) svgElement(plot.inner, "path", { class: "diagonal", d: path([low, high].map((v) => [plot.px(v), plot.py(v)])) });
  const points = score.map((value, k) => [plot.px(value), plot.py(llr[k])]);
  const group = svgElement(plot.inner, "g", { class: colour(index) });
  svgElement(group, "path", { class: "curve", d: path(points) });
  thresholdLine(plot, x, threshold);
  hover(plot, (mx) => {
    if (!points.length) return null;
    let k = 0;
    points.forEach(([px], other) => { if (Math.abs(px - mx) < Math.abs(points[k][0] - mx)) k = other; });
    return { x: points[k][0], y: points[k][1], text: `score ${short(score[k])}\nlog-likelihood ratio ${short(llr[k])}` };
  });
}
