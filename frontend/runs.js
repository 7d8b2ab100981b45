/** The pages of the forecasts: start and follow jobs, draw the pictures, put model versions into service. */
import { followJob } from "./job.js";
import { postJson } from "./lib/api.js";
import { h, replace } from "./lib/dom.js";
import { comparisonChart } from "./runs/comparison.js";
import { reliabilityChart } from "./runs/reliability.js";
import { askToPut } from "./runs/versions.js";
import { weeksChart } from "./runs/weeks.js";

/**
 * Follow a job in its box; when it has succeeded the page shows the new result.
 * @param {string} id
 * @param {HTMLElement} box
 * @param {HTMLButtonElement | null} button
 */
async function follow(id, box, button) {
  box.hidden = false;
  if (button) button.disabled = true;
  try {
    const job = await followJob(id, box);
    if (job.state === "succeeded") location.reload();
  } catch (error) {
    complain(box, error.message);
  } finally {
    if (button) button.disabled = false;
  }
}

/**
 * @param {HTMLElement} starter a button, or a form whose fields are sent along
 * @param {HTMLElement} box
 * @param {HTMLButtonElement} button
 */
async function start(starter, box, button) {
  button.disabled = true;
  const body = starter instanceof HTMLFormElement ? Object.fromEntries(new FormData(starter)) : {};
  try {
    const job = await postJson(starter.dataset.start, body);
    await follow(job.id, box, button);
  } catch (error) {
    complain(box, error.message);
    button.disabled = false;
  }
}

/**
 * @param {HTMLElement} box
 * @param {string} sentence
 */
function complain(box, sentence) {
  box.hidden = false;
  replace(box, h("p", { class: "notice notice-bad", role: "alert" }, sentence));
}

for (const starter of document.querySelectorAll("[data-start]")) {
  const isForm = starter instanceof HTMLFormElement;
  starter.addEventListener(isForm ? "submit" : "click", (event) => {
    event.preventDefault();
    start(starter, document.getElementById(starter.dataset.progress), isForm ? starter.querySelector("button") : starter);
  });
}

// A job that is under way is followed by whoever sees the page, also by those who may not start one.
for (const box of document.querySelectorAll("[data-job]")) {
  const starters = document.querySelectorAll(`[data-progress="${box.id}"]`);
  const only = starters.length === 1 ? starters[0] : null;
  follow(box.dataset.job, box, only instanceof HTMLFormElement ? only.querySelector("button") : only);
}

const PICTURES = {
  comparison: comparisonChart,
  reliability: reliabilityChart,
  calibration: (points) => weeksChart(points, "calibration"),
  capture: (points) => weeksChart(points, "capture"),
};

// Each picture's figures stand beside it as JSON under the same name.
for (const box of document.querySelectorAll("[data-chart]")) {
  const data = JSON.parse(document.getElementById(`chart-${box.dataset.chart}`).textContent);
  replace(box, PICTURES[box.dataset.chart](data));
}

for (const button of document.querySelectorAll("[data-act]")) button.addEventListener("click", () => askToPut(button));
