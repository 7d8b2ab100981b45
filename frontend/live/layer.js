/**
 * The live layer of the map: which picture is shown, the forecast or the present, and what happens when the present is lost.
 * Live is always the slot of this moment: whoever steps to another slot looks at the forecast.
 */
import { h, replace } from "../lib/dom.js";

const FADED = 0.4;
const FALL_BACK_S = 120;

export class LiveLayer {
  /**
   * @param {import("./picture.js").Picture} picture
   * @param {import("../map/view.js").View} view
   * @param {{switcher: HTMLElement, age: HTMLElement, notice: HTMLElement}} places
   * @param {import("../lib/format.js").Clock} clock
   */
  constructor(picture, view, places, clock) {
    Object.assign(this, { picture, view, places, clock });
    this.buttons = [...places.switcher.querySelectorAll("[data-mode]")];
    for (const button of this.buttons) button.addEventListener("click", () => this.choose(button.dataset.mode === "live"));
    picture.addEventListener("age", () => this.show());
    view.on(["live"], () => this.show());
    view.on(["slot"], () => this.#left());
    this.show();
  }

  get isOn() {
    return this.view.state.live === "1" && !this.hasFallenBack;
  }

  /** Whether the live picture stands on the forecast that this page shows. */
  get fits() {
    const run = this.view.start.run;
    return this.picture.run === run.id && this.picture.slot >= 0 && this.picture.slot < run.slot_starts.length;
  }

  /** @param {boolean} live */
  choose(live) {
    this.hasFallenBack = false;
    const slot = live && this.fits ? this.picture.slot : this.view.state.slot;
    this.view.set({ live: live ? "1" : "", slot, tab: live ? "live" : this.view.state.tab });
  }

  /** The bytes to draw; null where the forecast is to be drawn. @param {string} category @returns {Promise<Uint8Array | null>} */
  async bytes(category) {
    if (!this.isOn) return null;
    try {
      const bytes = await this.picture.get(category);
      this.picture.category = category;
      if (!this.fits) return null;
      if (this.view.state.slot !== this.picture.slot) this.view.set({ slot: this.picture.slot }, { quiet: true });
      return bytes;
    } catch {
      return null; // the notice says why
    } finally {
      this.show();
    }
  }

  /** @param {import("../map/hexagons.js").HexagonLayer} hexagons */
  drawOn(hexagons) {
    this.hexagons = hexagons;
    this.show();
  }

  #left() {
    if (this.view.state.live === "1" && this.picture.slot >= 0 && this.view.state.slot !== this.picture.slot) this.view.set({ live: "" }, { quiet: true });
  }

  /** Bring switch, age, notice and fading in line with the state. */
  show() {
    const { state } = this.picture;
    this.#fallBack(state);
    const { isOn } = this;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String((button.dataset.mode === "live") === isOn));
    const { age } = this.places;
    age.hidden = !isOn && !this.hasFallenBack;
    age.dataset.state = state;
    const text = this.#ageText(state);
    if (age.lastElementChild.textContent !== text) age.lastElementChild.textContent = text;
    this.hexagons?.setOpacity(isOn && state === "lost" ? FADED : 1);
    document.documentElement.dataset.live = isOn ? state : "off";
    this.#notice(state);
  }

  #fallBack(state) {
    if (this.view.state.live !== "1") this.hasFallenBack = false;
    else if (state === "lost" && this.#lostFor_s() > FALL_BACK_S) this.#turn(true);
    else if (this.hasFallenBack && state === "on") this.#turn(false);
    if (state !== "lost") this.lostSince = 0;
  }

  #lostFor_s() {
    this.lostSince ||= Date.now();
    return (Date.now() - this.lostSince) / 1000;
  }

  #turn(back) {
    if (this.hasFallenBack === back) return;
    this.hasFallenBack = back;
    queueMicrotask(() => this.picture.dispatchEvent(new Event("reload")));
  }

  #ageText(state) {
    const age = this.picture.age_s;
    if (state === "connecting") return gettext("Connecting …");
    if (state === "off") return gettext("No live picture yet");
    if (state === "on") return interpolate(gettext("%s s ago"), [age < 10 ? age.toFixed(1) : Math.round(age)]);
    if (!Number.isFinite(age)) return gettext("Not connected");
    return interpolate(gettext("as of %s"), [this.clock.time(new Date(Date.now() - age * 1000))]);
  }

  #notice(state) {
    const wanted = this.view.state.live !== "1" ? "" : this.hasFallenBack ? "back" : this.picture.run && !this.fits ? "other" : state === "on" || state === "connecting" ? "" : state;
    if (wanted === this.noticed) return;
    this.noticed = wanted;
    const sentences = {
      back: gettext("The live picture has been lost for two minutes; the map shows the forecast. It turns live again by itself as soon as the line is back."),
      other: gettext("A newer forecast is in force, and the live picture stands on it."),
      off: gettext("Nothing has been joined with the forecast yet: no camera has reported an event. The map shows the forecast."),
      late: gettext("The live picture is late: nothing new has come for some seconds."),
      lost: gettext("The live line is broken. The map keeps the last picture, faded, and tries to connect again."),
    };
    const sentence = sentences[wanted];
    const more = wanted === "other" ? h("a", { class: "button button-small", href: location.pathname + "?live=1" }, gettext("Show the newest"))
      : wanted === "lost" ? h("button", { type: "button", class: "button button-small", onclick: () => this.choose(false) }, gettext("Show the forecast")) : null;
    if (!sentence) return replace(this.places.notice);
    replace(this.places.notice, h("div", { class: `notice live-notice ${wanted === "lost" || wanted === "back" ? "notice-bad" : "notice-warn"}`, role: "status", dataset: { live: wanted } }, h("p", {}, sentence), more));
  }
}
