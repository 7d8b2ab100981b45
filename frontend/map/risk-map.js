/** The map itself: base map, hexagons, the hovered and the chosen cell, moving and picking. */
import { Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import { isDark } from "../lib/theme.js";
import { areaLabels, boundsOf, recolour, style } from "./base.js";
import { HexagonLayer } from "./hexagons.js";

const CELL_ZOOM = 15;
const PADDING = { top: 28, bottom: 28, left: 110, right: 56 }; // room for the legend and the controls

export class RiskMap extends EventTarget {
  /**
   * @param {HTMLElement} element
   * @param {import("./view.js").View} view
   */
  constructor(element, view) {
    super();
    this.view = view;
    this.element = element;
    setWorkerUrl(element.dataset.workerUrl);
    const { bounds, boundary } = view.start;
    this.home = bounds;
    const place = view.place;
    this.map = new MapLibre({
      container: element,
      style: style(isDark(), boundary),
      ...(place ? { center: [place[0], place[1]], zoom: place[2] } : { bounds, fitBoundsOptions: { padding: PADDING } }),
      maxBounds: widened(bounds, 2),
      minZoom: 8,
      maxZoom: 18,
      maxPitch: 0,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      attributionControl: false,
      fadeDuration: 0,
      locale: {
        "NavigationControl.ZoomIn": gettext("Zoom in"),
        "NavigationControl.ZoomOut": gettext("Zoom out"),
        "Map.Title": gettext("Risk map"),
      },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-right");
    this.styleReady = new Promise((resolve) => this.map.once("style.load", resolve));
    this.#follow();
  }

  /** @param {import("./cells.js").Cells} cells */
  async addCells(cells) {
    await this.styleReady;
    this.cells = cells;
    this.hexagons = new HexagonLayer(cells, isDark());
    this.map.addLayer(this.hexagons, "area-line");
    this.map.on("webglcontextrestored", () => {
      this.map.removeLayer(this.hexagons.id);
      this.map.addLayer(this.hexagons, "area-line");
    });
    this.#mark();
  }

  /** The layers that come after the first picture. */
  async addBase(areas, places) {
    await this.styleReady;
    this.areas = areas;
    this.map.getSource("places").setData(places);
    this.map.getSource("areas").setData(areas);
    this.map.getSource("areaLabels").setData(areaLabels(areas));
  }

  /** @param {number} id of an area, or 0 for the whole jurisdiction */
  showArea(id) {
    const area = this.areas?.features.find((feature) => feature.id === id);
    this.map.fitBounds(area ? boundsOf(area.geometry) : this.home, { padding: PADDING, animate: this.#mayMove });
  }

  /** @param {[number, number]} place @param {number} [zoom] */
  flyTo(place, zoom = CELL_ZOOM) {
    const target = { center: place, zoom: Math.max(zoom, this.map.getZoom()) };
    if (this.#mayMove) this.map.easeTo({ ...target, duration: 600 });
    else this.map.jumpTo(target);
    this.map.getContainer().scrollIntoView({ block: "nearest" }); // on a tablet the list stands below the map
  }

  get #mayMove() {
    return !matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  /** Tie the map to the view: both ways for the place, one way for the marks. */
  #follow() {
    this.map.on("moveend", () => {
      const { lng, lat } = this.map.getCenter();
      this.view.set({ at: `${lng.toFixed(5)},${lat.toFixed(5)},${this.map.getZoom().toFixed(2)}` }, { quiet: true });
    });
    addEventListener("popstate", () => {
      const place = this.view.place;
      if (place) this.map.jumpTo({ center: [place[0], place[1]], zoom: place[2] });
    });
    this.view.on(["cell"], () => this.#mark());
    this.map.on("mousemove", (event) => this.#hover(event));
    this.map.on("mouseout", () => this.#leave());
    this.map.on("click", (event) => this.#click(event));
    document.addEventListener("haechi:theme", () => {
      recolour(this.map, isDark());
      this.hexagons?.setDark(isDark());
      this.dispatchEvent(new Event("theme"));
    });
  }

  #hover(event) {
    if (!this.cells) return;
    const cell = this.cells.at(event.lngLat.lng, event.lngLat.lat);
    if (cell !== this.hovered) {
      this.hovered = cell;
      this.#mark();
    }
    this.dispatchEvent(new CustomEvent("hover", { detail: { cell, x: event.point.x, y: event.point.y } }));
  }

  #leave() {
    this.hovered = -1;
    this.#mark();
    this.dispatchEvent(new CustomEvent("hover", { detail: { cell: -1, x: 0, y: 0 } }));
  }

  /** A camera lies above the cell it stands on; the cameras' part claims such clicks by `preventDefault`. */
  #click(event) {
    if (event.defaultPrevented || !this.cells) return;
    const cell = this.cells.at(event.lngLat.lng, event.lngLat.lat);
    if (cell >= 0) this.view.set({ cell: this.cells.id(cell), tab: "cell" });
  }

  #mark() {
    if (!this.cells) return;
    const marks = [
      ["hover", this.hovered ?? -1],
      ["chosen", this.cells.indexOf(this.view.state.cell)],
    ];
    const features = marks
      .filter(([, cell]) => cell >= 0)
      .map(([mark, cell]) => ({
        type: "Feature",
        properties: { mark },
        geometry: { type: "LineString", coordinates: this.cells.ring(cell) },
      }));
    this.map.getSource("marked")?.setData({ type: "FeatureCollection", features });
  }
}

function widened([west, south, east, north], share) {
  const dx = (east - west) * share;
  const dy = (north - south) * share;
  return [west - dx, south - dy, east + dx, north + dy];
}
