/** Pictures of published figures as SVG. Every figure also stands in the table under the picture. */
import { count } from "../lib/format.js";
import { h, s } from "../lib/dom.js";

/**
 * @typedef {{isLine: boolean, columns: string[], rows: {label: string, values: (number | null)[]}[]}} Figures
 */

const WIDTH = 1000;
const LINES_SHOWN = 8;
const BARS_SHOWN = 30;

/**
 * The rows with the highest figures as lines over the columns.
 * @param {Figures} figures
 * @returns {HTMLElement}
 */
export function lineChart(figures) {
  const height = 330;
  const plot = { left: 70, right: 16, top: 14, bottom: 34 };
  const ranked = [...figures.rows].sort((one, other) => highest(other.values) - highest(one.values)).slice(0, LINES_SHOWN);
  const top = niceTop(Math.max(1, ...ranked.map((row) => highest(row.values))));
  const x = (i) => plot.left + ((i + 0.5) / figures.columns.length) * (WIDTH - plot.left - plot.right);
  const y = (value) => height - plot.bottom - (value / top) * (height - plot.top - plot.bottom);
  const chart = s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "chart", role: "img", "aria-label": gettext("Published figures, one line for each row") });
  for (let mark = 0; mark <= 4; mark++) {
    const value = (top * mark) / 4;
    chart.append(s("line", { x1: plot.left, x2: WIDTH - plot.right, y1: y(value), y2: y(value), class: "chart-grid" }));
    chart.append(s("text", { x: plot.left - 8, y: y(value) + 4, class: "chart-text", "text-anchor": "end" }, figure(value)));
  }
  const every = Math.ceil(figures.columns.length / 14);
  figures.columns.forEach((column, i) => {
    if (i % every) return;
    chart.append(s("text", { x: x(i), y: height - 10, class: "chart-text", "text-anchor": "middle" }, column));
  });
  ranked.forEach((row, rank) => {
    const points = row.values.map((value, i) => [i, value]).filter(([, value]) => value !== null);
    const group = s("g", { class: `chart-line series-${rank}` }, s("path", { d: broken(row.values, x, y) }));
    for (const [i, value] of points) {
      const dot = marker(rank, x(i), y(value));
      dot.append(s("title", {}, `${row.label}, ${figures.columns[i]}: ${figure(value)}`));
      group.append(dot);
    }
    chart.append(group);
  });
  const key = (rank) => s("svg", { viewBox: "0 0 14 14", class: `figures-key chart-line series-${rank}`, "aria-hidden": "true" }, marker(rank, 7, 7));
  const legend = h("ul", { class: "chart-legend" }, ...ranked.map((row, rank) => h("li", {}, key(rank), row.label)));
  return h("div", {}, chart, legend, rest(figures.rows.length, ranked.length));
}

/**
 * The rows of one column as bars, the highest first.
 * @param {Figures} figures
 * @returns {HTMLElement}
 */
export function barChart(figures) {
  const column = 0;
  const given = figures.rows.filter((row) => row.values[column] !== null);
  const ranked = given.sort((one, other) => other.values[column] - one.values[column]).slice(0, BARS_SHOWN);
  if (!ranked.length) return h("p", { class: "muted" }, gettext("There is nothing to draw: the source gives no figure here."));
  const top = Math.max(1, highest(ranked.map((row) => row.values[column])));
  const list = h("ol", { class: "figures-bars" });
  for (const row of ranked) {
    const value = row.values[column];
    list.append(
      h(
        "li",
        {},
        h("span", { class: "figures-bar-label" }, row.label),
        h("span", { class: "figures-bar" }, h("i", { style: { "inline-size": `${(Math.max(0, value) / top) * 100}%` } })),
        h("span", { class: "number" }, figure(value)),
      ),
    );
  }
  const name = figures.columns[column];
  return h("div", {}, name ? h("p", { class: "small muted" }, name) : null, list, rest(figures.rows.length, ranked.length));
}

/** How many rows the picture leaves out. @param {number} all @param {number} shown */
function rest(all, shown) {
  if (all <= shown) return null;
  return h("p", { class: "small muted" }, interpolate(gettext("The %s highest of %s rows are drawn; the table holds all."), [shown, all]));
}

/** A shape for each line, so that lines are told apart without colour. */
function marker(rank, cx, cy) {
  const r = 4.5;
  if (rank % 4 === 0) return s("circle", { cx, cy, r });
  if (rank % 4 === 1) return s("rect", { x: cx - r, y: cy - r, width: 2 * r, height: 2 * r });
  if (rank % 4 === 2) return s("polygon", { points: `${cx},${cy - r - 1} ${cx + r + 1},${cy + r} ${cx - r - 1},${cy + r}` });
  return s("polygon", { points: `${cx},${cy - r - 1} ${cx + r + 1},${cy} ${cx},${cy + r + 1} ${cx - r - 1},${cy}` });
}

/** A line that breaks where no figure is given. */
function broken(values, x, y) {
  let path = "";
  values.forEach((value, i) => {
    if (value === null) return;
    path += `${i > 0 && values[i - 1] !== null ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  return path;
}

/** @param {(number | null)[]} values */
function highest(values) {
  return values.reduce((most, value) => (value !== null && value > most ? value : most), 0);
}

/** The next number above with one digit that four steps divide well. @param {number} value */
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((factor) => factor * power).find((top) => top >= value) ?? value;
}

/** @param {number} value */
function figure(value) {
  return value >= 100 ? count(value) : value.toLocaleString(undefined, { maximumFractionDigits: 2 });
}
