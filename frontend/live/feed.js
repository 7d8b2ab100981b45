/** What the cameras report just now, newest first: a sample where they report more than a person can read. */
import { getJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { factorKind, factorLabel, sure, valueText } from "./words.js";

const ROWS = 40;

export class Feed {
  /**
   * @param {HTMLElement} root
   * @param {import("./channel.js").LiveChannel} channel
   * @param {import("../lib/format.js").Clock} clock
   */
  constructor(root, channel, clock) {
    Object.assign(this, { root, clock });
    this.waiting = [];
    this.list = h("ol", { class: "feed", tabindex: "0", "aria-label": gettext("Events, newest first") });
    this.held = h("p", { class: "muted small feed-held", hidden: true }, gettext("Held while the pointer is on the list"));
    channel.addEventListener("message:event", (event) => this.#take(event.detail.event));
    channel.addEventListener("message:resync", () => this.load());
    for (const [enter, leave] of [["pointerenter", "pointerleave"], ["focusin", "focusout"]]) {
      this.list.addEventListener(enter, () => this.#hold(true));
      this.list.addEventListener(leave, () => this.#hold(false));
    }
  }

  async load() {
    try {
      const { results } = await getJson(`/api/v1/live/events/?limit=${ROWS}`);
      this.list.replaceChildren(...results.map((event) => this.#row(event)));
      replace(this.root, this.list, this.held);
      this.#empty();
    } catch (error) {
      replace(this.root, h("p", { class: "notice small" }, error.message));
    }
  }

  #take(event) {
    this.waiting.unshift(event);
    this.waiting.length = Math.min(this.waiting.length, ROWS);
    if (!this.isHeld) this.frame ??= setTimeout(() => this.#draw(), 250); // four times a second is as much as an eye follows
  }

  #hold(isHeld) {
    this.isHeld = isHeld;
    this.held.hidden = !isHeld;
    if (!isHeld) this.#draw();
  }

  #draw() {
    this.frame = null;
    if (!this.list.isConnected) replace(this.root, this.list, this.held);
    this.list.querySelector(".feed-none")?.remove();
    this.list.prepend(...this.waiting.map((event) => this.#row(event)));
    this.waiting = [];
    while (this.list.childElementCount > ROWS) this.list.lastElementChild.remove();
  }

  #empty() {
    if (!this.list.childElementCount) this.list.append(h("li", { class: "muted feed-none" }, gettext("No camera has reported anything in the last minutes.")));
  }

  #row(event) {
    const value = valueText(event.factor, event.value);
    return h("li", { class: `feed-row is-${factorKind(event.factor)}`, dataset: { event: event.id } },
      h("time", { datetime: event.at, class: "muted" }, this.clock.time(new Date(event.at))),
      h("span", { class: "feed-what" }, h("b", {}, event.label ?? factorLabel(event.factor)), value && h("span", { class: "muted" }, ` ${value}`)),
      h("a", { href: `/cameras/${event.camera_id}/`, class: "feed-where" }, event.camera_name),
      h("i", { class: "feed-sure", style: { "--share": `${Math.round(event.confidence * 100)}%` }, title: sure(event.confidence) }));
  }
}
