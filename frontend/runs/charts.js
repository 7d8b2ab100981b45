/** The pictures of a back-test as SVG; colours come from the style sheet, each has its figures as text beside it. */
import { h, s } from "../lib/dom.js";

/**
 * @typedef {{learner: string, label: string, capture: (number | null)[], bands: number[][]}} Series
 */

const AREAS = [1, 2, 5, 10, 20];
const WIDTH = 460;
const HEIGHT = 270;
const PLOT = { left: 44, right: 12, top: 12, bottom: 40 };
const MODEL = "lightgbm";

/** @param {number} fraction 0 … 1 from the left */
const x = (fraction) => PLOT.left + fraction * (WIDTH - PLOT.left - PLOT.right);
/** @param {number} fraction 0 … 1 from the bottom */
const y = (fraction) => HEIGHT - PLOT.bottom - fraction * (HEIGHT - PLOT.top - PLOT.bottom);

/**
 * Share of the incidents captured against share of the area, one line a learner.
 * @param {Series[]} series
 * @returns {HTMLElement}
 */
export function captureChart(series) {
  const highest = Math.max(0.2, ...series.flatMap((one) => one.capture.map((value) => value ?? 0)));
  const top = Math.ceil(highest * 10) / 10;
  const chart = frame(gettext("Capture rate by share of the area, one line for each method"));
  drawLevels(chart, levels(top).map((value) => [value / top, `${Math.round(value * 100)} %`]));
  for (const area of AREAS) {
    chart.append(s("text", { x: x(area / 20), y: y(0) + 16, class: "chart-text", "text-anchor": "middle" }, area));
  }
  chart.append(axisTitle(gettext("share of the area chosen (%)")));
  chart.append(s("path", { d: path([[x(0), y(0)], [x(1), y(0.2 / top)]]), class: "chart-chance" }));
  for (const one of ordered(series)) {
    const points = [[x(0), y(0)]];
    one.capture.forEach((value, i) => value !== null && points.push([x(AREAS[i] / 20), y(value / top)]));
    const group = s("g", { class: `chart-line chart-${one.learner}` }, s("path", { d: path(points) }));
    for (const [cx, cy] of points.slice(1)) group.append(s("circle", { cx, cy, r: one.learner === MODEL ? 3.5 : 2.5 }));
    group.append(s("title", {}, describe(one)));
    chart.append(group);
  }
  const entries = [...series.map((one) => [one.learner, one.label]), ["chance", gettext("chosen at random")]];
  return h("div", {}, chart, legend(entries));
}

/**
 * The model's predicted and observed incidents in six groups of cells of equal size, from the lowest rates to the highest.
 * @param {Series[]} series
 * @returns {HTMLElement}
 */
export function bandsChart(series) {
  const model = series.find((one) => one.learner === MODEL) ?? series[0];
  const bands = model?.bands ?? [];
  if (!bands.length) return h("p", { class: "muted small" }, gettext("This method gives an order only, no expected numbers."));
  const highest = Math.max(1, ...bands.flat());
  const chart = frame(gettext("Predicted and real incidents in six bands of risk"));
  const step = niceStep(highest);
  const top = Math.ceil(highest / step) * step;
  const marks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
  drawLevels(chart, marks.map((value) => [value / top, value.toLocaleString()]));
  bands.forEach(([predicted, observed], i) => {
    const middle = x((i + 0.5) / bands.length);
    const width = (x(1) - x(0)) / bands.length / 3;
    chart.append(
      s(
        "g",
        { class: "chart-band" },
        bar(middle - width, width, predicted / top, "chart-predicted"),
        bar(middle, width, observed / top, "chart-observed"),
        s("title", {}, interpolate(gettext("predicted %s, real %s"), [round(predicted), round(observed)])),
      ),
    );
    chart.append(s("text", { x: middle, y: y(0) + 16, class: "chart-text", "text-anchor": "middle" }, bandName(i, bands.length)));
  });
  chart.append(axisTitle(gettext("cells from low to high risk, a sixth of them each")));
  return h("div", {}, chart, legend([["predicted", gettext("predicted incidents")], ["observed", gettext("real incidents")]]));
}

/** @param {string} label */
function frame(label) {
  return s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": label });
}

/**
 * @param {SVGElement} chart
 * @param {[number, string][]} marks
 */
function drawLevels(chart, marks) {
  for (const [fraction, text] of marks) {
    chart.append(s("line", { x1: x(0), x2: x(1), y1: y(fraction), y2: y(fraction), class: "chart-grid" }));
    chart.append(s("text", { x: x(0) - 6, y: y(fraction) + 4, class: "chart-text", "text-anchor": "end" }, text));
  }
}

/** @param {string} text */
function axisTitle(text) {
  return s("text", { x: (x(0) + x(1)) / 2, y: HEIGHT - 6, class: "chart-text", "text-anchor": "middle" }, text);
}

/** @param {number} left @param {number} width @param {number} fraction @param {string} name */
function bar(left, width, fraction, name) {
  return s("rect", { x: left, y: y(fraction), width, height: Math.max(0, y(0) - y(fraction)), class: name });
}

/** @param {[string, string][]} entries */
function legend(entries) {
  return h("ul", { class: "chart-legend" }, ...entries.map(([name, label]) => h("li", {}, h("i", { class: `chart-key chart-${name}` }), label)));
}

/** The model last, so that its line lies on top. @param {Series[]} series */
function ordered(series) {
  return [...series].sort((one, other) => (one.learner === MODEL) - (other.learner === MODEL));
}

/** @param {Series} one */
function describe(one) {
  const shares = one.capture.map((value, i) => (value === null ? "" : `${AREAS[i]} % → ${(value * 100).toFixed(1)} %`));
  return `${one.label}: ${shares.filter(Boolean).join(", ")}`;
}

/** @param {number} i @param {number} count */
function bandName(i, count) {
  if (i === 0) return gettext("lowest");
  return i === count - 1 ? gettext("highest") : String(i + 1);
}

/** @param {number} top */
function levels(top) {
  const step = top > 0.6 ? 0.2 : 0.1;
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** @param {number} highest */
function niceStep(highest) {
  const power = 10 ** Math.floor(Math.log10(highest / 4));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => highest / step <= 5) ?? power * 10;
}

/** @param {number[][]} points */
function path(points) {
  return points.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
}

/** @param {number} value */
function round(value) {
  return value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 });
}
