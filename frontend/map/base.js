/** The base map: a schematic drawing from the jurisdiction's own places and areas, in a light and a dark set of colours. */

const FONT = ["Noto Sans KR, Noto Sans CJK KR, Apple SD Gothic Neo, Malgun Gothic, sans-serif"];
const COLOURS = {
  light: {
    outside: "#dfe5ea", land: "#f7f8f8", water: "#bcd7ea", wood: "#dcead9", park: "#d5e8cf", road: "#ffffff", roadEdge: "#cfd7de", lane: "#e3e8ec",
    outline: "#54687a", area: "#8ea0b0", text: "#22313e", textSoft: "#4c5d6b", halo: "#ffffff", station: "#3d5163",
    selected: "#0b3c5d", casing: "#ffffff", hover: "#3a4d5c",
  },
  dark: {
    outside: "#0a1017", land: "#15202a", water: "#16364a", wood: "#16291f", park: "#1a3024", road: "#2b3b49", roadEdge: "#0f1820", lane: "#22303c",
    outline: "#90a6b8", area: "#51677a", text: "#e6edf3", textSoft: "#b4c3cf", halo: "#0d151c", station: "#a9bccb",
    selected: "#ffffff", casing: "#0d151c", hover: "#c9d6e0",
  },
};
const EMPTY = { type: "FeatureCollection", features: [] };
const widths = (least, most) => ["interpolate", ["exponential", 1.6], ["zoom"], 11, least, 17, most];

/**
 * The layers below and above the hexagons. No `glyphs`: MapLibre then draws letters with the machine's own fonts.
 * @param {boolean} dark
 * @param {object} boundary GeoJSON geometry of the jurisdiction
 * @returns {object} a MapLibre style
 */
export function style(dark, boundary) {
  return {
    version: 8,
    sources: {
      boundary: { type: "geojson", data: { type: "Feature", properties: {}, geometry: boundary } },
      places: { type: "geojson", data: EMPTY },
      areas: { type: "geojson", data: EMPTY },
      areaLabels: { type: "geojson", data: EMPTY },
      marked: { type: "geojson", data: EMPTY },
    },
    layers: layers(dark),
  };
}

function layers(dark) {
  const c = COLOURS[dark ? "dark" : "light"];
  const kind = (...kinds) => ["in", ["get", "kind"], ["literal", kinds]];
  const shape = (type) => ["==", ["geometry-type"], type];
  return [
    { id: "background", type: "background", paint: { "background-color": c.outside } },
    { id: "land", type: "fill", source: "boundary", paint: { "fill-color": c.land } },
    { id: "wood", type: "fill", source: "places", filter: ["all", kind("forest", "mountain"), shape("Polygon")], paint: { "fill-color": c.wood } },
    { id: "park", type: "fill", source: "places", filter: ["all", kind("park"), shape("Polygon")], paint: { "fill-color": c.park } },
    { id: "water", type: "fill", source: "places", filter: ["all", kind("river", "lake", "water"), shape("Polygon")], paint: { "fill-color": c.water } },
    { id: "stream", type: "line", source: "places", filter: ["all", kind("river", "stream"), shape("LineString")], layout: round(), paint: { "line-color": c.water, "line-width": widths(2, 14) } },
    { id: "lane", type: "line", source: "places", minzoom: 12.5, filter: kind("lane"), paint: { "line-color": c.lane, "line-width": widths(0.4, 5) } },
    { id: "road-edge", type: "line", source: "places", filter: kind("road", "street"), layout: round(), paint: { "line-color": c.roadEdge, "line-width": widths(2.2, 20) } },
    { id: "road", type: "line", source: "places", filter: kind("road", "street"), layout: round(), paint: { "line-color": c.road, "line-width": widths(1.2, 16) } },
    // the hexagons stand here
    { id: "area-line", type: "line", source: "areas", paint: { "line-color": c.area, "line-width": widths(0.8, 2.5), "line-dasharray": [3, 2] } },
    { id: "outline", type: "line", source: "boundary", layout: round(), paint: { "line-color": c.outline, "line-width": widths(1.6, 4) } },
    { id: "marked-casing", type: "line", source: "marked", layout: round(), paint: { "line-color": c.casing, "line-width": ["match", ["get", "mark"], "hover", 0, 6] } },
    { id: "marked", type: "line", source: "marked", layout: round(), paint: { "line-color": ["match", ["get", "mark"], "hover", c.hover, c.selected], "line-width": ["match", ["get", "mark"], "hover", 1.5, 3] } },
    { id: "station", type: "circle", source: "places", minzoom: 12.5, filter: kind("station", "bus_terminal"), paint: { "circle-radius": widths(2, 6), "circle-color": c.land, "circle-stroke-color": c.station, "circle-stroke-width": 1.5 } },
    { id: "station-name", type: "symbol", source: "places", minzoom: 13.2, filter: kind("station", "bus_terminal"), layout: label(["get", "name"], 11, [0, 0.8]), paint: ink(c.textSoft, c.halo) },
    { id: "place-name", type: "symbol", source: "places", minzoom: 14, filter: ["all", kind("park", "forest", "river"), ["!=", ["get", "name"], ""]], layout: { ...label(["get", "name"], 11, [0, 0]), "symbol-placement": "point" }, paint: ink(c.textSoft, c.halo) },
    { id: "area-name", type: "symbol", source: "areaLabels", layout: { ...label(["get", "name"], 12.5, [0, 0]), "text-anchor": "center" }, paint: ink(c.text, c.halo, 2) },
  ];
}

function round() {
  return { "line-cap": "round", "line-join": "round" };
}

function label(field, size, offset) {
  return { "text-field": field, "text-font": FONT, "text-size": size, "text-offset": offset, "text-anchor": "top", "text-padding": 3 };
}

function ink(colour, halo, width = 1.8) {
  return { "text-color": colour, "text-halo-color": halo, "text-halo-width": width };
}

/** Give the drawn map the other set of colours without loading anything again. */
export function recolour(map, dark) {
  for (const layer of layers(dark)) {
    for (const [name, value] of Object.entries(layer.paint ?? {})) map.setPaintProperty(layer.id, name, value);
  }
}

/** @param {object} areas GeoJSON FeatureCollection with the place of each label in its properties */
export function areaLabels(areas) {
  const features = areas.features.map((area) => ({
    type: "Feature",
    properties: { name: area.properties.name },
    geometry: { type: "Point", coordinates: [area.properties.longitude, area.properties.latitude] },
  }));
  return { type: "FeatureCollection", features };
}

/** West, south, east, north of any GeoJSON geometry. @returns {[number, number, number, number]} */
export function boundsOf(geometry) {
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  const visit = (part) => {
    if (typeof part[0] !== "number") return part.forEach(visit);
    bounds[0] = Math.min(bounds[0], part[0]);
    bounds[1] = Math.min(bounds[1], part[1]);
    bounds[2] = Math.max(bounds[2], part[0]);
    bounds[3] = Math.max(bounds[3], part[1]);
  };
  visit(geometry.coordinates);
  return /** @type {any} */ (bounds);
}
