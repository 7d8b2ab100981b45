/** The slot control: a week of shifts as bars, a slider under them, previous, next and play. */
import { h, replace } from "../lib/dom.js";
import { expected } from "../lib/format.js";

const PLAY_MS = 900;

export class SlotControl {
  /**
   * @param {HTMLElement} root
   * @param {import("./view.js").View} view
   * @param {import("../lib/format.js").Clock} clock
   */
  constructor(root, view, clock) {
    Object.assign(this, { root, view, clock });
    this.run = view.start.run;
    this.starts = this.run.slot_starts.map((start) => new Date(start));
    this.slider = root.querySelector("[data-slider]");
    this.slider.max = String(this.starts.length - 1);
    this.slider.addEventListener("input", () => this.#go(Number(this.slider.value), { quiet: true }));
    this.slider.addEventListener("change", () => this.#go(Number(this.slider.value)));
    root.querySelector("[data-previous]").addEventListener("click", () => this.#go(this.view.state.slot - 1));
    root.querySelector("[data-next]").addEventListener("click", () => this.#go(this.view.state.slot + 1));
    this.play = root.querySelector("[data-play]");
    this.play.addEventListener("click", () => (this.timer ? this.#stop() : this.#start()));
    view.on(["slot", "category"], (_, changed) => this.#show(changed.has("category")));
    this.#show(true);
  }

  /** @param {number} slot @returns {Date} */
  end(slot) {
    return this.starts[slot + 1] ?? new Date(this.run.horizon_end);
  }

  /** @param {number} slot @returns {string} */
  label(slot) {
    return this.clock.slot(this.starts[slot], this.end(slot));
  }

  /** Expected incidents in the jurisdiction. @param {number} slot @param {string} category @returns {number} */
  total(slot, category) {
    const position = this.view.start.categories.findIndex((known) => known.code === category);
    const totals = this.run.totals[slot];
    return position >= 0 ? totals[position] : totals.reduce((sum, value) => sum + value, 0);
  }

  #go(slot, options) {
    if (slot >= 0 && slot < this.starts.length) this.view.set({ slot }, options);
  }

  #start() {
    const last = this.starts.length - 1;
    if (this.view.state.slot === last) this.#go(0, { quiet: true });
    this.timer = setInterval(() => (this.view.state.slot === last ? this.#stop() : this.#go(this.view.state.slot + 1, { quiet: true })), PLAY_MS);
    this.#labelPlay();
  }

  #stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.#labelPlay();
  }

  #labelPlay() {
    this.play.setAttribute("aria-pressed", String(Boolean(this.timer)));
    this.play.setAttribute("aria-label", this.timer ? gettext("Stop") : gettext("Play the week"));
  }

  /** @param {boolean} withBars whether the bars' heights have changed too */
  #show(withBars) {
    const { slot, category } = this.view.state;
    const total = this.total(slot, category);
    const text = this.label(slot);
    this.slider.value = String(slot);
    this.slider.setAttribute("aria-valuetext", text);
    this.root.querySelector("[data-label]").textContent = text;
    this.root.querySelector("[data-day]").textContent = this.clock.day.format(this.starts[slot]);
    this.root.querySelector("[data-hours]").textContent = this.clock.hours(this.starts[slot], this.end(slot));
    this.root.querySelector("[data-total]").textContent = expected(total);
    this.root.querySelector("[data-previous]").disabled = slot === 0;
    this.root.querySelector("[data-next]").disabled = slot === this.starts.length - 1;
    this.#labelPlay();
    if (withBars) this.#bars(category);
    for (const [index, bar] of this.root.querySelectorAll(".slot-bar").entries()) bar.classList.toggle("is-chosen", index === slot);
    clearTimeout(this.saying);
    this.saying = setTimeout(() => this.#say(text, total), 400);
  }

  /** For screen readers, once the slider rests. */
  #say(text, total) {
    const sentence = gettext("%(slot)s: %(total)s incidents expected in the whole jurisdiction.");
    this.root.querySelector("[data-say]").textContent = interpolate(sentence, { slot: text, total: expected(total) }, true);
  }

  #bars(category) {
    const totals = this.starts.map((_, index) => this.total(index, category));
    const highest = Math.max(...totals, 1e-9);
    const now = Date.now();
    const days = [];
    for (const [index, start] of this.starts.entries()) {
      const key = this.clock.dayKey.format(start);
      if (days.at(-1)?.key !== key) days.push({ key, start, bars: [] });
      const isNow = start <= now && now < this.end(index);
      days.at(-1).bars.push(
        h("button", {
          type: "button",
          tabindex: "-1",
          class: isNow ? "slot-bar is-now" : "slot-bar",
          title: `${this.label(index)} · ${expected(totals[index])}`,
          style: { "--height": `${Math.round((totals[index] / highest) * 100)}%` },
          onclick: () => this.#go(index),
        }),
      );
    }
    const columns = days.map(({ start, bars }) =>
      h("div", { class: "slot-day", style: { "flex-grow": String(bars.length) } }, h("div", { class: "slot-bars" }, ...bars),
        h("span", { class: bars.length > 1 ? "" : "is-narrow" }, bars.length > 1 ? `${this.clock.weekdayFormat.format(start)} ${this.clock.shortDay.format(start)}` : "")),
    );
    replace(this.root.querySelector("[data-bars]"), ...columns);
  }
}
