/** The alerts that nobody has closed, ranked by the risk of place and hour, each with its masked picture; and their marks on the map. */
import { getJson, postJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { ago } from "../lib/format.js";
import { isDark } from "../lib/theme.js";
import { factorLabel, sure } from "./words.js";

const SHOWN = 12;
const LOAD_EVERY_MS = 2_000;
const AGAIN_S = [1, 3, 10];
const EMPTY = { type: "FeatureCollection", features: [] };
const FONT = ["Noto Sans KR, Noto Sans CJK KR, Apple SD Gothic Neo, Malgun Gothic, sans-serif"];
const MARK = { light: { fill: "#b3261e", ring: "#ffffff", text: "#ffffff" }, dark: { fill: "#ff8f85", ring: "#0d151c", text: "#0d151c" } };

export class Alerts {
  /**
   * @param {HTMLElement} root
   * @param {import("./channel.js").LiveChannel} channel
   * @param {import("../map/risk-map.js").RiskMap} riskMap
   * @param {{show: (place: [number, number], zoom?: number) => void, badge: HTMLElement, categories: {code: string, name: string}[]}} page
   */
  constructor(root, channel, riskMap, page) {
    Object.assign(this, { root, riskMap, page, map: riskMap.map });
    /** @type {Map<number, HTMLElement>} by id, so that a picture is fetched (and its reading recorded) only once */
    this.items = new Map();
    this.known = new Set();
    channel.addEventListener("message:alert", () => this.#soon());
    channel.addEventListener("message:resync", () => this.#soon());
    riskMap.addEventListener("theme", () => this.#paint());
    this.map.on("click", "alert-marks", (event) => this.#clicked(event));
    setInterval(() => this.#ages(), 5_000);
  }

  async load() {
    this.loadedAt = Date.now();
    try {
      const { results, count } = await getJson(`/api/v1/alerts/?state=open&page_size=${SHOWN}`);
      this.#draw(results, count);
    } catch (error) {
      replace(this.root, h("p", { class: "notice notice-bad small", role: "alert" }, error.message));
    }
    await this.#mark();
  }

  /** Bursts of messages ask once. */
  #soon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.load();
    }, Math.max(150, LOAD_EVERY_MS - (Date.now() - (this.loadedAt ?? 0))));
  }

  #draw(alerts, count) {
    this.alerts = alerts;
    this.page.badge.textContent = count ? String(count) : "";
    this.page.badge.hidden = !count;
    if (!alerts.length) {
      this.items.clear();
      return replace(this.root, h("p", { class: "muted live-quiet" }, gettext("Nothing stands out just now. Alerts come here by themselves, the most urgent first.")));
    }
    const focused = document.activeElement?.closest?.("[data-alert]")?.dataset.alert;
    const items = alerts.map((alert, index) => this.#item(alert, index));
    this.items = new Map(alerts.map((alert, index) => [alert.id, items[index]]));
    const list = this.root.querySelector("ol") ?? h("ol", { class: "alerts" });
    list.replaceChildren(...items);
    const more = count > alerts.length && h("p", { class: "muted small" }, interpolate(gettext("%s more of lower rank"), [count - alerts.length]));
    replace(this.root, list, more);
    for (const alert of alerts) this.known.add(alert.id);
    if (focused) this.root.querySelector(`[data-alert="${focused}"] button`)?.focus();
  }

  #item(alert, index) {
    const isNew = alert.state === "new";
    const kept = this.items.get(alert.id);
    const still = kept?.querySelector(".alert-still") ?? picture(alert);
    const category = this.page.categories.find((known) => known.code === alert.category)?.name ?? "";
    const act = (state, isFalse) => () => this.#change(alert, state, isFalse);
    return h("li", { class: `alert${isNew ? " is-new" : ""}${this.known.has(alert.id) ? "" : " is-fresh"}`, dataset: { alert: alert.id } },
      h("button", { type: "button", class: "alert-look", onclick: () => this.page.show([alert.lon, alert.lat], 16.5), "aria-label": interpolate(gettext("Show %s on the map"), [alert.camera_name]) }, still, h("span", { class: "alert-rank" }, index + 1)),
      h("div", { class: "alert-text" },
        h("p", { class: "alert-head" }, h("b", {}, alert.label ?? factorLabel(alert.factor)), category && h("span", { class: "badge" }, category), h("time", { class: "muted small", datetime: alert.at }, ago(alert.at))),
        h("p", { class: "small alert-why" }, alert.sentence),
        h("p", { class: "muted small" }, h("a", { href: `/cameras/${alert.camera_id}/` }, alert.camera_name), ` · ${sure(alert.confidence)}`, alert.count > 1 && ` · ${interpolate(ngettext("%s event", "%s events", alert.count), [alert.count])}`),
        h("div", { class: "alert-acts" },
          isNew && h("button", { type: "button", class: "button button-small", onclick: act("seen") }, gettext("Seen")),
          h("button", { type: "button", class: "button button-small button-quiet", onclick: act("closed", false) }, gettext("Close")),
          h("button", { type: "button", class: "button button-small button-quiet", onclick: act("closed", true) }, gettext("False alarm")))));
  }

  async #change(alert, state, isFalse) {
    try {
      await postJson(`/api/v1/alerts/${alert.id}/`, isFalse === undefined ? { state } : { state, is_false: isFalse });
      await this.load();
    } catch (error) {
      this.items.get(alert.id)?.querySelector(".alert-why")?.replaceChildren(h("span", { class: "error", role: "alert" }, error.message));
    }
  }

  #ages() {
    for (const time of this.root.querySelectorAll("time")) time.textContent = ago(time.dateTime);
  }

  // --- on the map ---------------------------------------------------------------------------------
  /** Only while the live picture is shown. @param {boolean} visible */
  show(visible) {
    this.visible = visible;
    this.#mark();
  }

  async #mark() {
    await this.riskMap.styleReady;
    if (!this.map.getSource("alerts")) this.#addLayers();
    const shown = this.visible === false ? [] : this.alerts ?? [];
    const features = shown.map((alert, index) => ({
      type: "Feature",
      properties: { id: alert.id, rank: String(index + 1), isNew: alert.state === "new" },
      geometry: { type: "Point", coordinates: [alert.lon, alert.lat] },
    }));
    this.map.getSource("alerts").setData(features.length ? { type: "FeatureCollection", features } : EMPTY);
  }

  #addLayers() {
    const c = MARK[isDark() ? "dark" : "light"];
    this.map.addSource("alerts", { type: "geojson", data: EMPTY });
    this.map.addLayer({ id: "alert-halo", type: "circle", source: "alerts", filter: ["get", "isNew"], paint: { "circle-radius": 17, "circle-color": c.fill, "circle-opacity": 0.22 } });
    this.map.addLayer({ id: "alert-marks", type: "circle", source: "alerts", paint: { "circle-radius": 10, "circle-color": c.fill, "circle-stroke-color": c.ring, "circle-stroke-width": 2 } });
    this.map.addLayer({ id: "alert-ranks", type: "symbol", source: "alerts", layout: { "text-field": ["get", "rank"], "text-font": FONT, "text-size": 12, "text-allow-overlap": true, "text-ignore-placement": true }, paint: { "text-color": c.text } });
  }

  #paint() {
    if (!this.map.getLayer("alert-marks")) return;
    const c = MARK[isDark() ? "dark" : "light"];
    this.map.setPaintProperty("alert-halo", "circle-color", c.fill);
    this.map.setPaintProperty("alert-marks", "circle-color", c.fill);
    this.map.setPaintProperty("alert-marks", "circle-stroke-color", c.ring);
    this.map.setPaintProperty("alert-ranks", "text-color", c.text);
  }

  #clicked(event) {
    event.preventDefault();
    const id = event.features[0]?.properties.id;
    this.riskMap.view.set({ tab: "live" });
    const item = this.items.get(Number(id));
    item?.scrollIntoView({ block: "nearest" });
    item?.querySelector("button")?.focus();
  }
}

/** The masked picture; each look is recorded by the server. */
function picture(alert) {
  if (!alert.thumbnail) return h("span", { class: "alert-still is-none" }, gettext("no picture"));
  const image = h("img", { class: "alert-still", src: alert.thumbnail, alt: gettext("Masked picture"), loading: "lazy", width: "112", height: "84" });
  let tries = 0;
  image.addEventListener("error", () => {
    tries += 1; // an alert may be quicker than the writer that stores its picture
    if (tries <= AGAIN_S.length) setTimeout(() => (image.src = `${alert.thumbnail}?${tries}`), AGAIN_S[tries - 1] * 1000);
    else image.replaceWith(h("span", { class: "alert-still is-none" }, gettext("no picture")));
  });
  return image;
}
