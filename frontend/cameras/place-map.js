/** A small map round one camera: the schematic base map, the camera's view, and whatever the page puts on it. */
import { Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import { getJson } from "../lib/api.js";
import { isDark } from "../lib/theme.js";
import { areaLabels, recolour, style } from "../map/base.js";
import { sector } from "../map/cameras.js";

const EMPTY = { type: "FeatureCollection", features: [] };
const VIEW = { light: "#1d5fc4", dark: "#7fb2ff" };

/**
 * @param {HTMLElement} element with the worker's address in `data-worker-url`
 * @param {{boundary: object, camera: {longitude: number, latitude: number, bearing_deg: number | null, angle_deg: number, range_m: number}}} start
 * @param {number} zoom
 * @returns {{map: MapLibre, ready: Promise<void>}}
 */
export function placeMap(element, start, zoom) {
  setWorkerUrl(element.dataset.workerUrl);
  const { camera } = start;
  const map = new MapLibre({
    container: element, style: style(isDark(), start.boundary), center: [camera.longitude, camera.latitude], zoom, minZoom: 11, maxZoom: 21, maxPitch: 0,
    dragRotate: false, pitchWithRotate: false, attributionControl: false, fadeDuration: 0,
    locale: { "NavigationControl.ZoomIn": gettext("Zoom in"), "NavigationControl.ZoomOut": gettext("Zoom out"), "Map.Title": gettext("Map") },
  });
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new ScaleControl({ maxWidth: 90 }), "bottom-right");
  const ready = new Promise((resolve) => map.once("style.load", resolve)).then(() => furnish(map, camera));
  document.addEventListener("haechi:theme", () => {
    recolour(map, isDark());
    const colour = VIEW[isDark() ? "dark" : "light"];
    map.setPaintProperty("camera-view", "fill-color", colour);
    map.setPaintProperty("camera-view-line", "line-color", colour);
    map.setPaintProperty("camera-point", "circle-color", colour);
  });
  return { map, ready };
}

async function furnish(map, camera) {
  const colour = VIEW[isDark() ? "dark" : "light"];
  map.addSource("camera", { type: "geojson", data: { type: "FeatureCollection", features: [sector(camera, { kind: "view" }), { type: "Feature", properties: { kind: "point" }, geometry: { type: "Point", coordinates: [camera.longitude, camera.latitude] } }] } });
  map.addSource("drawn", { type: "geojson", data: EMPTY });
  map.addLayer({ id: "camera-view", type: "fill", source: "camera", filter: ["==", ["get", "kind"], "view"], paint: { "fill-color": colour, "fill-opacity": 0.22 } });
  map.addLayer({ id: "camera-view-line", type: "line", source: "camera", filter: ["==", ["get", "kind"], "view"], paint: { "line-color": colour, "line-width": 1.5 } });
  map.addLayer({ id: "camera-point", type: "circle", source: "camera", filter: ["==", ["get", "kind"], "point"], paint: { "circle-radius": 6, "circle-color": colour, "circle-stroke-color": "#fff", "circle-stroke-width": 2 } });
  const [areas, places] = await Promise.all([getJson("/api/v1/areas/"), getJson("/api/v1/places/")]);
  map.getSource("places").setData(places);
  map.getSource("areas").setData(areas);
  map.getSource("areaLabels").setData(areaLabels(areas));
}
