/** The cameras on the map: points, the views of those in the plan, and the one that is chosen or pointed at. */
import { getJson } from "../lib/api.js";
import { isDark } from "../lib/theme.js";

const EMPTY = { type: "FeatureCollection", features: [] };
const EARTH_M_PER_DEG = 111_320;
const HIT_PX = 7;
const FAR_ZOOM = 13.5;
const COLOURS = {
  light: { plain: "#5d7488", planned: "#1d5fc4", ring: "#ffffff", broken: "#b9c3cc", view: "#1d5fc4" },
  dark: { plain: "#8ba0b2", planned: "#7fb2ff", ring: "#0d151c", broken: "#45535f", view: "#7fb2ff" },
};

export class Cameras {
  /**
   * @param {import("./risk-map.js").RiskMap} riskMap
   * @param {import("./view.js").View} view
   */
  constructor(riskMap, view) {
    this.map = riskMap.map;
    this.riskMap = riskMap;
    this.view = view;
    /** @type {Map<number, {longitude: number, latitude: number, bearing_deg: number | null, angle_deg: number, range_m: number}>} */
    this.known = new Map();
    this.planned = new Map();
    view.on(["camera"], () => this.#mark());
    view.on(["tab"], () => this.#thin());
    riskMap.addEventListener("theme", () => this.#recolour());
  }

  /** @returns {Promise<number>} how many cameras there are */
  async load() {
    const [collection] = await Promise.all([getJson("/api/v1/cameras/"), this.riskMap.styleReady]);
    for (const feature of collection.features) {
      const [longitude, latitude] = feature.geometry.coordinates;
      this.known.set(Number(feature.properties.id ?? feature.id), { ...feature.properties, longitude, latitude });
    }
    this.map.addSource("cameras", { type: "geojson", data: collection });
    this.map.addSource("planned", { type: "geojson", data: EMPTY });
    this.map.addSource("views", { type: "geojson", data: EMPTY });
    for (const layer of layers(isDark())) this.map.addLayer(layer, "station");
    this.map.on("click", (event) => this.#click(event));
    this.map.on("mousemove", (event) => (this.map.getCanvas().style.cursor = this.#under(event) ? "pointer" : "crosshair"));
    this.#thin();
    this.showPlan(this.items ?? []);
    return this.known.size;
  }

  /** @param {{rank: number, operator: number, camera: {id: number}}[]} items of the plan on show */
  showPlan(items) {
    this.items = items;
    this.planned = new Map(items.map((item) => [item.camera.id, item]));
    for (const item of items) if (!this.known.has(item.camera.id)) this.known.set(item.camera.id, item.camera);
    const features = items.map((item) => point(item.camera, { id: item.camera.id, rank: item.rank, operator: item.operator }));
    this.map.getSource("planned")?.setData({ type: "FeatureCollection", features });
    this.#mark();
  }

  /** Show the view of a camera that is pointed at in the list. @param {number | null} id */
  pointAt(id) {
    this.pointed = id;
    this.#mark();
  }

  /** @param {number} id */
  flyTo(id) {
    const camera = this.known.get(id);
    if (camera) this.riskMap.flyTo([camera.longitude, camera.latitude], 16);
  }

  /** The camera under the pointer, planned ones first. */
  #under(event) {
    if (!this.map.getLayer("camera")) return null;
    const { x, y } = event.point;
    const box = [[x - HIT_PX, y - HIT_PX], [x + HIT_PX, y + HIT_PX]];
    const [planned] = this.map.queryRenderedFeatures(box, { layers: ["planned"] });
    if (planned) return planned.properties.id;
    const shown = this.map.getZoom() >= 14.5 ? this.map.queryRenderedFeatures(box, { layers: ["camera"] }) : [];
    return shown[0]?.properties.id ?? null;
  }

  #click(event) {
    const id = this.#under(event);
    if (id === null) return;
    event.preventDefault();
    this.view.set({ camera: String(id), tab: "watch" });
  }

  #mark() {
    const chosen = Number(this.view.state.camera) || null;
    const wanted = new Map();
    if (chosen && this.known.has(chosen)) wanted.set(chosen, "chosen");
    if (this.pointed && this.known.has(this.pointed)) wanted.set(this.pointed, "pointed");
    const features = [...this.planned.keys()]
      .filter((id) => !wanted.has(id))
      .map((id) => sector(this.known.get(id), { mark: "planned" }));
    for (const [id, mark] of wanted) features.push(sector(this.known.get(id), { mark }));
    this.map.getSource("views")?.setData({ type: "FeatureCollection", features });
  }

  /** From far away the plan's cameras would hide the risk beneath, so they show there only beside the watch list. */
  #thin() {
    if (this.map.getLayer("planned")) this.map.setLayerZoomRange("planned", this.view.state.tab === "watch" ? 0 : FAR_ZOOM, 24);
  }

  #recolour() {
    for (const layer of layers(isDark())) {
      if (!this.map.getLayer(layer.id)) continue;
      for (const [name, value] of Object.entries(layer.paint)) this.map.setPaintProperty(layer.id, name, value);
    }
  }
}

function layers(dark) {
  const c = COLOURS[dark ? "dark" : "light"];
  const strong = ["!=", ["get", "mark"], "planned"];
  return [
    { id: "views", type: "fill", source: "views", paint: { "fill-color": c.view, "fill-opacity": ["case", strong, 0.38, 0.14] } },
    { id: "views-line", type: "line", source: "views", minzoom: FAR_ZOOM, paint: { "line-color": c.view, "line-width": ["case", strong, 2, 0.8] } },
    {
      id: "camera", type: "circle", source: "cameras", minzoom: FAR_ZOOM,
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["zoom"], FAR_ZOOM, 1.3, 17, 4],
        "circle-color": ["case", ["==", ["get", "is_working"], false], c.broken, c.plain],
        "circle-stroke-color": c.ring,
        "circle-stroke-width": 0.8,
      },
    },
    {
      id: "planned", type: "circle", source: "planned",
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 1.6, 14, 4, 17, 7],
        "circle-color": c.planned,
        "circle-stroke-color": c.ring,
        "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 11, 0.6, 14, 1.4],
      },
    },
  ];
}

function point(camera, properties) {
  return { type: "Feature", properties, geometry: { type: "Point", coordinates: [camera.longitude, camera.latitude] } };
}

/** What a camera sees, as a polygon: a sector, or a circle where its direction is unknown. */
export function sector(camera, properties) {
  const { longitude, latitude, range_m: range } = camera;
  const isRound = camera.bearing_deg === null || camera.bearing_deg === undefined || camera.angle_deg >= 360;
  const from = isRound ? 0 : camera.bearing_deg - camera.angle_deg / 2;
  const sweep = isRound ? 360 : camera.angle_deg;
  const steps = Math.max(6, Math.ceil(sweep / 10));
  const ring = isRound ? [] : [[longitude, latitude]];
  for (let step = 0; step <= steps; step += 1) {
    const bearing = ((from + (sweep * step) / steps) * Math.PI) / 180;
    const north = (Math.cos(bearing) * range) / EARTH_M_PER_DEG;
    const east = (Math.sin(bearing) * range) / (EARTH_M_PER_DEG * Math.cos((latitude * Math.PI) / 180));
    ring.push([longitude + east, latitude + north]);
  }
  ring.push(ring[0]);
  return { type: "Feature", properties, geometry: { type: "Polygon", coordinates: [ring] } };
}
