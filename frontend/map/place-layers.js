/** Layers of uploaded places (bars, lamps, bells …): chosen in a list, drawn from vector tiles of what is open today. */
import { getJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { isDark } from "../lib/theme.js";

// Told apart by colour and by the letter in the list; away from the colours of risk and of the plan.
const COLOURS = {
  light: ["#7a3ea8", "#00756b", "#9a5b00", "#a3215c", "#4d6600", "#00658f"],
  dark: ["#c79bea", "#5fd0c4", "#f0b25c", "#f08bb8", "#b7d166", "#6fc3ee"],
};
const RING = { light: "#ffffff", dark: "#0d151c" };
const layerId = (code) => `place-${code}`;

export class PlaceLayers {
  /**
   * @param {HTMLDetailsElement} root
   * @param {import("./risk-map.js").RiskMap} riskMap
   * @param {import("./view.js").View} view
   */
  constructor(root, riskMap, view) {
    Object.assign(this, { root, riskMap, view, map: riskMap.map });
    view.on(["show"], () => this.#apply());
    riskMap.addEventListener("theme", () => this.#recolour());
  }

  async load() {
    const [layers] = await Promise.all([getJson("/api/v1/place-layers/"), this.riskMap.styleReady]);
    /** @type {{code: string, label: string, places: number, count: number}[]} */
    this.layers = layers;
    this.root.hidden = layers.length === 0;
    this.#draw();
    this.#apply();
  }

  get #shown() {
    return new Set(this.view.state.show.split(",").filter(Boolean));
  }

  #draw() {
    const rows = this.layers.map((layer, index) => {
      const box = h("input", { type: "checkbox", value: layer.code, onchange: () => this.#choose() });
      const mark = h("i", { style: { background: this.#colour(index) }, "aria-hidden": "true" });
      return h("li", {}, h("label", {}, box, mark, h("span", {}, layer.label), h("span", { class: "muted" }, count(layer.count))));
    });
    const note = h("p", { class: "muted small" }, gettext("What is open or in place today."));
    replace(this.root, h("summary", {}, gettext("Places")), h("ul", {}, ...rows), note);
  }

  #choose() {
    const chosen = [...this.root.querySelectorAll("input:checked")].map((box) => box.value);
    this.view.set({ show: chosen.join(",") });
  }

  /** Bring list and map in line with the address. */
  #apply() {
    const shown = this.#shown;
    for (const box of this.root.querySelectorAll("input")) box.checked = shown.has(box.value);
    this.layers?.forEach((layer, index) => {
      const id = layerId(layer.code);
      if (shown.has(layer.code) && !this.map.getLayer(id)) this.#add(layer.code, index);
      if (this.map.getLayer(id)) this.map.setLayoutProperty(id, "visibility", shown.has(layer.code) ? "visible" : "none");
    });
  }

  #add(code, index) {
    const id = layerId(code);
    const tiles = [`${location.origin}/api/v1/place-tiles/${code}/{z}/{x}/{y}.mvt`];
    this.map.addSource(id, { type: "vector", tiles, minzoom: 8, maxzoom: 16 });
    this.map.addLayer({ id, type: "circle", source: id, "source-layer": "places", paint: this.#paint(index) }, "station");
    this.map.on("mousemove", id, (event) => (this.map.getCanvas().title = event.features[0]?.properties.name ?? ""));
    this.map.on("mouseleave", id, () => (this.map.getCanvas().title = ""));
  }

  #paint(index) {
    return {
      "circle-color": this.#colour(index),
      "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 1.4, 14, 3, 17, 6],
      "circle-stroke-color": RING[isDark() ? "dark" : "light"],
      "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 12, 0, 14, 0.8],
      "circle-opacity": 0.9,
    };
  }

  #recolour() {
    this.layers?.forEach((layer, index) => {
      if (!this.map.getLayer(layerId(layer.code))) return;
      for (const [name, value] of Object.entries(this.#paint(index))) this.map.setPaintProperty(layerId(layer.code), name, value);
    });
    if (this.layers) this.#draw();
    this.#apply();
  }

  #colour(index) {
    const colours = COLOURS[isDark() ? "dark" : "light"];
    return colours[index % colours.length];
  }
}
