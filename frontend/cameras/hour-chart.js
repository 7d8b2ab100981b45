/** The last hour of one factor at one camera: a bar a minute, and the level that is usual at this hour of the week. */
import { s } from "../lib/dom.js";

const WIDTH = 600;
const HEIGHT = 74;
const FLOOR = 56;

/**
 * @param {{counts: number[], usual: number, label: string}} line counts a minute; usual: how many a minute are usual
 * @param {(minute: number) => string} time "14:03" of a minute
 * @returns {SVGElement}
 */
export function hourChart({ counts, usual, label }, time) {
  const highest = Math.max(...counts, usual, 1);
  const step = WIDTH / counts.length;
  const y = (value) => FLOOR - (value / highest) * (FLOOR - 6);
  const bars = counts.map((value, minute) => value > 0 && s("rect", { x: minute * step + 0.8, y: y(value), width: step - 1.6, height: FLOOR - y(value), rx: 1.2, class: usual > 0 && value > usual ? "bar is-above" : "bar" }, s("title", {}, `${time(minute)} · ${value}`)));
  const ticks = [0, 15, 30, 45].filter((minute) => minute < counts.length).map((minute) => s("text", { x: minute * step, y: HEIGHT - 4 }, time(minute)));
  const sum = counts.reduce((total, value) => total + value, 0);
  const said = interpolate(gettext("%(label)s: %(sum)s in the last hour, usually %(usual)s."), { label, sum: Math.round(sum), usual: (usual * counts.length).toFixed(1) }, true);
  return s("svg", { class: "hour-chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": said },
    s("line", { x1: 0, x2: WIDTH, y1: FLOOR + 0.5, y2: FLOOR + 0.5, class: "floor" }), ...bars,
    usual > 0 && s("line", { x1: 0, x2: WIDTH, y1: y(usual), y2: y(usual), class: "usual" }), ...ticks);
}
