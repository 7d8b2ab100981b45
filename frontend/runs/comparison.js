/** The methods of a back-test as dots with whiskers, the highest first; ceilings and chance as lines. */
import { h, s } from "../lib/dom.js";
import { frame, legend, line, percent, steps, text } from "./axes.js";

const WIDTH = 760;
const LEFT = 236;
const RIGHT = 70;
const TOP = 46;
const ROW = 30;

/**
 * @param {{area: number, rows: {label: string, value: number, low: number | null, high: number | null, ours: boolean, learns: boolean}[],
 *   ceilings: {learner: string, label: string, value: number}[]}} data
 * @returns {HTMLElement}
 */
export function comparisonChart({ area, rows, ceilings }) {
  const reached = Math.max(area / 100, ...rows.map((row) => row.high ?? row.value));
  // A ceiling far off would press all dots together: it is named at the edge instead.
  const near = ceilings.filter((one) => one.value <= reached * 1.5);
  const ticks = steps(Math.max(reached, ...near.map((one) => one.value)) * 1.04);
  const top = Math.min(1, ticks.at(-1));
  const bottom = TOP + rows.length * ROW + 4;
  const x = (value) => LEFT + (value / top) * (WIDTH - LEFT - RIGHT);
  const chart = frame(WIDTH, bottom + 42, gettext("Share of the incidents captured by each method, with 95 % intervals"));
  for (const tick of ticks.filter((value) => value <= top + 1e-9)) {
    chart.append(line(x(tick), TOP - 8, x(tick), bottom, "chart-grid"), text(x(tick), bottom + 17, percent(tick, top < 0.1 ? 1 : 0)));
  }
  chart.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 36, gettext("share of the incidents that happened in the cells chosen beforehand")));
  chart.append(s("g", {}, line(x(area / 100), TOP - 8, x(area / 100), bottom, "chart-chance"), s("title", {}, gettext("chosen at random"))));
  const farFirst = [...ceilings].sort((one, other) => other.value - one.value);
  farFirst.forEach((one, i) => chart.append(ceiling(one, { x, top, bottom, level: i })));
  rows.forEach((row, i) => chart.append(whisker(row, x, TOP + (i + 0.5) * ROW)));
  const keys = [["chart-ours", gettext("in service, or ours")], ["chart-learns", gettext("other methods that learn from features")], ["chart-simple", gettext("simple methods")], ["chart-chance", gettext("chosen at random")]];
  if (ceilings.length) keys.push(["chart-ceiling", gettext("ceilings: no method, they know the outcome")]);
  return h("div", { class: "chart-scroll" }, chart, legend(keys));
}

function whisker(row, x, y) {
  const name = row.ours ? "chart-ours" : row.learns ? "chart-learns" : "chart-simple";
  const interval = row.low === null || row.high === null ? "" : ` (${percent(row.low)}–${percent(row.high)})`;
  return s("g", { class: `chart-whisker ${name}` },
    s("title", {}, `${row.label}: ${percent(row.value)}${interval}`),
    text(LEFT - 12, y + 4, row.label, { "text-anchor": "end", class: row.ours ? "chart-label is-ours" : "chart-label" }),
    interval ? line(x(row.low), y, x(row.high), y, "whisker") : null,
    interval ? line(x(row.low), y - 5, x(row.low), y + 5, "whisker") : null,
    interval ? line(x(row.high), y - 5, x(row.high), y + 5, "whisker") : null,
    s("circle", { cx: x(row.value), cy: y, r: row.ours ? 6 : 4.5 }),
    text(WIDTH - RIGHT + 10, y + 4, percent(row.value), { "text-anchor": "start", class: row.ours ? "chart-label is-ours" : "chart-label" }));
}

function ceiling(one, { x, top, bottom, level }) {
  const isFar = one.value > top;
  const at = isFar ? WIDTH - RIGHT : x(one.value);
  const y = 12 + level * 15;
  const label = `${one.label} ${percent(one.value)}${isFar ? " →" : ""}`;
  return s("g", { class: "chart-ceiling" },
    isFar ? null : line(at, y + 5, at, bottom, "ceiling"),
    text(at, y, label, { "text-anchor": at > WIDTH * 0.66 ? "end" : "middle" }));
}
