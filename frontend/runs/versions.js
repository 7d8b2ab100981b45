/** Putting a model version into service, and going back: shows what would happen, asks a reason, then acts. */
import { postJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";

const LEAST_REASON = 3; // characters

/** @param {HTMLButtonElement} button with data-act (address), data-verb, and data-preview (id of the template that tells what happens) */
export function askToPut(button) {
  const { act, verb, preview } = button.dataset;
  const told = document.getElementById(preview).content.cloneNode(true);
  const reason = h("textarea", { class: "input", name: "reason", rows: "2", maxlength: "200", minlength: String(LEAST_REASON), required: true, id: "version-reason" });
  const problem = h("p", { class: "notice notice-bad", role: "alert", hidden: true });
  const go = h("button", { type: "submit", class: "button button-primary" }, verb);
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "version-title" },
    h("form", { method: "dialog", class: "stack" }, told,
      h("div", { class: "field" }, h("label", { for: "version-reason" }, gettext("Reason (kept with the version and in the audit trail)")), reason), problem,
      h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "button", onclick: () => dialog.close() }, gettext("Cancel")), go)));
  dialog.querySelector("h2")?.setAttribute("id", "version-title");
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    send(act, reason.value.trim(), { dialog, go, problem });
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
}

async function send(address, reason, { dialog, go, problem }) {
  if (reason.length < LEAST_REASON) return;
  go.disabled = true;
  try {
    await postJson(address, { reason });
    dialog.close();
    location.reload();
  } catch (error) {
    problem.hidden = false;
    replace(problem, error.message);
    go.disabled = false;
  }
}
