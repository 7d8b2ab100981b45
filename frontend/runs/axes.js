/** What the pictures of the forecast pages share: the frame, scales, ticks and legends. Colours come from the style sheet. */
import { h, s } from "../lib/dom.js";

const language = document.documentElement.lang || "ko";

/**
 * @param {number} value
 * @param {number} [digits] at most
 */
export function number(value, digits = 1) {
  return value.toLocaleString(language, { maximumFractionDigits: digits });
}

/** @param {number} share 0…1 @param {number} [digits] */
export function percent(share, digits = 1) {
  return `${(share * 100).toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits })} %`;
}

/** @param {number} width @param {number} height @param {string} label what the picture shows, for those who do not see it */
export function frame(width, height, label) {
  return s("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": label });
}

/**
 * Round steps from zero up to the first one at or above `highest`.
 * @param {number} highest @param {number} [most] how many at most
 */
export function steps(highest, most = 6) {
  const power = 10 ** Math.floor(Math.log10(Math.max(highest, 1e-9) / most));
  const step = [1, 2, 2.5, 5, 10, 20].map((factor) => factor * power).find((size) => highest / size <= most);
  return Array.from({ length: Math.ceil(highest / step - 1e-9) + 1 }, (_, i) => i * step);
}

/** @param {number} x @param {number} y @param {string} content @param {object} [more] */
export function text(x, y, content, more = {}) {
  return s("text", { x, y, class: "chart-text", "text-anchor": "middle", ...more }, content);
}

/** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {string} name */
export function line(x1, y1, x2, y2, name) {
  return s("line", { x1, y1, x2, y2, class: name });
}

/** @param {[string, string][]} entries class of the key, and what it means */
export function legend(entries) {
  return h("ul", { class: "chart-legend" }, ...entries.map(([name, label]) => h("li", {}, h("i", { class: `chart-key ${name}` }), label)));
}
