/** The watch list of the chosen slot, linked both ways with the cameras on the map; making and publishing plans. */
import { getJson, postJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { count, expected, percent } from "../lib/format.js";
import { rested } from "../lib/rested.js";
import { confirm } from "./confirm.js";

const SHOWN_FIRST = 10;

export class WatchList {
  /**
   * @param {HTMLElement} root
   * @param {import("./view.js").View} view
   * @param {import("./slots.js").SlotControl} slots
   * @param {import("./cameras.js").Cameras} cameras
   */
  constructor(root, view, slots, cameras) {
    Object.assign(this, { root, view, slots, cameras });
    this.open = new Set();
    view.on(["slot", "category"], rested(() => this.load()));
    view.on(["camera", "tab"], () => this.#markCamera());
  }

  /** @param {number} cameraCount cameras known on the map */
  setCameraCount(cameraCount) {
    this.cameraCount = cameraCount;
    return this.load();
  }

  may(act) {
    return this.view.start.allowed.includes(act);
  }

  get slotStart() {
    return this.view.start.run.slot_starts[this.view.state.slot];
  }

  async load() {
    this.waiting?.abort();
    this.waiting = new AbortController();
    const { signal } = this.waiting;
    const query = new URLSearchParams({ slot_start: this.slotStart, category: this.view.state.category });
    try {
      const answer = await getJson(`/api/v1/watch-plans/?${query}`, { signal });
      const plans = answer.results ?? answer;
      const best = plans.find((plan) => plan.state === "published") ?? plans.find((plan) => plan.state === "draft");
      this.#draw(best ? await getJson(`/api/v1/watch-plans/${best.id}/`, { signal }) : null);
    } catch (error) {
      if (error.name === "AbortError") return;
      replace(this.root, h("div", { class: "notice notice-bad", role: "alert" }, error.message));
    }
  }

  #draw(plan) {
    this.plan = plan;
    this.cameras.showPlan(plan?.items ?? []);
    if (!this.cameraCount) return replace(this.root, noCameras());
    const parts = plan ? [this.#head(plan), ...this.#operators(plan)] : [this.#noPlan()];
    replace(this.root, h("p", { class: "muted small" }, this.slots.label(this.view.state.slot)), ...parts, this.may("make_plan") && this.#form(plan));
    this.#markCamera();
  }

  #noPlan() {
    const next = this.may("make_plan")
      ? gettext("Choose how many operators and cameras there are, and make one.")
      : gettext("An operator or analyst of your centre can make one.");
    return h("div", { class: "empty" }, h("h3", {}, gettext("No plan for this slot yet")), h("p", {}, next));
  }

  #head(plan) {
    const share = plan.expected_incidents > 0 ? plan.expected_captured / plan.expected_incidents : 0;
    const byCount = plan.expected_incidents > 0 ? plan.expected_by_count / plan.expected_incidents : 0;
    const badge = plan.state === "published" ? h("span", { class: "badge badge-good" }, gettext("in force")) : h("span", { class: "badge badge-warn" }, gettext("draft"));
    const headline = interpolate(gettext("%(cameras)s cameras in view of %(share)s of the expected incidents"), { cameras: count(plan.items.length), share: percent(share, 1) }, true);
    const compared = interpolate(gettext("chosen by past counts alone: %s"), [percent(byCount, 1)]);
    const sums = interpolate(gettext("%(captured)s of %(all)s expected incidents; chosen from %(from)s working cameras"), { captured: expected(plan.expected_captured), all: expected(plan.expected_incidents), from: count(plan.camera_count) }, true);
    return h("header", { class: "plan-head" }, badge, h("h2", {}, headline), h("p", {}, compared),
      h("div", { class: "plan-bars", "aria-hidden": "true" }, h("i", { style: { "--share": `${share * 100}%` } }), h("i", { class: "is-count", style: { "--share": `${byCount * 100}%` } })),
      h("p", { class: "muted small" }, sums),
      plan.cameras_simulated > 0 && h("p", { class: "small" }, h("span", { class: "badge badge-warn" }, gettext("Simulated cameras")), " ", gettext("Their places were drawn by the simulation, not taken from a register.")),
      h("div", { class: "row" },
        plan.state === "draft" && this.may("publish_plan") && h("button", { type: "button", class: "button button-primary button-small", onclick: () => this.#publish() }, gettext("Publish")),
        h("a", { class: "button button-small", href: `/api/v1/watch-plans/${plan.id}/watch-list.csv`, download: "" }, gettext("Download as CSV"))),
      h("div", { role: "status", "data-said": true }));
  }

  #operators(plan) {
    const seats = new Map();
    for (const item of plan.items) seats.set(item.operator, [...(seats.get(item.operator) ?? []), item]);
    return [...seats.entries()].sort(([a], [b]) => a - b).map(([seat, items]) => {
      const captured = items.reduce((sum, item) => sum + item.expected_captured, 0);
      const isOpen = this.open.has(seat);
      const title = interpolate(gettext("Operator %s"), [seat]);
      const sum = interpolate(gettext("%(cameras)s cameras · %(captured)s expected"), { cameras: items.length, captured: expected(captured) }, true);
      const shown = isOpen ? items : items.slice(0, SHOWN_FIRST);
      const list = h("ol", { class: "watch-items" }, ...shown.map((item) => this.#item(item)));
      const more = items.length > shown.length && h("button", { type: "button", class: "button button-quiet button-small", onclick: () => this.#unfold(seat) }, interpolate(gettext("%s more"), [items.length - shown.length]));
      return h("section", { class: "seat" }, h("h3", {}, title, h("span", { class: "muted small" }, sum)), list, more);
    });
  }

  #unfold(seat) {
    this.open.add(seat);
    const top = this.root.closest("[role=tabpanel]").scrollTop;
    this.#draw(this.plan);
    this.root.closest("[role=tabpanel]").scrollTop = top;
  }

  #item(item) {
    const { camera } = item;
    const point = () => this.cameras.pointAt(camera.id);
    const leave = () => this.cameras.pointAt(null);
    const choose = () => {
      this.cameras.flyTo(camera.id);
      this.view.set({ camera: String(camera.id) });
    };
    const isChosen = this.view.state.camera === String(camera.id);
    return h("li", { dataset: { camera: camera.id } },
      h("button", { type: "button", class: "watch-item", "aria-pressed": String(isChosen), onmouseenter: point, onmouseleave: leave, onfocus: point, onblur: leave, onclick: choose },
        h("span", { class: "rank" }, item.rank),
        h("span", { class: "what" }, h("b", {}, camera.name), h("span", { class: "muted small" }, item.reason?.sentence ?? "")),
        h("span", { class: "number" }, expected(item.expected_captured))));
  }

  /** A camera chosen on the map is brought into sight in the list. */
  #markCamera() {
    const { camera, tab } = this.view.state;
    const item = this.plan?.items.find((known) => String(known.camera.id) === camera);
    if (item && !this.root.querySelector(`[data-camera="${camera}"]`)) {
      this.open.add(item.operator);
      return this.#draw(this.plan);
    }
    for (const button of this.root.querySelectorAll(".watch-item")) button.setAttribute("aria-pressed", String(button.parentElement.dataset.camera === camera));
    this.#sayUnplanned(camera && !item);
    if (item && tab === "watch") this.root.querySelector(`[data-camera="${camera}"]`)?.scrollIntoView({ block: "nearest" });
  }

  #sayUnplanned(isUnplanned) {
    const place = this.root.querySelector("[data-said]");
    const known = this.cameras.known.get(Number(this.view.state.camera));
    if (place && isUnplanned && known) place.textContent = interpolate(gettext("%s is not in this plan."), [known.name]);
    else if (place) place.textContent = "";
  }

  #form(plan) {
    const { operators, cameras_per_operator: each } = plan ?? this.view.start.jurisdiction;
    const number = (name, value, max) => h("input", { name, type: "number", min: "1", max: String(max), value: String(value), required: true, inputmode: "numeric" });
    const form = h("form", { class: "plan-form", onsubmit: (event) => this.#make(event) },
      h("h3", {}, plan ? gettext("Make another plan") : gettext("Make a plan")),
      h("div", { class: "row" },
        h("label", { class: "field" }, h("span", { class: "label" }, gettext("Operators")), number("operators", operators, 500)),
        h("label", { class: "field" }, h("span", { class: "label" }, gettext("Cameras each")), number("cameras_per_operator", each, 200)),
        h("button", { class: `button ${plan ? "" : "button-primary"}` }, gettext("Make a plan"))),
      h("p", { class: "error small", role: "alert" }));
    return form;
  }

  async #make(event) {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const plan = await postJson("/api/v1/watch-plans/", {
        slot_start: this.slotStart,
        operators: Number(form.elements.operators.value),
        cameras_per_operator: Number(form.elements.cameras_per_operator.value),
        category: this.view.state.category,
      });
      this.#draw(plan);
    } catch (error) {
      form.querySelector("[role=alert]").textContent = error.message;
      button.disabled = false;
    }
  }

  async #publish() {
    const sentence = gettext("Publish the plan for %(slot)s? Operators will work by it; the plan in force before is replaced. Your name is recorded.");
    const agreed = await confirm(gettext("Publish the plan"), interpolate(sentence, { slot: this.slots.label(this.view.state.slot) }, true), gettext("Publish"));
    if (!agreed) return;
    try {
      this.#draw(await postJson(`/api/v1/watch-plans/${this.plan.id}/publish/`));
    } catch (error) {
      this.root.querySelector("[data-said]").textContent = error.message;
    }
  }
}

function noCameras() {
  return h("div", { class: "empty" }, h("h3", {}, gettext("No cameras are registered")),
    h("p", {}, gettext("A watch plan needs to know where the cameras stand and what they see. Ask an administrator to register them.")));
}
