"use strict";
// Inline SVG plots drawn at the width of their box (so that text keeps its size on a phone), redrawn when it changes.

const SVG = "http://www.w3.org/2000/svg";

function svgElement(parent, name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

// The inverse of the normal distribution function (Acklam's rational approximation, relative error 1e-9).
function probit(p) {
  const a = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239];
  const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572];
  const c = [-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783];
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];
  const horner = (k, x) => k.reduce((sum, value) => sum * x + value, 0);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return horner(c, q) / (horner(d, q) * q + 1);
  }
  if (p > 0.97575) return -probit(1 - p);
  const q = p - 0.5;
  return horner(a, q * q) * q / (horner(b, q * q) * q * q + 1);
}

const RATES = [1e-6, 1e-5, 1e-4, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 0.999];
const percent = (rate) => String(parseFloat((100 * rate).toPrecision(6)));

function probitScale(low, high) {
  const ticks = RATES.filter((rate) => rate >= low && rate <= high).map((rate) => [rate, percent(rate)]);
  return { low: probit(low), high: probit(high), value: (rate) => probit(Math.min(1 - 1e-9, Math.max(1e-9, rate))), ticks };
}

function linearScale(low, high, count) {
  const rough = (high - low) / (count || 6);
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let k = Math.ceil(low / step); k * step <= high + 1e-9 * step; k++) ticks.push([k * step, String(parseFloat((k * step).toPrecision(6)))]);
  return { low, high, value: (x) => x, ticks };
}

// An empty plot: frame, grid, axis titles. Returns the svg and the two maps from values to pixels.
function frame(host, options) {
  host.querySelectorAll("svg").forEach((old) => old.remove());
  const width = Math.max(240, host.clientWidth - 18), height = options.height(width);
  const left = 56, right = width - 12, top = 10, bottom = height - 46;
  const svg = svgElement(null, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": options.label });
  host.prepend(svg);
  const { x, y } = options;
  const px = (value) => left + (right - left) * (x.value(value) - x.low) / (x.high - x.low);
  const py = (value) => bottom - (bottom - top) * (y.value(value) - y.low) / (y.high - y.low);
  let lastX = -99, lastY = 1e9;
  for (const [value, text] of x.ticks) {
    svgElement(svg, "line", { class: "gridline", x1: px(value), x2: px(value), y1: top, y2: bottom });
    if (px(value) - lastX < 7 * text.length + 8) continue;
    lastX = px(value);
    svgElement(svg, "text", { x: lastX, y: bottom + 17, "text-anchor": "middle" }, text);
  }
  for (const [value, text] of y.ticks) {
    svgElement(svg, "line", { class: "gridline", y1: py(value), y2: py(value), x1: left, x2: right });
    if (lastY - py(value) < 14) continue;
    lastY = py(value);
    svgElement(svg, "text", { x: left - 6, y: lastY + 4, "text-anchor": "end" }, text);
  }
  svgElement(svg, "rect", { class: "frame", x: left, y: top, width: right - left, height: bottom - top });
  svgElement(svg, "text", { class: "title", x: (left + right) / 2, y: height - 8, "text-anchor": "middle" }, options.xTitle);
  svgElement(svg, "text", { class: "title", "text-anchor": "middle", transform: `translate(13 ${(top + bottom) / 2}) rotate(-90)` }, options.yTitle);
  // A nested svg clips what is drawn into it.
  const box = { x: left, y: top, width: right - left, height: bottom - top };
  const inner = svgElement(svg, "svg", { ...box, viewBox: `${left} ${top} ${box.width} ${box.height}`, class: "inner" });
  return { host, svg, inner, px, py, left, right, top, bottom };
}

function path(points) {
  return points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

// Shows `describe(x, y)` -> {x, y, text} | null beside the pointer.
function hover(plot, describe) {
  let tip = plot.host.querySelector(".tip");
  if (!tip) {
    tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    plot.host.appendChild(tip);
  }
  const dot = svgElement(plot.svg, "circle", { r: 4, class: "ring", visibility: "hidden" });
  plot.svg.addEventListener("pointermove", (event) => {
    const box = plot.svg.getBoundingClientRect(), outer = plot.host.getBoundingClientRect();
    const found = describe(event.clientX - box.left, event.clientY - box.top);
    tip.hidden = !found;
    dot.setAttribute("visibility", found ? "visible" : "hidden");
    if (!found) return;
    dot.setAttribute("cx", found.x);
    dot.setAttribute("cy", found.y);
    tip.textContent = found.text;
    const right = Math.max(4, Math.min(found.x + 14, outer.width - tip.offsetWidth - 8));
    tip.style.left = `${right}px`;
    tip.style.top = `${Math.max(4, found.y - tip.offsetHeight - 8)}px`;
  });
  plot.svg.addEventListener("pointerleave", () => { tip.hidden = true; dot.setAttribute("visibility", "hidden"); });
}
