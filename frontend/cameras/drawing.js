/** Zones and lines on the still: what "intrusion" and "approach" mean for this camera. */
import { sendJson } from "../lib/api.js";
import { h, replace, s } from "../lib/dom.js";

/** @typedef {{name: string, polygon: [number, number][]}} Zone @typedef {{name: string, from: [number, number], to: [number, number]}} Line */

export class Drawing {
  /**
   * @param {{rules: {zones?: Zone[], lines?: Line[]}, save: string}} start
   * @param {{overlay: SVGElement, list: HTMLElement, hint: HTMLElement, save: HTMLButtonElement}} parts
   */
  constructor(start, parts) {
    Object.assign(this, { start, parts });
    this.rules = { ...start.rules, zones: [...(start.rules.zones ?? [])], lines: [...(start.rules.lines ?? [])] };
    this.mode = "";
    /** @type {[number, number][]} */
    this.open = [];
    parts.save.addEventListener("click", () => this.#save());
    this.#show();
  }

  /** @param {string} mode "zone", "line" or blank */
  turnTo(mode) {
    this.mode = mode;
    this.open = [];
    this.#show();
  }

  /** @param {[number, number]} point */
  click(point) {
    if (!this.mode) return;
    const first = this.open[0];
    const closes = this.mode === "zone" && this.open.length >= 3 && Math.hypot(point[0] - first[0], point[1] - first[1]) < 0.03;
    if (closes) this.#close();
    else this.open.push(point);
    if (this.mode === "line" && this.open.length === 2) {
      this.rules.lines.push({ name: interpolate(gettext("Line %s"), [this.rules.lines.length + 1]), from: this.open[0], to: this.open[1] });
      this.open = [];
    }
    this.#show();
  }

  #close() {
    this.rules.zones.push({ name: interpolate(gettext("Zone %s"), [this.rules.zones.length + 1]), polygon: this.open });
    this.open = [];
    this.#show();
  }

  #show() {
    const at = (points) => points.map(([x, y]) => `${x * 100},${y * 100}`).join(" ");
    replace(this.parts.overlay,
      ...this.rules.zones.map((zone) => s("polygon", { class: "drawn-zone", points: at(zone.polygon) })),
      ...this.rules.lines.map((line) => s("line", { class: "drawn-line", x1: line.from[0] * 100, y1: line.from[1] * 100, x2: line.to[0] * 100, y2: line.to[1] * 100 })),
      this.open.length > 0 && s("polyline", { class: "drawn-open", points: at(this.open) }));
    this.parts.hint.textContent = this.mode === "line" ? gettext("Click where the line begins and where it ends.") : gettext("Click the corners of the zone; click the first corner again to close it.");
    const row = (kind, item, list) => h("li", {}, h("span", { class: "badge" }, kind),
      h("input", { class: "input", value: item.name, maxlength: "60", "aria-label": gettext("Name"), onchange: (event) => (item.name = event.target.value) }),
      h("button", { type: "button", class: "button button-small button-quiet", "aria-label": interpolate(gettext("Remove %s"), [item.name]), onclick: () => this.#remove(list, item) }, "×"));
    const rows = [...this.rules.zones.map((zone) => row(gettext("zone"), zone, "zones")), ...this.rules.lines.map((line) => row(gettext("line"), line, "lines"))];
    const close = this.mode === "zone" && this.open.length >= 3 && h("li", {}, h("button", { type: "button", class: "button button-small", onclick: () => this.#close() }, gettext("Close the zone")));
    replace(this.parts.list, ...rows, close || (!rows.length && h("li", { class: "muted" }, gettext("Nothing is drawn yet."))));
  }

  #remove(list, item) {
    this.rules[list] = this.rules[list].filter((other) => other !== item);
    this.#show();
  }

  async #save() {
    try {
      await sendJson("PATCH", this.start.save, { rules: this.rules });
      this.#say(gettext("Saved. The camera worker takes it up within seconds."));
    } catch (error) {
      this.#say(error.message, true);
    }
  }

  #say(text, isBad = false) {
    replace(this.parts.save.nextElementSibling, h("p", { class: `notice small ${isBad ? "notice-bad" : "notice-good"}`, role: "status" }, text));
  }
}
