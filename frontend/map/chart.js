/** Small drawings in the side panel. */
import { s } from "../lib/dom.js";
import { expected } from "../lib/format.js";

const WIDTH = 336;
const HEIGHT = 76;
const FLOOR = 60;

/**
 * The week of one cell: a bar a slot, the chosen one marked, with the days beneath.
 * @param {number[]} values expected incidents by slot
 * @param {number} chosen
 * @param {(slot: number) => string} label
 * @param {(slot: number) => string} day short name of the slot's day, or "" where it is not the day's first slot
 * @param {(slot: number) => void} choose
 * @returns {SVGElement}
 */
export function weekChart(values, chosen, label, day, choose) {
  const highest = Math.max(...values, 1e-12);
  const step = WIDTH / values.length;
  const bars = values.map((value, slot) => {
    const height = Math.max(1.5, (value / highest) * (FLOOR - 8));
    return s(
      "g",
      { class: slot === chosen ? "bar is-chosen" : "bar", onclick: () => choose(slot) },
      s("title", {}, `${label(slot)}: ${expected(value)}`),
      s("rect", { x: slot * step, y: 0, width: step, height: FLOOR, class: "hit" }),
      s("rect", { x: slot * step + 1.5, y: FLOOR - height, width: step - 3, height, rx: 1.5 }),
    );
  });
  const days = values.map((_, slot) => (day(slot) ? s("text", { x: slot * step + 1.5, y: HEIGHT - 3 }, day(slot)) : null));
  const description = interpolate(gettext("Expected incidents in the %(count)s slots of the week, at most %(highest)s."), { count: values.length, highest: expected(highest) }, true);
  return s("svg", { class: "week-chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": description }, ...bars,
    s("line", { x1: 0, x2: WIDTH, y1: FLOOR + 0.5, y2: FLOOR + 0.5 }), ...days);
}
