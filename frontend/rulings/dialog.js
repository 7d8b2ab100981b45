/** The window in which a person corrects, removes or adds a fact. */
import { postJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";

/**
 * @typedef {{code: string, label: string, choices: [string, string][]}} Field
 * @typedef {import("./offsets.js").Words} Words
 */

/** How values of open fields are written. */
const FORMS = { date: "2019-03-15", date_end: "2019-03-15", time: "23:40", time_end: "23:40", offenders: "2" };

export class FactDialog {
  /**
   * @param {HTMLDialogElement} dialog
   * @param {string} ruling its number
   * @param {() => Promise<void>} onChange
   */
  constructor(dialog, ruling, onChange) {
    this.dialog = dialog;
    this.ruling = ruling;
    this.onChange = onChange;
    this.form = dialog.querySelector("form");
    /** @type {Field[]} */
    this.fields = JSON.parse(document.getElementById("fact-fields").textContent);
    this.mayCorrect = Boolean(dialog.querySelector("[data-do=save]"));
    this.form.elements.field?.addEventListener("change", () => this.#showValue(this.form.elements.field.value, ""));
    for (const button of dialog.querySelectorAll("[data-do]")) button.addEventListener("click", () => this.#send(button.dataset.do));
    this.form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target.tagName === "BUTTON" || !this.mayCorrect) return;
      event.preventDefault();
      this.#send("save");
    });
  }

  /** Open on a fact that is there. @param {HTMLElement} chip */
  edit(chip) {
    const field = this.fields.find((one) => one.code === chip.dataset.field);
    this.fact = chip.dataset.fact;
    this.words = null;
    this.fieldCode = chip.dataset.field;
    const isGone = chip.classList.contains("is-gone");
    this.#title(field?.label ?? chip.dataset.field, chip.dataset.quote);
    this.#show({ add: false, value: !isGone, allegation: !isGone, remove: !isGone, "take-back": "corrected" in chip.dataset, save: !isGone });
    this.#showValue(chip.dataset.field, chip.dataset.value);
    if (this.mayCorrect) this.form.elements.is_allegation.checked = "allegation" in chip.dataset;
    const changes = document.querySelector(`template[data-history="${chip.dataset.fact}"]`);
    replace(this.dialog.querySelector("[data-changes]"), changes?.content.cloneNode(true));
    this.#open();
  }

  /**
   * Open for a new fact.
   * @param {number} nextEvent the number that a new event would get
   * @param {Words | null} words
   */
  add(nextEvent, words) {
    this.fact = null;
    this.words = words;
    this.#title(gettext("Add a fact"), words?.quote);
    this.#show({ add: true, value: true, allegation: false, remove: false, "take-back": false, save: true });
    const events = [...document.querySelectorAll("#ruling-side [data-event]")].map((event) => Number(event.dataset.event));
    const options = [...new Set(events)].sort((one, other) => one - other);
    const option = (event, label) => h("option", { value: event }, label);
    replace(
      this.form.elements.event,
      ...options.map((event) => option(event, interpolate(gettext("Event %s"), [event + 1]))),
      option(nextEvent, interpolate(gettext("New event %s"), [nextEvent + 1])),
    );
    replace(this.form.elements.field, ...this.fields.map((field) => h("option", { value: field.code }, field.label)));
    this.form.elements.field.value = "risk_factor";
    this.#showValue("risk_factor", "");
    replace(this.dialog.querySelector("[data-changes]"));
    this.#open();
  }

  #open() {
    this.#complain("");
    this.dialog.showModal();
    this.form.elements.value?.focus();
  }

  #title(text, quote) {
    this.dialog.querySelector("h2").textContent = text;
    const box = this.dialog.querySelector("blockquote");
    box.textContent = quote ? `“${quote}”` : "";
    box.hidden = !quote;
  }

  #show(parts) {
    for (const part of this.dialog.querySelectorAll("[data-for]")) part.hidden = !parts[part.dataset.for];
    for (const button of this.dialog.querySelectorAll("[data-do]")) button.hidden = !parts[button.dataset.do];
  }

  /** A list where the field is closed, else a line to write in. @param {string} code @param {string} value */
  #showValue(code, value) {
    if (!this.mayCorrect) return;
    this.fieldCode = code;
    const field = this.fields.find((one) => one.code === code);
    const common = { id: "fact-value", name: "value" };
    let control;
    if (field?.choices.length) {
      control = h("select", common, ...field.choices.map(([choice, label]) => h("option", { value: choice }, label)));
      if (value) control.value = value;
    } else {
      control = h("input", { ...common, value, maxlength: 120, autocomplete: "off" });
    }
    replace(this.dialog.querySelector("[data-value]"), control);
    const form = FORMS[code];
    this.dialog.querySelector("[data-help]").textContent = form ? interpolate(gettext("Written like %s"), [form]) : "";
  }

  /** @param {string} act save, remove or take-back */
  async #send(act) {
    const { value, event, is_allegation: allegation } = this.form.elements;
    const body = act === "save" ? { value: value.value } : {};
    let address = `/api/v1/rulings/facts/${this.fact}/${act === "save" ? "correct" : act}/`;
    if (this.fact && act === "save") body.is_allegation = allegation.checked; // a new fact is what its event is
    if (!this.fact) {
      address = `/api/v1/rulings/${this.ruling}/facts/`;
      Object.assign(body, this.words ?? {}, { field: this.fieldCode, event: Number(event.value) });
    }
    this.#busy(true);
    try {
      await postJson(address, body);
      this.dialog.close();
      await this.onChange();
    } catch (error) {
      this.#complain(error.message);
    } finally {
      this.#busy(false);
    }
  }

  #busy(isBusy) {
    for (const button of this.dialog.querySelectorAll("[data-do]")) button.disabled = isBusy;
  }

  /** @param {string} sentence */
  #complain(sentence) {
    const box = this.dialog.querySelector("[data-error]");
    box.hidden = !sentence;
    box.textContent = sentence;
  }
}
