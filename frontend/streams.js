/** All cameras at a glance: one small square each, coloured by state; filters, and the list of those that are filtered. */
import { getJson } from "./lib/api.js";
import { h, replace } from "./lib/dom.js";
import { ago, count } from "./lib/format.js";

const byId = (id) => document.getElementById(id);
const SQUARE = 11;
const GAP = 2;
const LISTED = 100;
const EVERY_MS = 10_000;
const start = JSON.parse(byId("streams-start").textContent);
/** @type {{id: number, name: string, state: string, last_at: string | null, fps: number, budget_fps: number, dropped: number, sentence: string}[]} */
let cameras = start.cameras;
let chosen = new URLSearchParams(location.search).get("state") ?? "";
const canvas = byId("strip");
const tip = byId("strip-tip");

const shown = () => (chosen ? cameras.filter((camera) => camera.state === chosen) : cameras);

function colours() {
  const css = getComputedStyle(document.documentElement);
  const of = (name) => css.getPropertyValue(name).trim();
  return { ok: of("--live"), stale: of("--stale"), reconnecting: of("--stale"), blind: of("--blind"), silent: of("--bad"), refused: of("--bad"), waiting: of("--silent"), off: of("--line"), none: of("--line-strong") };
}

const columns = () => Math.max(1, Math.floor((canvas.clientWidth + GAP) / (SQUARE + GAP)));

function draw() {
  const across = columns();
  const rows = Math.ceil(cameras.length / across);
  const ratio = devicePixelRatio || 1;
  canvas.style.height = `${rows * (SQUARE + GAP)}px`;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = rows * (SQUARE + GAP) * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const palette = colours();
  for (const [index, camera] of cameras.entries()) {
    context.globalAlpha = !chosen || camera.state === chosen ? 1 : 0.18;
    context.fillStyle = palette[camera.state] ?? palette.none;
    context.beginPath();
    context.roundRect((index % across) * (SQUARE + GAP), Math.floor(index / across) * (SQUARE + GAP), SQUARE, SQUARE, 2);
    context.fill();
  }
}

function under(event) {
  const box = canvas.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left) / (SQUARE + GAP));
  const row = Math.floor((event.clientY - box.top) / (SQUARE + GAP));
  return column < columns() ? cameras[row * columns() + column] : undefined;
}

function filters() {
  const button = (state, label, number) => h("button", { type: "button", class: `strip-filter is-${state || "all"}`, "aria-pressed": String(chosen === state), dataset: { state }, onclick: () => choose(state) }, state && h("i", { class: `dot is-${state}`, "aria-hidden": "true" }), label, h("b", {}, count(number)));
  const counts = Object.groupBy ? Object.groupBy(cameras, (camera) => camera.state) : cameras.reduce((groups, camera) => ({ ...groups, [camera.state]: [...(groups[camera.state] ?? []), camera] }), {});
  const states = start.states.filter(({ code }) => counts[code]?.length);
  replace(byId("strip-filters"), button("", gettext("All"), cameras.length), ...states.map(({ code, label }) => button(code, label, counts[code].length)));
}

function list() {
  const rows = shown();
  const labels = Object.fromEntries(start.states.map(({ code, label }) => [code, label]));
  const body = rows.slice(0, LISTED).map((camera) => h("tr", {},
    h("th", { scope: "row" }, h("a", { href: `/cameras/${camera.id}/` }, camera.name)),
    h("td", {}, h("span", { class: "health-part" }, h("i", { class: `dot is-${camera.state}`, "aria-hidden": "true" }), labels[camera.state] ?? camera.state)),
    h("td", { class: "nowrap" }, camera.last_at ? ago(camera.last_at) : "–"),
    h("td", { class: "number" }, camera.budget_fps ? `${camera.fps.toFixed(1)} / ${camera.budget_fps}` : "–"),
    h("td", { class: "number" }, camera.dropped ? count(camera.dropped) : "–"),
    h("td", { class: "small" }, camera.sentence)));
  const head = [gettext("Camera"), gettext("State"), gettext("Last picture or event"), gettext("Pictures/s (of)"), gettext("Skipped"), gettext("What is wrong")].map((text, at) => h("th", { scope: "col", class: at === 3 || at === 4 ? "number" : "" }, text));
  const more = rows.length > LISTED && h("p", { class: "muted small" }, interpolate(gettext("%s more; choose a state to see fewer."), [count(rows.length - LISTED)]));
  replace(byId("strip-list"), h("table", { class: "table table-tight" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body)), more);
}

function choose(state) {
  chosen = state;
  history.replaceState(null, "", state ? `?state=${state}` : location.pathname);
  show();
}

function show() {
  filters();
  draw();
  list();
}

canvas.addEventListener("pointermove", (event) => {
  const camera = under(event);
  tip.hidden = !camera;
  canvas.style.cursor = camera ? "pointer" : "default";
  if (!camera) return;
  const label = start.states.find(({ code }) => code === camera.state)?.label ?? camera.state;
  replace(tip, h("b", {}, camera.name), h("span", {}, camera.last_at ? `${label} · ${ago(camera.last_at)}` : label));
  tip.style.transform = `translate(${Math.min(event.offsetX + 14, canvas.clientWidth - 200)}px, ${event.offsetY + 16}px)`;
});
canvas.addEventListener("pointerleave", () => (tip.hidden = true));
canvas.addEventListener("click", (event) => {
  const camera = under(event);
  if (camera) location.href = `/cameras/${camera.id}/`;
});
addEventListener("resize", draw);
document.addEventListener("haechi:theme", draw);
setInterval(async () => {
  if (document.hidden) return;
  try {
    cameras = (await getJson("/cameras/streams/now/")).cameras;
    byId("strip-said").textContent = "";
    show();
  } catch (error) {
    byId("strip-said").textContent = error.message;
  }
}, EVERY_MS);
if (cameras.length) show();
