/** Asks before an act that others will see. */
import { h } from "../lib/dom.js";

/**
 * @param {string} title
 * @param {string} text
 * @param {string} verb what the button does
 * @returns {Promise<boolean>}
 */
export function confirm(title, text, verb) {
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "confirm-title" },
    h("form", { method: "dialog" }, h("h2", { id: "confirm-title" }, title), h("p", {}, text),
      h("div", { class: "dialog-actions" },
        h("button", { class: "button", value: "no" }, gettext("Cancel")),
        h("button", { class: "button button-primary", value: "yes" }, verb))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
