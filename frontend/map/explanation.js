/** Why a cell has its rate, what would change it, and which cells are like it: the lower part of the cell's panel. */
import { getJson, postJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { count, expected } from "../lib/format.js";

const ASK_AGAIN_MS = 1500;
const ASK_AT_MOST = 200; // times: five minutes
const HARDLY = 0.02; // log rate: what moves the rate by less than 2 % is put together

/**
 * @typedef {{group: string, label: string, factor: number, log_part: number, sentence: string}} Part
 * @typedef {{code: string, label: string, factor: number | null, rate: number | null, why: string}} WhatIf
 * @typedef {{cell: string, area: string, distance_km: number, latitude: number, longitude: number, rate: number, recent: number | null, shared: string[]}} Similar
 * @typedef {{state: string, message: string, cell: string, category: string, as_of: string, horizon_days: number, rate: number,
 *   low: number | null, high: number | null, base: number, parts: Part[], changes: WhatIf[], recent: number | null, similar: Similar[]}} Explained
 */

export class Explanation {
  /**
   * @param {import("./view.js").View} view
   * @param {import("../lib/format.js").Clock} clock
   * @param {(place: [number, number]) => void} show move the map there
   */
  constructor(view, clock, show) {
    Object.assign(this, { view, clock, show });
    this.root = h("div", { class: "explanation", "aria-live": "polite" });
    this.shown = "";
    view.on(["cell", "category"], () => this.#stop());
  }

  /** Show the explanation of the chosen cell and category; what is shown already stays. @returns {HTMLElement} */
  draw() {
    const { cell, category } = this.view.state;
    const wanted = `${cell}/${category}`;
    if (this.shown !== wanted) {
      this.shown = wanted;
      replace(this.root, h("p", { class: "muted", role: "status" }, gettext("Loading …")));
      this.#load();
    }
    return this.root;
  }

  #stop() {
    this.waiting?.abort();
    clearTimeout(this.timer);
  }

  async #load() {
    const { cell, category } = this.view.state;
    this.#stop();
    this.waiting = new AbortController();
    const { signal } = this.waiting;
    const address = `/api/v1/runs/${this.view.start.run.id}/cells/${cell}/explanation/?${new URLSearchParams({ category })}`;
    try {
      this.#show(await getJson(address, { signal }), () => this.#make(address, signal));
    } catch (error) {
      this.#complain(error);
    }
  }

  /** Have the changes and similar cells made, and show them when they are there. */
  async #make(address, signal) {
    const box = this.root.querySelector("[data-make]");
    replace(box, h("p", { class: "muted", role: "status" }, gettext("Asking the model again for every cell, once a forecast: some seconds, in a large city a minute or two …")));
    try {
      await postJson(`/api/v1/runs/${this.view.start.run.id}/explanations/`);
      for (let asked = 0; asked < ASK_AT_MOST; asked += 1) {
        await new Promise((resolve) => (this.timer = setTimeout(resolve, ASK_AGAIN_MS)));
        const found = await getJson(address, { signal });
        if (found.state !== "missing") return this.#show(found, () => this.#make(address, signal));
      }
      throw new Error(gettext("No worker has answered for five minutes. Ask an administrator whether the workers run."));
    } catch (error) {
      this.#complain(error, box);
    }
    return undefined;
  }

  #complain(error, box = this.root) {
    if (error.name === "AbortError") return;
    if (box === this.root) this.shown = "";
    replace(box, h("p", { class: "notice notice-bad small", role: "alert" }, error.message));
  }

  /** @param {Explained} found @param {() => void} make */
  #show(found, make) {
    const days = interpolate(ngettext("%s day", "%s days", found.horizon_days), [found.horizon_days]);
    const more = found.state === "ready" ? this.#made(found, days) : [unmade(found, make)];
    replace(
      this.root,
      h("h3", {}, gettext("How the rate comes about")),
      found.parts.length ? whyTable(found, days) : h("p", { class: "muted" }, gettext("This forecast kept no reasons.")),
      found.low === null ? null : h("p", { class: "small muted" }, interpolate(gettext("With a chance of 95 % there will be %(low)s to %(high)s incidents here."), { low: found.low, high: found.high }, true)),
      ...more,
      h("p", { class: "muted small" },
        interpolate(gettext("As of %s. This is what the model goes by, not what causes crime."), [this.clock.dateTime(new Date(found.as_of))])),
    );
  }

  #made(found, days) {
    return [
      found.message ? h("p", { class: "notice notice-warn small" }, found.message) : null,
      h("h3", {}, gettext("What if")),
      h("ul", { class: "what-if" }, ...found.changes.map((change) => whatIf(change, found.rate))),
      h("h3", {}, gettext("Cells like this one")),
      this.#similar(found, days),
    ];
  }

  #similar(found, days) {
    if (!found.similar.length) return h("p", { class: "muted" }, gettext("There is no other cell to compare with."));
    const seen = found.recent !== null;
    const row = (one, name) => [
      h("th", { scope: "row" }, name, one.shared?.length ? h("span", { class: "muted small shared" }, one.shared.join(" · ")) : null),
      h("td", { class: "number" }, expected(one.rate)),
      seen ? h("td", { class: "number" }, count(one.recent)) : null,
    ];
    return h("table", { class: "table table-tight similar-cells" },
      h("caption", { class: "visually-hidden" }, gettext("Cells with the most similar features, nearest first; below each what moves both rates the same way")),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, gettext("Place")),
        h("th", { scope: "col", class: "number" }, interpolate(gettext("Expected, %s"), [days])),
        seen ? h("th", { scope: "col", class: "number" }, gettext("Recorded, last 4 weeks")) : null)),
      h("tbody", {}, h("tr", { class: "is-chosen" }, ...row(found, gettext("This cell"))),
        ...found.similar.map((one) => h("tr", {}, ...row(one, h("button", { type: "button", class: "link", onclick: () => this.#go(one) }, `${one.area || one.cell} · ${one.distance_km.toFixed(1)} km`))))));
  }

  #go(one) {
    this.show([one.longitude, one.latitude]);
    this.view.set({ cell: one.cell });
  }
}

/** The steps from the starting point to the rate: each bar begins where the one before ended. @param {Explained} found */
function whyTable(found, days) {
  const strong = found.parts.filter((part) => Math.abs(part.log_part) >= HARDLY);
  const weak = found.parts.filter((part) => Math.abs(part.log_part) < HARDLY).reduce((sum, part) => sum + part.log_part, 0);
  const steps = [...strong, ...(strong.length < found.parts.length ? [{ label: gettext("all else"), log_part: weak, factor: Math.exp(weak) }] : [])];
  let at = 0;
  const ends = steps.map((step) => (at += step.log_part));
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const place = (value) => ((value - low) / (high - low || 1)) * 100;
  const rows = steps.map((step, i) => {
    const [from, to] = [ends[i] - step.log_part, ends[i]];
    const bar = h("i", { class: step.log_part >= 0 ? "step is-up" : "step is-down", style: { "--from": `${place(Math.min(from, to))}%`, "--width": `${Math.max(1, Math.abs(place(to) - place(from)))}%` } });
    return h("tr", {}, h("th", { scope: "row" }, step.label), h("td", { class: "step-cell" }, bar), h("td", { class: "number" }, factor(step.factor)));
  });
  const edge = (label, value) => h("tr", { class: "edge" }, h("th", { scope: "row", colspan: "2" }, label), h("td", { class: "number" }, h("b", {}, expected(value))));
  return h("table", { class: "table table-tight why-steps" },
    h("caption", { class: "visually-hidden" }, gettext("The starting point times each factor gives the expected incidents")),
    h("thead", { class: "visually-hidden" }, h("tr", {}, h("th", { scope: "col" }, gettext("Because of")), h("th", { scope: "col" }, gettext("Step")), h("th", { scope: "col" }, gettext("Factor")))),
    h("tbody", {}, edge(gettext("Where every cell starts"), found.base), ...rows,
      edge(interpolate(gettext("Expected here in %s"), [days]), found.rate)));
}

/** @param {WhatIf} change @param {number} rate */
function whatIf(change, rate) {
  if (change.factor === null) return h("li", { class: "is-unanswered" }, h("b", {}, "–"), h("span", {}, change.label, h("small", {}, change.why)));
  const same = Math.abs(Math.log(change.factor)) < HARDLY;
  const answer = same ? gettext("the same as now") : interpolate(gettext("%(then)s instead of %(now)s"), { then: expected(change.rate), now: expected(rate) }, true);
  return h("li", {}, h("b", { class: same ? "" : change.factor > 1 ? "is-up" : "is-down" }, same ? "=" : factor(change.factor)), h("span", {}, change.label, h("small", {}, answer)));
}

/** @param {Explained} found @param {() => void} make */
function unmade(found, make) {
  const failed = found.state === "failed" ? h("p", { class: "notice notice-warn small" }, found.message) : null;
  return h("div", { dataset: { make: "" }, class: "stack" }, failed,
    h("button", { type: "button", class: "button button-small", onclick: make }, gettext("What if, and cells like this one")));
}

/** @param {number} value */
function factor(value) {
  return `×${value.toFixed(value >= 9.95 ? 0 : value >= 1.95 ? 1 : 2)}`;
}
