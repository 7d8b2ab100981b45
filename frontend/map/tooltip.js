/** A small label beside the pointer: what is expected in the cell under it. */
import { chance, expected } from "../lib/format.js";
import { h, replace } from "../lib/dom.js";

export class Tooltip {
  /**
   * @param {HTMLElement} root
   * @param {import("./risk-map.js").RiskMap} riskMap
   * @param {(cell: number) => number | null} rateOf the rate shown for a cell, or null while unknown
   */
  constructor(root, riskMap, rateOf) {
    riskMap.addEventListener("hover", (event) => {
      const { cell, x, y } = event.detail;
      const rate = cell >= 0 ? rateOf(cell) : null;
      root.hidden = rate === null;
      if (rate === null) return;
      const left = x > riskMap.element.clientWidth - 180;
      root.style.transform = `translate(${x + (left ? -14 : 14)}px, ${y + 14}px) translateX(${left ? "-100%" : "0"})`;
      const amount = rate > 0 ? interpolate(gettext("%s incidents expected"), [expected(rate)]) : gettext("below the least rate shown");
      replace(root, h("b", {}, amount), rate > 0 && h("span", {}, chance(rate)));
    });
  }
}
