/** A figure week by week, with the band in which it lies as long as nothing has changed. */
import { h, s } from "../lib/dom.js";
import { frame, legend, line, number, percent, steps, text } from "./axes.js";

const WIDTH = 540;
const HEIGHT = 240;
const PLOT = { left: 56, right: 16, top: 14, bottom: 34 };

/**
 * @param {{week: string, value: number | null, low: number | null, high: number | null, outside: boolean, alert: boolean}[]} points
 * @param {"calibration" | "capture"} kind
 * @returns {HTMLElement}
 */
export function weeksChart(points, kind) {
  const known = points.flatMap((one) => [one.value, one.low, one.high]).filter((value) => value !== null);
  const ticks = steps(Math.max(kind === "capture" ? 0.1 : 1.2, ...known), 5);
  const top = ticks.at(-1);
  const step = (WIDTH - PLOT.left - PLOT.right) / Math.max(1, points.length);
  const x = (i) => PLOT.left + (i + 0.5) * step;
  const y = (value) => HEIGHT - PLOT.bottom - (Math.min(value, top) / top) * (HEIGHT - PLOT.top - PLOT.bottom);
  const write = kind === "capture" ? (value) => percent(value, 0) : (value) => number(value, 2);
  const label = kind === "capture" ? gettext("Share of the incidents captured, week by week, with the usual band") : gettext("Expected ÷ reported incidents, week by week, with the usual band");
  const chart = frame(WIDTH, HEIGHT, label);
  for (const tick of ticks) chart.append(line(PLOT.left, y(tick), WIDTH - PLOT.right, y(tick), "chart-grid"), text(PLOT.left - 8, y(tick) + 4, write(tick), { "text-anchor": "end" }));
  if (kind === "calibration") chart.append(line(PLOT.left, y(1), WIDTH - PLOT.right, y(1), "chart-chance"));
  points.forEach((one, i) => {
    if (one.low !== null || one.high !== null) {
      const [low, high] = [one.low ?? 0, one.high ?? top];
      chart.append(s("rect", { x: x(i) - step / 2, width: step, y: y(high), height: Math.max(1, y(low) - y(high)), class: "chart-usual" }));
    }
  });
  const every = Math.ceil(points.length / 8);
  points.forEach((one, i) => i % every === 0 && chart.append(text(x(i), HEIGHT - 12, one.week.slice(5))));
  const line_ = points.map((one, i) => (one.value === null ? null : `${x(i).toFixed(1)},${y(one.value).toFixed(1)}`)).filter(Boolean);
  chart.append(s("polyline", { points: line_.join(" "), class: "chart-ours chart-path" }));
  points.forEach((one, i) => one.value !== null && chart.append(mark(one, x(i), y(one.value), write)));
  const keys = [["chart-ours", gettext("week")], ["chart-usual", gettext("usual: 95 % of weeks without change")], ["chart-off", gettext("outside the band")]];
  return h("div", { class: "chart-weeks" }, chart, legend(keys));
}

function mark(one, x, y, write) {
  const told = `${one.week}: ${write(one.value)}${one.low === null || one.high === null ? "" : ` (${write(one.low)}–${write(one.high)})`}`;
  return s("g", { class: `chart-whisker ${one.outside ? "chart-off" : "chart-ours"}` }, s("title", {}, told),
    s("circle", { cx: x, cy: y, r: one.alert ? 7 : 4 }));
}
