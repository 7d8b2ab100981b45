/**
 * Follows one long job and draws its progress: bar, step, estimate, cancel button, and the sentence it ended with.
 *
 *     const job = await followJob(id, element);   // resolves when the job is over: {state, message, …}
 */
import { getJson, postJson } from "./lib/api.js";
import { h, replace } from "./lib/dom.js";

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 3000;
const OVER = new Set(["succeeded", "failed", "cancelled"]);

/**
 * @typedef {{id: string, kind: string, kind_label: string, state: string, state_label: string, fraction: number,
 *   step: string, step_label: string, remaining_s: number | null, message: string}} Job
 */

/**
 * @param {string} id the job's UUID
 * @param {HTMLElement} element where to draw; its content is replaced
 * @param {{onUpdate?: (job: Job) => void, signal?: AbortSignal}} [options]
 * @returns {Promise<Job>} the job as it ended
 */
export async function followJob(id, element, { onUpdate = () => {}, signal } = {}) {
  const view = new JobView(id, element);
  let wait = FIRST_WAIT_MS;
  for (;;) {
    const job = await latest(id, view, signal);
    if (job) {
      view.show(job);
      onUpdate(job);
      if (OVER.has(job.state)) return job;
    }
    wait = Math.min(wait * 1.15, LONGEST_WAIT_MS);
    await new Promise((resolve) => setTimeout(resolve, wait));
    signal?.throwIfAborted();
  }
}

/** A lost connection is not the end of the job: say so and go on asking. */
async function latest(id, view, signal) {
  try {
    return await getJson(`/api/v1/jobs/${id}/`, { signal });
  } catch (error) {
    if (error.name === "AbortError" || (error.status >= 400 && error.status < 500)) throw error;
    view.say(error.message);
    return null;
  }
}

/**
 * @param {number | null} seconds
 * @returns {string}
 */
function remainingText(seconds) {
  if (seconds === null || seconds === undefined) return gettext("Estimating the time left …");
  if (seconds < 60) return interpolate(gettext("about %s s left"), [Math.max(1, Math.round(seconds))]);
  return interpolate(gettext("about %s min left"), [Math.round(seconds / 60)]);
}

class JobView {
  constructor(id, element) {
    this.id = id;
    this.title = h("strong");
    this.percent = h("span", { class: "muted" });
    this.bar = h("progress", { max: "1" });
    this.text = h("span", { role: "status" });
    this.cancel = h("button", { type: "button", class: "button button-small", onclick: () => this.ask() }, gettext("Cancel"));
    this.root = h(
      "div",
      { class: "progress" },
      h("div", { class: "progress-head" }, this.title, this.percent),
      this.bar,
      h("div", { class: "progress-foot" }, this.text, this.cancel),
    );
    replace(element, this.root);
  }

  /** @param {Job} job */
  show(job) {
    const over = OVER.has(job.state);
    this.root.dataset.state = job.state;
    this.title.textContent = job.kind_label;
    this.percent.textContent = job.state === "running" ? `${Math.floor(job.fraction * 100)} %` : job.state_label;
    this.bar.setAttribute("aria-label", job.kind_label);
    if (job.state === "queued") this.bar.removeAttribute("value");
    else this.bar.value = job.state === "succeeded" ? 1 : job.fraction;
    this.cancel.hidden = over;
    if (over) this.say(job.message || job.state_label);
    else if (job.state === "queued") this.say(gettext("Waiting for a free worker …"));
    else this.say([job.step_label || job.step, remainingText(job.remaining_s)].filter(Boolean).join(" · "));
  }

  /** @param {string} text */
  say(text) {
    if (this.text.textContent !== text) this.text.textContent = text;
  }

  async ask() {
    this.cancel.disabled = true;
    try {
      await postJson(`/api/v1/jobs/${this.id}/cancel/`);
      this.say(gettext("Stopping …"));
    } catch (error) {
      this.say(error.message);
      this.cancel.disabled = false;
    }
  }
}
