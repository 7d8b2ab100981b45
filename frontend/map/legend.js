/** What the colours mean, in plain words: expected incidents in one cell in one slot, and how often that is. */
import { h, replace } from "../lib/dom.js";
import { chance, expected } from "../lib/format.js";
import { isDark } from "../lib/theme.js";
import { rampColour } from "./ramp.js";

const amount = (rate) => expected(rate, { least: 0 });

export class Legend {
  /**
   * @param {HTMLElement} root
   * @param {import("./view.js").View} view
   */
  constructor(root, view) {
    this.root = root;
    this.view = view;
    view.on(["category"], () => this.show());
    document.addEventListener("haechi:theme", () => this.show());
    this.show();
  }

  show() {
    const run = this.view.start.run;
    const scale = run.scale[this.view.state.category];
    const hours = (Date.parse(run.slot_starts[1] ?? run.horizon_end) - Date.parse(run.slot_starts[0])) / 3_600_000;
    const title = interpolate(gettext("Expected incidents per cell in these %s hours"), [hours]);
    if (!scale?.maximum) return replace(this.root, h("summary", {}, title), h("p", {}, gettext("Nothing of this category is expected in this week.")));
    const rows = scale.breaks.map((rate, index) => {
      const share = index / (scale.breaks.length - 1);
      return h("li", {}, h("i", { style: { background: rampColour(share, isDark()) } }), h("b", {}, index === scale.breaks.length - 1 ? interpolate(gettext("%s or more"), [amount(rate)]) : amount(rate)), h("span", {}, chance(rate)));
    });
    const least = interpolate(gettext("under %s"), [amount(scale.minimum)]);
    const none = h("li", {}, h("i", { class: "is-blank" }), h("b", {}, least), h("span", {}, gettext("no colour")));
    replace(this.root, h("summary", {}, title), h("ul", {}, ...rows.reverse(), none));
  }
}
