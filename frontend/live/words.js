/** Names of risk factors in the language of the page, and how their values read. */
import { percent } from "../lib/format.js";

/** @type {Record<string, {label: string, kind: "risk" | "measure" | "blind", unit: string}>} */
const FACTORS = JSON.parse(document.getElementById("live-factors")?.textContent ?? "{}");

/** @param {string} code @returns {string} */
export function factorLabel(code) {
  return FACTORS[code]?.label ?? code;
}

/** @param {string} code @returns {string} */
export function factorKind(code) {
  return FACTORS[code]?.kind ?? "risk";
}

/** "12 people", "45 s" @param {string} code @param {number | null | undefined} value @returns {string} */
export function valueText(code, value) {
  if (value === null || value === undefined) return "";
  const number = Math.abs(value) >= 10 ? Math.round(value) : Math.round(value * 10) / 10;
  return `${number} ${FACTORS[code]?.unit ?? ""}`.trim();
}

/** A short word for how sure the detector was. @param {number} confidence 0..1 @returns {string} */
export function sure(confidence) {
  return interpolate(gettext("%s sure"), [percent(confidence)]);
}
