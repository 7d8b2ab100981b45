/** Fitting a camera to the ground by clicked points, and drawing its zones and lines: on the still, and on the map beside it. */
import "maplibre-gl/dist/maplibre-gl.css";
import "./styles/map.css";
import { Drawing } from "./cameras/drawing.js";
import { Fitting } from "./cameras/fitting.js";
import { placeMap } from "./cameras/place-map.js";

const byId = (id) => document.getElementById(id);
const start = JSON.parse(byId("calibration-start").textContent);
const still = byId("still");
const { map, ready } = placeMap(byId("ground-map"), start, 18.5);
const fitting = new Fitting(start, { overlay: byId("fit-overlay"), list: byId("pairs"), summary: byId("fit-summary"), hint: byId("fit-hint"), save: byId("fit-save"), clear: byId("fit-clear") }, map, ready);
const drawing = new Drawing(start, { overlay: byId("draw-overlay"), list: byId("drawn"), hint: byId("draw-hint"), save: byId("draw-save") });

/** @param {string} mode "fit", "zone" or "line" */
function turnTo(mode) {
  for (const button of document.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  byId("fit-panel").hidden = mode !== "fit";
  byId("draw-panel").hidden = mode === "fit";
  drawing.turnTo(mode === "fit" ? "" : mode);
  fitting.isOn = mode === "fit";
}

const image = still.querySelector("img");
image.addEventListener("load", () => (byId("still-none").hidden = true));
image.addEventListener("error", () => (byId("still-none").hidden = false));
const showStill = () => (image.src = `${still.dataset.still}?${Date.now()}`);
byId("still-again").addEventListener("click", showStill);
showStill();
for (const button of document.querySelectorAll("[data-mode]")) button.addEventListener("click", () => turnTo(button.dataset.mode));
still.addEventListener("click", (event) => {
  const box = still.getBoundingClientRect();
  const point = [event.clientX - box.left, event.clientY - box.top].map((value, at) => Math.min(1, Math.max(0, value / (at ? box.height : box.width))));
  if (fitting.isOn) fitting.clickPicture(point);
  else drawing.click(point);
});
map.on("click", (event) => fitting.isOn && fitting.clickMap([event.lngLat.lng, event.lngLat.lat]));
map.getCanvas().style.cursor = "crosshair";
turnTo("fit");
document.documentElement.haechi = { map, fitting, drawing }; // for the tests
