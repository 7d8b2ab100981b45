/** A cell's "now" against its "usual now": which factors made the difference, by how much, and which cameras say so. */
import { getJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { ago, count, expected } from "../lib/format.js";
import { factorLabel } from "./words.js";

const EVERY_MS = 3_000;

export class CellNow {
  /**
   * @param {import("../map/view.js").View} view
   * @param {import("./layer.js").LiveLayer} layer
   * @param {import("./picture.js").Picture} picture
   * @param {() => import("../map/cells.js").Cells | undefined} cells
   */
  constructor(view, layer, picture, cells) {
    Object.assign(this, { view, layer, picture, cells });
    this.root = h("section", { class: "cell-live", "aria-live": "off" });
    view.on(["cell", "category", "live"], () => this.load());
    picture.addEventListener("changed", (event) => this.#touched(event.detail.cells));
    setInterval(() => this.#again(), EVERY_MS);
  }

  /** The part to put into the cell's panel. */
  draw() {
    this.load();
    return this.root;
  }

  get #cell() {
    return this.cells()?.indexOf(this.view.state.cell) ?? -1;
  }

  #touched(cells) {
    if (cells.includes(this.#cell)) this.isStale = true;
  }

  #again() {
    const isShown = this.root.isConnected && this.root.offsetParent !== null && !document.hidden;
    if (this.layer.isOn && isShown && (this.isStale || this.picture.state === "on")) this.load();
  }

  async load() {
    const cell = this.#cell;
    if (!this.layer.isOn || cell < 0) return replace(this.root);
    this.isStale = false;
    const asked = (this.asked = Symbol("asked"));
    try {
      const now = await getJson(`/api/v1/live/cells/${cell}/?${new URLSearchParams({ category: this.view.state.category })}`);
      if (asked === this.asked) this.#show(now);
    } catch (error) {
      if (asked === this.asked) replace(this.root, h("p", { class: "muted small" }, error.message));
    }
  }

  #show(now) {
    const times = now.usual > 0 ? now.now / now.usual : 1;
    const isUp = times >= 1.005;
    const isDown = times <= 0.995;
    const highest = Math.max(now.now, now.usual, 1e-12);
    const bar = (label, value, name) => h("div", { class: `now-bar is-${name}` }, h("span", {}, label), h("i", { style: { "--share": `${(100 * value) / highest}%` } }), h("b", {}, expected(value)));
    const headline = isUp || isDown ? interpolate(gettext("%s × the usual now"), [times >= 10 ? count(times) : times.toFixed(2)]) : gettext("As usual now");
    replace(this.root,
      h("h3", {}, gettext("Now"), h("span", { class: `badge ${isUp ? "badge-bad" : isDown ? "badge-good" : ""}` }, headline)),
      h("div", { class: "now-bars" }, bar(gettext("now"), now.now, "now"), bar(gettext("usual now"), now.usual, "usual")),
      this.#factors(now.factors ?? []),
      this.#cameras(now.cameras ?? []));
  }

  #factors(factors) {
    if (!factors.length) return h("p", { class: "muted small" }, gettext("No factor is above or below what is usual here at this hour of the week."));
    const rows = factors.map((factor) => {
      const times = factor.times ?? Math.exp(factor.contribution);
      const share = Math.min(1, Math.abs(Math.log(times)) / Math.log(4));
      const cameras = (factor.cameras ?? []).slice(0, 3).map((camera) => h("a", { href: `/cameras/${camera.id}/` }, camera.name));
      const parts = [
        h("p", { class: "factor-head" }, h("b", { class: times >= 1 ? "is-up" : "is-down" }, `×${times.toFixed(2)}`), h("span", {}, factor.label ?? factorLabel(factor.factor))),
        h("i", { class: `factor-bar ${times >= 1 ? "is-up" : "is-down"}`, style: { "--share": `${share * 100}%` } }),
        h("p", { class: "muted small", title: gettext("Sum of the events, which fade with time") }, interpolate(gettext("now %(now)s, usually %(usual)s"), { now: amount(factor.now), usual: amount(factor.usual) }, true), ...cameras.flatMap((link) => [" · ", link])),
      ];
      return h("li", { class: "factor-row", dataset: { factor: factor.factor } }, ...parts);
    });
    return h("ul", { class: "factor-list" }, ...rows);
  }

  #cameras(cameras) {
    if (!cameras.length) return h("p", { class: "muted small" }, gettext("No camera sees this cell: here now is the plain forecast."));
    const words = { ok: gettext("reporting"), stale: gettext("stale"), blind: gettext("cannot see"), silent: gettext("silent") };
    const rows = cameras.slice(0, 6).map((camera) =>
      h("li", {}, h("i", { class: `dot is-${camera.state}`, "aria-hidden": "true" }), h("a", { href: `/cameras/${camera.id}/` }, camera.name), h("span", { class: "muted small" }, `${camera.state_label ?? words[camera.state] ?? camera.state}${camera.last_at ? ` · ${ago(camera.last_at)}` : ""}`)));
    const more = cameras.length > 6 ? [h("li", { class: "muted small" }, interpolate(gettext("%s more"), [cameras.length - 6]))] : [];
    return h("details", { class: "now-cameras" }, h("summary", { class: "small" }, interpolate(ngettext("%s camera sees this cell", "%s cameras see this cell", cameras.length), [cameras.length])), h("ul", {}, ...rows, ...more));
  }
}

function amount(value) {
  if (value === null || value === undefined) return "–";
  return value >= 10 ? count(value) : (Math.round(value * 10) / 10).toString();
}
