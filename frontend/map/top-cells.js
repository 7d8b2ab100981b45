/** The cells with the highest rates of the slot, as a list: the map for the keyboard and for reading aloud. */
import { getJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { chance, expected } from "../lib/format.js";
import { rested } from "../lib/rested.js";

export class TopCells {
  /**
   * @param {HTMLElement} root
   * @param {import("./view.js").View} view
   * @param {import("./slots.js").SlotControl} slots
   * @param {(place: [number, number]) => void} show move the map there
   */
  constructor(root, view, slots, show) {
    Object.assign(this, { root, view, slots, show });
    view.on(["tab"], () => this.#load());
    view.on(["slot", "category"], rested(() => this.#load()));
    view.on(["cell"], () => this.#mark());
    this.#load();
  }

  async #load() {
    const { slot, category, tab } = this.view.state;
    const wanted = `${slot}/${category}`;
    if (tab !== "top" || this.shown === wanted) return;
    this.waiting?.abort();
    this.waiting = new AbortController();
    try {
      const query = new URLSearchParams({ slot: String(slot), category, limit: "20" });
      const cells = await getJson(`/api/v1/runs/${this.view.start.run.id}/top-cells/?${query}`, { signal: this.waiting.signal });
      this.shown = wanted;
      this.#draw(cells);
    } catch (error) {
      if (error.name !== "AbortError") replace(this.root, h("div", { class: "notice notice-bad", role: "alert" }, error.message));
    }
  }

  #draw(cells) {
    const highest = cells[0]?.rate || 1;
    const rows = cells.map((cell) =>
      h("tr", { dataset: { cell: cell.cell } },
        h("td", { class: "number muted" }, cell.rank),
        h("th", { scope: "row" },
          h("button", { type: "button", class: "link", onclick: () => this.#choose(cell) }, cell.area || cell.cell),
          h("i", { class: "share-bar", style: { "--share": `${((cell.rate / highest) * 100).toFixed(1)}%` } })),
        h("td", { class: "number" }, h("b", {}, expected(cell.rate)), h("br"), h("span", { class: "muted small" }, chance(cell.rate)))));
    replace(
      this.root,
      h("p", { class: "muted small" }, this.slots.label(this.view.state.slot)),
      h("table", { class: "table table-tight top-cells" },
        h("caption", { class: "visually-hidden" }, gettext("Cells with the most expected incidents in this slot")),
        h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "number" }, gettext("Rank")), h("th", { scope: "col" }, gettext("Place")), h("th", { scope: "col", class: "number" }, gettext("Expected incidents")))),
        h("tbody", {}, ...rows)),
    );
    this.#mark();
  }

  #choose(cell) {
    this.show([cell.longitude, cell.latitude]);
    this.view.set({ cell: cell.cell, tab: "cell" });
  }

  #mark() {
    for (const row of this.root.querySelectorAll("tr[data-cell]")) row.classList.toggle("is-chosen", row.dataset.cell === this.view.state.cell);
  }
}
