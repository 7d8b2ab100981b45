/** Small parts that the pages of uploads share. */
import { h, replace } from "../lib/dom.js";

/**
 * Bytes as a person reads them.
 * @param {number} count
 * @returns {string}
 */
export function readableSize(count) {
  const units = ["B", "KB", "MB", "GB"];
  const step = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), units.length - 1);
  return `${(count / 1024 ** step).toFixed(step ? 1 : 0)} ${units[step]}`;
}

/**
 * Say in a box what went wrong.
 * @param {HTMLElement} box
 * @param {string} sentence
 */
export function complain(box, sentence) {
  box.hidden = false;
  replace(box, h("p", { class: "notice notice-bad", role: "alert" }, sentence));
}

/**
 * @param {string} id
 * @param {string} label
 * @param {Node} control
 * @param {(Node | null)[]} more evidence and the like
 * @returns {HTMLElement}
 */
export function field(id, label, control, ...more) {
  control.id = id;
  return h("div", { class: "field" }, h("label", { for: id }, label), control, ...more);
}

/**
 * @param {[string, string][]} options value and text
 * @param {string} value the chosen one
 * @param {(value: string) => void} onChange
 * @param {Record<string, any>} [attributes]
 * @returns {HTMLSelectElement}
 */
export function select(options, value, onChange, attributes = {}) {
  const known = options.some(([one]) => one === value);
  const all = known ? options : [[value, value || "–"], ...options];
  const items = all.map(([one, text]) => h("option", { value: one, selected: one === value }, text));
  return h("select", { ...attributes, onchange: (event) => onChange(event.target.value) }, ...items);
}

/**
 * A panel with its heading.
 * @param {string} id
 * @param {string} title
 * @param {...(Node | string | null)} children
 */
export function panel(id, title, ...children) {
  return h("section", { class: "panel", id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), ...children);
}

/**
 * Ask before something is done.
 * @param {{title: string, text: string, act: string, danger?: boolean, input?: {label: string, value?: string}}} question
 * @returns {Promise<string | null>} what was typed (or "" without an input), null where it was called off
 */
export function ask({ title, text, act, danger = false, input }) {
  return new Promise((resolve) => {
    const box = input && h("input", { type: "text", id: "ask-input", maxlength: "200", required: true, value: input.value ?? "" });
    const form = h(
      "form",
      { method: "dialog", class: "stack" },
      h("h2", {}, title),
      h("p", {}, text),
      box && h("div", { class: "field" }, h("label", { for: "ask-input" }, input.label), box),
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { type: "button", class: "button", onclick: () => dialog.close("") }, gettext("Cancel")),
        h("button", { class: `button ${danger ? "button-danger" : "button-primary"}`, value: "yes" }, act),
      ),
    );
    const dialog = h("dialog", { class: "dialog" }, form);
    dialog.addEventListener("close", () => {
      const answer = dialog.returnValue === "yes" ? (box?.value.trim() ?? "") : null;
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    (box ?? form.querySelector("button"))?.focus();
  });
}
