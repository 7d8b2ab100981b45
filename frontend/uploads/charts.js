/** Small drawings in SVG: points over the jurisdiction, bars by month and by hour. Colours come from the theme's tokens. */
import { s } from "../lib/dom.js";
import { count } from "../lib/format.js";

/**
 * @param {{width: number, height: number, outline: string, areas: string, points: [number, number, number][]}} map
 * @returns {SVGElement}
 */
export function smallMap({ width, height, outline, areas, points }) {
  const good = points.filter((point) => point[2]).length;
  const label = interpolate(gettext("%s points of good rows and %s of rejected ones over the jurisdiction"), [count(good), count(points.length - good)]);
  const dot = ([x, y, isGood]) => s("circle", { cx: x, cy: y, r: isGood ? 2 : 2.6, class: isGood ? "dot" : "dot is-bad" });
  const ordered = [...points].sort((a, b) => b[2] - a[2]); // the rejected ones on top
  return s(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "small-map", role: "img", "aria-label": label },
    s("path", { d: outline, class: "ground" }),
    s("path", { d: areas, class: "areas" }),
    s("g", {}, ...ordered.map(dot)),
    s("path", { d: outline, class: "outline" }),
  );
}

/**
 * @param {Record<string, number>} months "YYYY-MM" to rows; months without rows are drawn as gaps
 * @returns {SVGElement}
 */
export function monthsChart(months) {
  const keys = span(Object.keys(months).sort());
  const values = keys.map((key) => months[key] ?? 0);
  const years = keys.map((key, index) => (key.endsWith("-01") || index === 0 ? key.slice(0, 4) : ""));
  const label = interpolate(gettext("Rows by month from %s to %s, at most %s in one month"), [keys[0], keys.at(-1), count(Math.max(...values))]);
  return bars(values, keys, thinned(years), label);
}

/** @param {number[]} hours rows by hour 0–23 @returns {SVGElement} */
export function hoursChart(hours) {
  const names = hours.map((_value, hour) => `${String(hour).padStart(2, "0")}:00`);
  const ticks = hours.map((_value, hour) => (hour % 6 === 0 ? String(hour) : ""));
  const busiest = hours.indexOf(Math.max(...hours));
  return bars(hours, names, ticks, interpolate(gettext("Rows by hour of the day; most at %s"), [names[busiest]]));
}

/** Every month from the first to the last; of more than 240 the last. */
function span(keys) {
  const all = [];
  let [year, month] = keys[0].split("-").map(Number);
  for (let guard = 0; guard < 3000; guard += 1) {
    const key = `${year}-${String(month).padStart(2, "0")}`;
    all.push(key);
    if (key >= keys.at(-1)) break;
    [year, month] = month === 12 ? [year + 1, 1] : [year, month + 1];
  }
  return all.slice(-240);
}

/** At most ten of the labels, so that they do not run into one another. */
function thinned(labels) {
  const shown = labels.map((label, index) => (label ? index : -1)).filter((index) => index >= 0);
  const every = Math.ceil(shown.length / 10);
  const kept = new Set(shown.filter((_index, order) => order % every === 0));
  return labels.map((label, index) => (kept.has(index) ? label : ""));
}

function bars(values, names, ticks, label) {
  const [width, height, foot] = [560, 130, 18];
  const most = Math.max(...values, 1);
  const step = width / values.length;
  const gap = step > 6 ? 1.5 : 0.4;
  const columns = values.map((value, index) => {
    const tall = (value / most) * (height - foot - 4);
    const title = s("title", {}, `${names[index]}: ${count(value)}`);
    const bar = { x: index * step + gap / 2, y: height - foot - tall, width: Math.max(step - gap, 0.5), height: Math.max(tall, value ? 1 : 0), class: "column" };
    return s("g", {}, s("rect", { x: index * step, y: 0, width: step, height: height - foot, class: value ? "slot" : "slot is-empty" }, title), s("rect", bar));
  });
  const texts = ticks.map((text, index) => text && s("text", { x: index * step + 1, y: height - 4 }, text));
  const base = s("line", { x1: 0, x2: width, y1: height - foot, y2: height - foot, class: "base" });
  return s("svg", { viewBox: `0 0 ${width} ${height}`, class: "bars", role: "img", "aria-label": label }, ...columns, base, ...texts.filter(Boolean));
}
