/** Pairs of points, one on the picture and one on the map; the error of each in metres; a grid of the ground drawn back. */
import { sendJson } from "../lib/api.js";
import { h, replace, s } from "../lib/dom.js";
import { isDark } from "../lib/theme.js";
import { apply, fit, inverse, metresFrom, placeAt, side } from "./homography.js";

const MOST = 20;
const GRID_M = 5;
const REACH_M = 60;
const GOOD_M = 1;

/** @typedef {{point: [number, number] | null, place: [number, number] | null, error?: number}} Pair */

export class Fitting {
  /**
   * @param {{camera: object, points: [number, number][], places: [number, number][], save: string}} start
   * @param {{overlay: SVGElement, list: HTMLElement, summary: HTMLElement, hint: HTMLElement, save: HTMLButtonElement, clear: HTMLButtonElement}} parts
   * @param {import("maplibre-gl").Map} map
   * @param {Promise<void>} ready
   */
  constructor(start, parts, map, ready) {
    Object.assign(this, { start, parts, map });
    this.origin = [start.camera.longitude, start.camera.latitude];
    /** @type {Pair[]} */
    this.pairs = start.points.map((point, at) => ({ point, place: start.places[at] }));
    parts.save.addEventListener("click", () => this.#save());
    parts.clear.addEventListener("click", () => this.#set([]));
    ready.then(() => this.#furnish());
    this.#show();
  }

  /** @param {[number, number]} point fractions of the picture */
  clickPicture(point) {
    this.#put("point", point);
  }

  /** @param {[number, number]} place lon, lat */
  clickMap(place) {
    this.#put("place", place);
  }

  /** A click completes the pair that waits for it, moves the half that waits for the other, or begins a new pair. */
  #put(half, value) {
    const last = this.pairs.at(-1);
    if (last && (!last.point || !last.place)) last[half] = value;
    else if (this.pairs.length < MOST) this.pairs.push({ point: null, place: null, [half]: value });
    this.isSaved = false;
    this.#show();
  }

  #set(pairs) {
    this.pairs = pairs;
    this.isSaved = false;
    this.#show();
  }

  get #whole() {
    return this.pairs.filter((pair) => pair.point && pair.place);
  }

