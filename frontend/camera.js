/** The page of one camera: its last hour by factor against usual, its masked still, its events, its place. */
import "maplibre-gl/dist/maplibre-gl.css";
import "./styles/map.css";
import { placeMap } from "./cameras/place-map.js";
import { hourChart } from "./cameras/hour-chart.js";
import { getJson } from "./lib/api.js";
import { h, replace } from "./lib/dom.js";
import { Clock, percent } from "./lib/format.js";
import { LiveChannel } from "./live/channel.js";
import { factorKind, factorLabel, valueText } from "./live/words.js";

const byId = (id) => document.getElementById(id);
const start = JSON.parse(byId("camera-start").textContent);
const clock = new Clock(start.time_zone);
const RARE = 0.5; // events an hour
const AGAIN_MS = 15_000;

function note(place, error) {
  replace(place, h("p", { class: "notice small", role: "status" }, error.message));
}

async function loadHour() {
  const place = byId("camera-hour");
  try {
    const hour = await getJson(`/api/v1/live/cameras/${start.camera.id}/`);
    const begun = new Date(hour.start).getTime();
    const time = (minute) => clock.minute(new Date(begun + minute * 60_000));
    const lines = hour.factors.map((line) => (line.kind === "measure" ? { ...line, counts: line.values.map((value) => value ?? 0), usual: 0 } : { ...line, usual: (line.usual_per_hour ?? 0) / line.counts.length }));
    if (!lines.length) return replace(place, h("div", { class: "empty" }, h("h3", {}, gettext("Nothing in the last hour")), h("p", {}, gettext("The camera has reported no event. Look at the state of its stream, or wait."))));
    replace(place, ...lines.map((line) => figure(line, time)));
  } catch (error) {
    note(place, error);
  }
}

function figure(line, time) {
  return h("figure", { class: "hour", dataset: { factor: line.factor } },
    h("figcaption", {}, h("b", {}, line.label), ...(line.kind === "measure" ? measured(line) : compared(line))),
    hourChart(line, time));
}

/** A measure is a number of each minute, not a count of events. */
function measured(line) {
  const known = line.values.filter((value) => value !== null);
  const mean = known.reduce((sum, value) => sum + value, 0) / Math.max(1, known.length);
  return [h("span", { class: "muted small" }, interpolate(gettext("on average %s"), [valueText(line.factor, mean)]))];
}

function compared(line) {
  const sum = line.counts.reduce((total, value) => total + value, 0);
  const usual = line.usual * line.counts.length;
  const isRare = usual < RARE; // a ratio to hardly anything says nothing
  const words = isRare ? gettext("hardly ever seen here") : interpolate(gettext("%s × usual"), [(sum / usual).toFixed(1)]);
  const badge = line.usual_per_hour !== null && h("span", { class: `badge ${sum > 1.5 * usual ? "badge-bad" : ""}` }, words);
  const text = usual >= RARE ? interpolate(gettext("%(sum)s events, usually %(usual)s"), { sum, usual: usual.toFixed(1) }, true) : interpolate(ngettext("%s event", "%s events", sum), [sum]);
  return [badge || "", h("span", { class: "muted small" }, text)];
}

function eventRow(event) {
  const value = valueText(event.factor, event.value);
  return h("tr", { class: `is-${factorKind(event.factor)}` },
    h("td", { class: "nowrap" }, clock.time(new Date(event.at))), h("td", {}, event.label ?? factorLabel(event.factor)), h("td", { class: "number" }, value || "–"), h("td", { class: "number" }, percent(event.confidence)));
}

async function loadEvents() {
  const place = byId("camera-events");
  try {
    const { results } = await getJson(`/api/v1/live/events/?limit=50&camera=${start.camera.id}`);
    if (!results.length) return replace(place, h("p", { class: "muted" }, gettext("No event is kept of the last hours.")));
    const head = [gettext("Time"), gettext("Risk factor"), gettext("Value"), gettext("Confidence")].map((text, at) => h("th", { scope: "col", class: at > 1 ? "number" : "" }, text));
    replace(place, h("table", { class: "table table-tight" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...results.map(eventRow))));
  } catch (error) {
    note(place, error);
  }
}

/** The still: fetched on asking, because each look is recorded. */
function linkStill() {
  const box = byId("camera-still");
  if (!box) return;
  const image = box.querySelector("img");
  const said = box.querySelector("[data-said]");
  image.addEventListener("load", () => {
    image.hidden = false;
    said.textContent = interpolate(gettext("Masked still of %s. Looking at it was recorded."), [clock.time(new Date())]);
  });
  image.addEventListener("error", () => {
    image.hidden = true;
    said.textContent = gettext("There is no still just now: no camera worker has looked at this camera in the last minute.");
  });
  box.querySelector("button").addEventListener("click", () => {
    image.src = `${box.dataset.still}?${Date.now()}`;
  });
}

function listen() {
  const stream = document.querySelector("meta[name=live-stream]")?.content;
  if (!stream) return;
  const channel = new LiveChannel(stream);
  channel.addEventListener("message:event", (message) => {
    const { event } = message.detail;
    if (event.camera_id !== start.camera.id) return;
    byId("camera-events").querySelector("tbody")?.prepend(eventRow(event));
  });
  channel.open();
}

loadHour();
loadEvents();
linkStill();
listen();
setInterval(() => document.hidden || loadHour(), AGAIN_MS);
const { map } = placeMap(byId("camera-map"), start, 16.5);
document.documentElement.haechi = { map }; // for the tests
