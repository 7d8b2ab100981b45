/** The side panel of one cell: what is expected, how that compares, why, and what happened there. */
import { getJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { chance, count, expected, percent } from "../lib/format.js";
import { rested } from "../lib/rested.js";
import { weekChart } from "./chart.js";
import { Explanation } from "./explanation.js";

export class CellPanel {
  /**
   * @param {HTMLElement} root
   * @param {import("./view.js").View} view
   * @param {import("./slots.js").SlotControl} slots
   * @param {(place: [number, number]) => void} show move the map there
   * @param {import("../live/now.js").CellNow} [now] the cell's present, where there is a live channel
   */
  constructor(root, view, slots, show, now) {
    Object.assign(this, { root, view, slots, show, now });
    this.explanation = new Explanation(view, slots.clock, show);
    view.on(["cell"], () => this.#load());
    view.on(["slot", "category"], rested(() => this.#load()));
    this.#load();
  }

  async #load() {
    const { cell, slot, category } = this.view.state;
    this.waiting?.abort();
    if (!cell) return this.#empty();
    this.waiting = new AbortController();
    const query = new URLSearchParams({ slot: String(slot), category });
    if (this.shown !== cell) replace(this.root, h("p", { class: "muted", role: "status" }, gettext("Loading …")));
    this.root.setAttribute("aria-busy", "true");
    try {
      const detail = await getJson(`/api/v1/runs/${this.view.start.run.id}/cells/${cell}/?${query}`, { signal: this.waiting.signal });
      this.shown = cell;
      this.#draw(detail);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.shown = "";
      replace(this.root, h("div", { class: "notice notice-bad", role: "alert" }, error.message));
    }
    this.root.removeAttribute("aria-busy");
  }

  #empty() {
    this.shown = "";
    replace(
      this.root,
      h("div", { class: "empty" }, h("h3", {}, gettext("No cell is chosen")),
        h("p", {}, gettext("Click a hexagon on the map, or choose one from the list of the highest cells.")),
        h("button", { type: "button", class: "button", onclick: () => this.view.set({ tab: "top" }) }, gettext("Highest cells"))),
    );
  }

  #draw(detail) {
    const { category, slot } = this.view.state;
    const here = detail.by_slot[slot];
    const name = this.view.start.categories.find((known) => known.code === category)?.name ?? gettext("All categories");
    replace(
      this.root,
      h("header", { class: "cell-head" },
        h("div", {}, h("h2", {}, detail.dong || gettext("Cell")), h("p", { class: "muted small" }, `${detail.cell} · ${detail.area_km2.toFixed(3)} km²`)),
        h("button", { type: "button", class: "button button-small", onclick: () => this.show([detail.longitude, detail.latitude]) }, gettext("Show on the map"))),
      this.now?.draw(),
      h("section", { class: "cell-main" },
        h("p", { class: "muted small" }, `${this.slots.label(slot)} · ${name}`),
        h("p", { class: "big" }, expected(here), h("small", {}, ` ${gettext("incidents expected")}`)),
        h("p", {}, chance(here)),
        this.#compared(detail, here)),
      h("section", {}, h("h3", {}, gettext("By category")), this.#categories(detail.rates)),
      h("section", {}, h("h3", {}, gettext("The week in this cell")), this.#week(detail)),
      h("section", {}, h("h3", {}, gettext("Why")), reasons(detail.reasons), this.explanation.draw()),
      h("section", {}, h("h3", {}, gettext("Recorded incidents")), this.#incidents(detail)),
    );
  }

  #compared(detail, here) {
    const times = detail.city_mean > 0 ? here / detail.city_mean : 0;
    const ratio = times >= 10 ? count(times) : times.toFixed(1);
    return h("p", { class: "cell-compare" },
      h("span", { class: "badge badge-accent" }, interpolate(gettext("rank %(rank)s of %(cells)s"), { rank: count(detail.rank), cells: count(detail.cell_count) }, true)),
      h("span", { class: "badge" }, interpolate(gettext("%s × the mean cell"), [ratio])));
  }

  #categories(rates) {
    const total = rates.reduce((sum, rate) => sum + rate.rate, 0);
    const rows = rates.map((rate) => {
      const share = total > 0 ? rate.rate / total : 0;
      return h("tr", {},
        h("th", { scope: "row" }, rate.name),
        h("td", { class: "bar-cell" }, h("i", { class: "share-bar", style: { "--share": `${(share * 100).toFixed(1)}%` } }), h("span", { class: "visually-hidden" }, percent(share))),
        h("td", { class: "number" }, expected(rate.rate)),
        h("td", { class: "number muted" }, expected(rate.week)));
    });
    return h("table", { class: "table table-tight" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, gettext("Category")), h("th", { scope: "col" }, gettext("Share")),
        h("th", { scope: "col", class: "number" }, gettext("This slot")), h("th", { scope: "col", class: "number" }, gettext("7 days")))),
      h("tbody", {}, ...rows));
  }

  #week(detail) {
    const { clock, starts } = this.slots;
    const day = (slot) => {
      const isFirst = slot > 0 && clock.dayKey.format(starts[slot]) !== clock.dayKey.format(starts[slot - 1]);
      return isFirst || (slot === 0 && clock.dayKey.format(starts[1] ?? starts[0]) === clock.dayKey.format(starts[0])) ? clock.weekdayFormat.format(starts[slot]) : "";
    };
    return weekChart(detail.by_slot, this.view.state.slot, (slot) => this.slots.label(slot), day, (slot) => this.view.set({ slot }));
  }

  #incidents(detail) {
    if (!detail.incidents) return h("p", { class: "notice small" }, detail.incidents_hidden);
    if (!detail.incidents.length) return h("p", { class: "muted" }, gettext("None recorded in this cell."));
    const clock = this.slots.clock;
    return h("div", {}, h("ul", { class: "incidents" }, ...detail.incidents.map((incident) =>
      h("li", {}, h("time", { datetime: incident.occurred_from }, clock.dateTime(new Date(incident.occurred_from))), h("span", {}, incident.category)))),
      h("p", { class: "muted small" }, gettext("Reading this list was recorded in the audit trail.")));
  }
}

function reasons(list) {
  if (!list?.length) return h("p", { class: "muted" }, gettext("Nothing sets this cell apart from the average."));
  return h("ul", { class: "reasons" }, ...list.map((reason) =>
    h("li", {}, h("b", { class: reason.factor >= 1 ? "is-up" : "is-down" }, `×${reason.factor.toFixed(reason.factor >= 10 ? 0 : 1)}`), h("span", {}, reason.sentence))));
}
