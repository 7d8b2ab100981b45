/**
 * The map page: puts its parts together. Each part listens to the view (map/view.js) and knows no other part but
 * those it is given here.
 */
import "maplibre-gl/dist/maplibre-gl.css";
import "./styles/map.css";
import { getBytes, getJson } from "./lib/api.js";
import { h, replace } from "./lib/dom.js";
import { Clock } from "./lib/format.js";
import { LiveMap } from "./live/live-map.js";
import { Cameras } from "./map/cameras.js";
import { CellPanel } from "./map/cell-panel.js";
import { Cells } from "./map/cells.js";
import { Legend } from "./map/legend.js";
import { PlaceLayers } from "./map/place-layers.js";
import { RiskMap } from "./map/risk-map.js";
import { SlotControl } from "./map/slots.js";
import { Tabs } from "./map/tabs.js";
import { Tooltip } from "./map/tooltip.js";
import { TopCells } from "./map/top-cells.js";
import { Values } from "./map/values.js";
import { View } from "./map/view.js";
import { WatchList } from "./map/watch-list.js";

const byId = (id) => document.getElementById(id);
/** @type {import("./map/types.js").Start} */
const start = JSON.parse(byId("map-start").textContent);
const stream = document.querySelector("meta[name=live-stream]")?.content ?? "";
const view = new View({ ...start, hasLive: Boolean(stream) });
const root = document.documentElement;

function fail(error) {
  console.error(error);
  replace(byId("map-error"), h("div", { class: "notice notice-bad", role: "alert" }, error.message));
}

/** @param {RiskMap} riskMap */
function withRun(riskMap) {
  const values = new Values(start.run);
  const cells = getBytes(`/api/v1/grids/${start.run.grid_digest}/cells/`).then((block) => new Cells(block));
  const clock = new Clock(start.jurisdiction.time_zone);
  const slots = new SlotControl(byId("slots"), view, clock);
  const show = (place) => riskMap.flyTo(place);
  new Legend(byId("legend"), view);
  new Tabs(byId("side"), view);
  const live = stream ? new LiveMap(stream, riskMap, view, clock) : null;
  new CellPanel(byId("cell-panel"), view, slots, show, live?.cellNow);
  new TopCells(byId("top-cells"), view, slots, show);
  const cameras = new Cameras(riskMap, view);
  const watchList = new WatchList(byId("watch-list"), view, slots, cameras);
  let shown = null;
  let hasForecast = false; // the forecast is drawn first: it is there whatever the present does
  new Tooltip(byId("tooltip"), riskMap, (cell) => (shown ? values.rate(shown[cell], view.state.category) : null));

  const step = async () => {
    const { slot, category } = view.state;
    const begun = performance.now();
    const bytes = (hasForecast && (await live?.layer.bytes(category))) || (await values.get(view.state.slot, category));
    if (slot !== view.state.slot || category !== view.state.category) return; // overtaken by the next step
    shown = bytes;
    riskMap.hexagons.onDrawn = () => stepDrawn(begun, slot, category);
    riskMap.hexagons.setValues(bytes);
    values.ahead(slot, category);
  };
  const first = values.get(view.state.slot, view.state.category);
  const drawn = Promise.all([cells, first]).then(async ([decoded]) => {
    await riskMap.addCells(decoded);
    await step();
    hasForecast = true;
    view.on(["slot", "category", "live"], () => step().catch(fail));
    live?.drawOn(riskMap.hexagons, () => step().catch(fail), () => shown);
  });
  // Everything else may wait for the first picture.
  drawn.then(() => cameras.load()).then((known) => watchList.setCameraCount(known)).catch(fail);
  drawn.then(() => live?.open()).catch(fail);
  return drawn;
}

/** Marks for the tests and the bench: the first picture, and how long each step took from the input to the drawn frame. */
function stepDrawn(begun, slot, category) {
  if (!root.dataset.ready) {
    performance.mark("haechi:hexagons-drawn");
    root.dataset.ready = "true";
  }
  performance.measure("haechi:step", { start: begun, end: performance.now() });
  root.dataset.slot = String(slot);
  root.dataset.category = category;
}

function linkToolbar(riskMap) {
  for (const button of document.querySelectorAll("[data-category]")) {
    button.addEventListener("click", () => view.set({ category: button.dataset.category }));
  }
  const mark = () => {
    for (const button of document.querySelectorAll("[data-category]")) button.setAttribute("aria-pressed", String(button.dataset.category === view.state.category));
  };
  view.on(["category"], mark);
  mark();
  byId("area").addEventListener("change", (event) => riskMap.showArea(Number(event.target.value)));
}

async function loadBase(riskMap) {
  const [areas, places] = await Promise.all([getJson("/api/v1/areas/"), getJson("/api/v1/places/")]);
  await riskMap.addBase(areas, places);
  const dong = areas.features.map((area) => h("option", { value: area.id }, area.properties.name));
  byId("area").append(...dong);
  byId("area").closest(".field").hidden = dong.length === 0;
}

try {
  const riskMap = new RiskMap(byId("map"), view);
  linkToolbar(riskMap);
  const drawn = start.run ? withRun(riskMap) : Promise.resolve();
  drawn.catch(fail);
  loadBase(riskMap).catch(fail);
  const layers = new PlaceLayers(byId("layers"), riskMap, view);
  drawn.then(() => layers.load()).catch(fail);
  root.haechi = { riskMap, view, ...root.haechi }; // for the tests and the bench
} catch (error) {
  console.error(error);
  fail(new Error(gettext("The map cannot be drawn: it needs WebGL 2. Turn on hardware acceleration or use a current browser.")));
}
