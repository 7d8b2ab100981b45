/**
 * The view: place, slot, category, run, cell, camera, tab and the layers of places that are shown. The address holds all of it, so that going back, sharing
 * and the audit trail mean the same string. Everything on the page listens to `change` and never to another part.
 */

/** @typedef {{at: string, slot: number, category: string, cell: string, camera: string, tab: string, show: string, live: string}} State live: "1" or blank */

const TABS = ["live", "cell", "top", "watch"];

export class View extends EventTarget {
  /** @param {import("./types.js").Start} start */
  constructor(start) {
    super();
    this.start = start;
    /** @type {State} */
    this.state = this.#read();
    addEventListener("popstate", () => this.#adopt(this.#read()));
  }

  /**
   * @param {Partial<State>} patch
   * @param {{quiet?: boolean}} [options] quiet: replace the address instead of adding a step to go back to
   */
  set(patch, { quiet = false } = {}) {
    const next = { ...this.state, ...patch };
    if (Object.keys(patch).every((key) => next[key] === this.state[key])) return;
    this.#adopt(next);
    const address = this.#address();
    if (quiet) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
  }

  /** @param {(state: State, changed: Set<string>) => void} listener @param {string[]} keys */
  on(keys, listener) {
    this.addEventListener("change", (event) => {
      if (keys.some((key) => event.detail.has(key))) listener(this.state, event.detail);
    });
  }

  /** @returns {[number, number, number] | null} longitude, latitude, zoom */
  get place() {
    const numbers = this.state.at.split(",").map(Number);
    return numbers.length === 3 && numbers.every(Number.isFinite) ? /** @type {any} */ (numbers) : null;
  }

  #adopt(next) {
    const changed = new Set(Object.keys(next).filter((key) => next[key] !== this.state[key]));
    this.state = next;
    if (changed.size) this.dispatchEvent(new CustomEvent("change", { detail: changed }));
  }

  /** @returns {State} */
  #read() {
    const query = new URLSearchParams(location.search);
    const category = query.get("category") ?? "";
    const tab = query.get("tab") ?? "";
    // The map opens on the present, unless the address names a moment or a forecast.
    const live = this.start.hasLive && this.start.run && (query.get("live") === "1" || !["slot", "run", "live"].some((name) => query.has(name))) ? "1" : "";
    return {
      live,
      at: query.get("at") ?? "",
      slot: this.#slotIndex(query.get("slot")),
      category: this.start.categories.some((known) => known.code === category) ? category : "",
      cell: /^[0-9a-f]{15}$/.test(query.get("cell") ?? "") ? query.get("cell") : "",
      camera: /^\d+$/.test(query.get("camera") ?? "") ? query.get("camera") : "",
      show: /^[\w-]+(,[\w-]+)*$/.test(query.get("show") ?? "") ? query.get("show") : "",
      tab: TABS.includes(tab) && (tab !== "live" || this.start.hasLive) ? tab : query.get("camera") ? "watch" : query.get("cell") ? "cell" : live ? "live" : "top",
    };
  }

  /** The slot is written as its start, which stays true whatever the run; without one, the slot of this moment. */
  #slotIndex(text) {
    const starts = (this.start.run?.slot_starts ?? []).map((start) => Date.parse(start));
    const wanted = text ? Date.parse(text) : NaN;
    const named = starts.indexOf(wanted);
    if (named >= 0) return named;
    const begun = starts.filter((start) => start <= Date.now()).length - 1;
    const isOver = this.start.run && Date.parse(this.start.run.horizon_end) <= Date.now();
    return isOver ? 0 : Math.max(0, begun);
  }

  #address() {
    const { at, slot, category, cell, camera, tab, show, live } = this.state;
    const run = this.start.run;
    const parts = { run: run?.id, slot: run?.slot_starts[slot].replace(/:00(\.0+)?Z$/, "Z"), category, at, cell, camera, tab, show, live };
    const filled = Object.entries(parts).filter(([, value]) => value);
    return `${location.pathname}?${filled.map(([key, value]) => `${key}=${value}`).join("&")}`;
  }
}