  #show() {
    const whole = this.#whole;
    const metres = whole.map((pair) => metresFrom(this.origin, pair.place));
    this.matrix = fit(whole.map((pair) => pair.point), metres);
    for (const [at, pair] of whole.entries()) {
      const found = this.matrix && apply(this.matrix, pair.point);
      pair.error = found ? Math.hypot(found[0] - metres[at][0], found[1] - metres[at][1]) : undefined;
    }
    const squares = whole.map((pair) => pair.error ** 2);
    this.error = this.matrix ? Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / squares.length) : undefined;
    this.#overlay();
    this.#onMap();
    this.#list();
    this.#summary(whole.length);
  }

  #summary(count) {
    const { summary, save, clear, hint } = this.parts;
    const last = this.pairs.at(-1);
    save.disabled = count < 4 || !this.matrix;
    clear.disabled = !this.pairs.length;
    hint.textContent = last && !last.place ? gettext("Now click the same spot on the map.") : last && !last.point ? gettext("Now click the same spot on the still.")
      : count < 4 ? interpolate(ngettext("Click a spot on the ground in the still that you also find on the map. %s more is needed.", "Click a spot on the ground in the still that you also find on the map. %s more are needed.", 4 - count), [4 - count])
      : gettext("More points make it surer: spread them over the whole ground, near and far.");
    if (this.error === undefined) return replace(summary, h("p", { class: "muted" }, gettext("The error shows from four pairs on.")));
    const isGood = this.error <= GOOD_M;
    const words = count === 4 ? gettext("Four points always fit exactly; a fifth tells how well.") : isGood ? gettext("Good enough to measure people's ways.") : gettext("Look at the pair with the largest error first, or choose spots that are easier to find.");
    replace(summary, h("p", { class: "fit-error" }, h("b", { class: isGood ? "is-good" : "is-bad", dataset: { error: this.error.toFixed(3) } }, `${this.error.toFixed(2)} m`), h("span", {}, gettext("error on the ground (root mean square)"))), h("p", { class: "muted small" }, words),
      this.said && h("p", { class: this.said.isBad ? "notice notice-bad small" : "notice notice-good small", role: "status" }, this.said.text));
  }

  #list() {
    const rows = this.pairs.map((pair, at) => h("li", {},
      h("b", { class: "pair-number" }, at + 1),
      h("span", { class: "small" }, pair.point ? `${(pair.point[0] * 100).toFixed(1)} %, ${(pair.point[1] * 100).toFixed(1)} %` : gettext("still: …")),
      h("span", { class: "small" }, pair.place ? `${pair.place[1].toFixed(6)}, ${pair.place[0].toFixed(6)}` : gettext("map: …")),
      h("span", { class: `number${pair.error > GOOD_M ? " is-bad" : ""}` }, pair.error === undefined ? "" : `${pair.error.toFixed(2)} m`),
      h("button", { type: "button", class: "button button-small button-quiet", "aria-label": interpolate(gettext("Remove pair %s"), [at + 1]), onclick: () => this.#set(this.pairs.filter((_, other) => other !== at)) }, "×")));
    replace(this.parts.list, ...rows);
  }

  #overlay() {
    const grid = this.matrix ? this.#grid().map((line) => s("polyline", { class: "ground-grid", points: line.map(([x, y]) => `${(x * 100).toFixed(3)},${(y * 100).toFixed(3)}`).join(" ") })) : [];
    const marks = this.pairs.flatMap((pair, at) => (pair.point ? [this.#mark(pair.point, at + 1)] : []));
    replace(this.parts.overlay, ...grid);
    replace(this.parts.overlay.nextElementSibling, ...marks);
  }

  /** Marks are elements of the page and no part of the drawing, which is stretched with the picture. */
  #mark([x, y], number) {
    return h("span", { class: "still-mark", style: { left: `${x * 100}%`, top: `${y * 100}%` } }, number);
  }

  /** Lines of the ground every 5 m round the pairs, as points of the picture; only what lies before the camera. */
  #grid() {
    const back = inverse(this.matrix);
    const whole = this.#whole;
    if (!back || !whole.length) return [];
    const front = side(this.matrix, whole[0].point);
    const centre = whole.map((pair) => metresFrom(this.origin, pair.place)).reduce(([a, b], [x, y]) => [a + x / whole.length, b + y / whole.length], [0, 0]).map((value) => Math.round(value / GRID_M) * GRID_M);
    const lines = [];
    for (let across = -REACH_M; across <= REACH_M; across += GRID_M) {
      for (const turned of [false, true]) {
        let line = [];
        for (let along = -REACH_M; along <= REACH_M; along += 1) {
          const ground = turned ? [centre[0] + along, centre[1] + across] : [centre[0] + across, centre[1] + along];
          const point = apply(back, ground);
          const isSeen = point && side(this.matrix, point) === front && point[0] > -0.2 && point[0] < 1.2 && point[1] > -0.2 && point[1] < 1.2;
          if (isSeen) line.push(point);
          else if (line.length) {
            if (line.length > 1) lines.push(line);
            line = [];
          }
        }
        if (line.length > 1) lines.push(line);
      }
    }
    return lines;
  }

  // --- on the map ---------------------------------------------------------------------------------
  #furnish() {
    const colour = () => (isDark() ? "#ffb27d" : "#b0441f");
    this.map.addSource("pairs", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
    this.map.addLayer({ id: "pair-errors", type: "line", source: "pairs", filter: ["==", ["geometry-type"], "LineString"], paint: { "line-color": colour(), "line-width": 2 } });
    this.map.addLayer({ id: "pairs", type: "circle", source: "pairs", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 9, "circle-color": colour(), "circle-stroke-color": "#fff", "circle-stroke-width": 2 } });
    this.map.addLayer({ id: "pair-numbers", type: "symbol", source: "pairs", filter: ["==", ["geometry-type"], "Point"], layout: { "text-field": ["get", "number"], "text-font": ["Noto Sans KR, Noto Sans CJK KR, sans-serif"], "text-size": 11, "text-allow-overlap": true, "text-ignore-placement": true }, paint: { "text-color": "#fff" } });
    this.isFurnished = true;
    this.#onMap();
  }

  #onMap() {
    if (!this.isFurnished) return;
    const features = this.pairs.flatMap((pair, at) => {
      if (!pair.place) return [];
      const point = { type: "Feature", properties: { number: String(at + 1) }, geometry: { type: "Point", coordinates: pair.place } };
      const found = this.matrix && pair.point && apply(this.matrix, pair.point);
      if (!found) return [point];
      return [point, { type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: [pair.place, placeAt(this.origin, found)] } }];
    });
    this.map.getSource("pairs").setData({ type: "FeatureCollection", features });
  }

  async #save() {
    const points = this.#whole.map((pair) => pair.point);
    const places = this.#whole.map((pair) => pair.place);
    this.parts.save.disabled = true;
    try {
      const answer = await sendJson("PATCH", this.start.save, { calibration: { points, places } });
      this.isSaved = true;
      this.said = { text: interpolate(gettext("Saved. The server fits with an error of %s m; the camera worker takes it up within seconds."), [answer.calibration.error_m.toFixed(2)]) };
    } catch (error) {
      this.said = { isBad: true, text: error.message };
    }
    this.#summary(points.length);
    this.said = null;
    this.parts.save.disabled = false;
  }
}
