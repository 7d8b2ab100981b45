/** Of the cells called so likely, how many had an incident: both axes in steps of ten, the diagonal is a forecast that keeps its word. */
import { h, s } from "../lib/dom.js";
import { frame, legend, line, number, text } from "./axes.js";

const WIDTH = 520;
const HEIGHT = 400;
const PLOT = { left: 62, right: 18, top: 14, bottom: 52 };
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]; // of 1,000 cells

/**
 * @param {{called: number, seen: number, low: number, high: number, cells: number}[]} rows of 1,000 cells each
 * @returns {HTMLElement}
 */
export function reliabilityChart(rows) {
  const values = rows.flatMap((row) => [row.called, row.seen, row.low, row.high]).filter((value) => value > 0);
  const low = TICKS.findLast((tick) => tick <= Math.min(...values)) ?? TICKS[0];
  const high = TICKS.find((tick) => tick >= Math.max(...values)) ?? 1000;
  const place = (value) => Math.log(Math.max(value, low) / low) / Math.log(high / low);
  const x = (value) => PLOT.left + place(value) * (WIDTH - PLOT.left - PLOT.right);
  const y = (value) => HEIGHT - PLOT.bottom - place(value) * (HEIGHT - PLOT.top - PLOT.bottom);
  const chart = frame(WIDTH, HEIGHT, gettext("Cells that had an incident, against what was called, of 1,000 each"));
  for (const tick of TICKS.filter((value) => value >= low && value <= high)) {
    chart.append(line(x(tick), y(low), x(tick), y(high), "chart-grid"), line(x(low), y(tick), x(high), y(tick), "chart-grid"));
    chart.append(text(x(tick), y(low) + 17, number(tick)), text(x(low) - 8, y(tick) + 4, number(tick), { "text-anchor": "end" }));
  }
  chart.append(line(x(low), y(low), x(high), y(high), "chart-chance"));
  chart.append(text((x(low) + x(high)) / 2, HEIGHT - 10, gettext("called: of 1,000 such cells so many should have an incident")));
  chart.append(text(-(y(low) + y(high)) / 2, 14, gettext("so many of 1,000 had one"), { transform: "rotate(-90)" }));
  for (const row of rows) chart.append(point(row, x, y));
  const keys = [["chart-ours", gettext("what happened, with 95 % interval")], ["chart-off", gettext("interval misses what was called")], ["chart-chance", gettext("kept to the word")]];
  return h("div", {}, chart, legend(keys));
}

function point(row, x, y) {
  const isOff = row.called < row.low || row.called > row.high;
  const told = interpolate(gettext("Of 1,000 cells called %(called)s, %(seen)s had an incident (%(cells)s cells and windows)"),
    { called: number(row.called), seen: number(row.seen), cells: number(row.cells, 0) }, true);
  return s("g", { class: `chart-whisker ${isOff ? "chart-off" : "chart-ours"}` }, s("title", {}, told),
    line(x(row.called), y(row.low), x(row.called), y(row.high), "whisker"),
    s("circle", { cx: x(row.called), cy: y(row.seen), r: row.seen > 0 ? 4.5 : 3 }));
}
