/**
 * The wizard on the page of one upload: understanding and check. Every change goes to the server, which answers with the
 * whole upload; the page is drawn from that answer alone. The address' fragment holds the step (#understanding, #check).
 */
import { followJob } from "../job.js";
import { getJson, postJson, sendJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { findingsView } from "./findings.js";
import { categoriesPanel, columnsPanel, previewPanel, questionsPanel, readingPanel, summary } from "./understanding.js";
import { ask, complain } from "./parts.js";

export class Wizard {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.address = `/api/v1/uploads/${element.dataset.upload}/`;
    this.say = h("p", { class: "visually-hidden", role: "status" });
    this.trouble = h("div", { hidden: true });
    this.body = h("div", { class: "wizard-body" });
    replace(element, this.say, this.trouble, this.body);
    addEventListener("hashchange", () => this.draw());
  }

  async start() {
    try {
      [this.upload, this.choices] = await Promise.all([getJson(this.address), getJson("/api/v1/upload-choices/")]);
    } catch (error) {
      return complain(this.trouble, error.message);
    }
    this.draw();
    if (this.upload.job && this.upload.state !== "checked") await this.resume();
  }

  /** A job that was sent before this page was opened. */
  async resume() {
    const job = await getJson(`/api/v1/jobs/${this.upload.job}/`);
    if (["queued", "running"].includes(job.state)) await this.follow(job.kind === "check" ? "check" : "commit");
    else if (job.state === "failed" && !this.upload.message) complain(this.trouble, job.message);
  }

  step() {
    const asked = location.hash.slice(1);
    if (asked === "understanding") return asked;
    return this.upload.state === "checked" ? "check" : "understanding";
  }

  draw() {
    const focused = document.activeElement?.id;
    const step = this.step();
    for (const item of document.querySelectorAll(".steps [data-step]")) {
      const isHere = item.dataset.step === step;
      item.toggleAttribute("aria-current", isHere);
      if (isHere) item.setAttribute("aria-current", "step");
      const link = item.querySelector("a");
      if (link && item.dataset.step === "check") link.toggleAttribute("aria-disabled", this.upload.state !== "checked");
    }
    const badge = document.querySelector("#state .badge");
    if (badge) badge.textContent = this.upload.state_label;
    if (this.upload.message) complain(this.trouble, this.upload.message);
    const { understanding } = this.upload;
    if (!understanding) replace(this.body);
    else replace(this.body, ...(step === "check" ? this.checkStep() : this.understandingStep(understanding)));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  understandingStep(understanding) {
    const view = { upload: this.upload, understanding, choices: this.choices, change: (changes) => this.change(changes), addKind: () => this.addKind() };
    const isOpen = understanding.open_questions.length === 0;
    return [
      summary(view),
      questionsPanel(view),
      previewPanel(view),
      columnsPanel(view),
      categoriesPanel(view),
      readingPanel(view),
      this.bar(
        h("button", { type: "button", class: "button button-danger", onclick: () => this.discard() }, gettext("Discard the file")),
        understanding.header.length > 0 &&
          h("button", { type: "button", class: "button", onclick: () => this.savePreset() }, gettext("Save as preset …")),
        h(
          "button",
          { type: "button", class: "button button-primary", id: "check", disabled: !isOpen, onclick: () => this.run("check") },
          this.upload.state === "checked" ? gettext("Check again") : gettext("Check the file"),
        ),
        isOpen ? gettext("A check takes nothing in.") : gettext("Answer the open questions above first."),
      ),
    ];
  }

  checkStep() {
    const { findings } = this.upload;
    const label = interpolate(gettext("Take in %s rows"), [count(findings.accepted)]);
    return [
      ...findingsView(findings, { kind: this.upload.kind, onMend: (mends) => this.mend(mends) }),
      this.bar(
        h("a", { class: "button", href: "#understanding" }, gettext("Back to the understanding")),
        h("button", { type: "button", class: "button button-danger", onclick: () => this.discard() }, gettext("Discard the file")),
        h(
          "button",
          { type: "button", class: "button button-primary", id: "commit", disabled: !findings.accepted, onclick: () => this.run("commit") },
          label,
        ),
        findings.rejected ? gettext("Rejected rows stay out; they can be downloaded, mended and uploaded again.") : "",
      ),
    ];
  }

  bar(...parts) {
    const note = parts.pop();
    return h("div", { class: "wizard-bar" }, h("span", { class: "muted small" }, note), h("div", { class: "row" }, ...parts));
  }

  /** @param {object} changes fields of the mapping */
  async change(changes) {
    this.element.setAttribute("aria-busy", "true");
    try {
      this.upload = await sendJson("PUT", `${this.address}mapping/`, changes);
      this.trouble.hidden = true;
      this.say.textContent = gettext("The preview is renewed.");
    } catch (error) {
      complain(this.trouble, error.message);
      this.trouble.scrollIntoView({ block: "center" });
    }
    this.element.removeAttribute("aria-busy");
    this.draw();
  }

  /** Accept or call back a proposed mend, then check again, because the counts change. @param {string[]} mends */
  async mend(mends) {
    await this.change({ mends });
    await this.run("check");
  }

  /** @param {"check" | "commit"} act */
  async run(act) {
    try {
      this.upload = await postJson(`${this.address}${act}/`);
    } catch (error) {
      complain(this.trouble, error.message);
      return this.trouble.scrollIntoView({ block: "center" });
    }
    await this.follow(act);
  }

  async follow(act) {
    const box = h("section", { class: "panel", id: "upload-progress" });
    this.trouble.hidden = true;
    replace(this.body, box);
    box.scrollIntoView({ block: "center" });
    const job = await followJob(this.upload.job, box);
    if (act === "commit" && job.state === "succeeded") return location.reload();
    this.upload = await getJson(this.address);
    if (["committed", "refused"].includes(this.upload.state)) return location.reload();
    if (location.hash) history.replaceState(null, "", location.pathname);
    this.draw();
    if (job.state === "failed") complain(this.trouble, job.message);
    scrollTo({ top: 0 });
  }

  /** A kind of place that the jurisdiction does not have yet. */
  async addKind() {
    const name = await ask({
      title: gettext("Another kind of place"),
      text: gettext("It is kept for this jurisdiction and is a layer of its own on the map."),
      act: gettext("Add"),
      input: { label: gettext("Name of the kind") },
    });
    if (!name) return this.draw();
    try {
      const kind = await postJson("/api/v1/place-kinds/", { name });
      this.choices.place_kinds.push({ code: kind.code, name });
      await this.change({ place_kind: kind.code });
    } catch (error) {
      complain(this.trouble, error.message);
      this.draw();
    }
  }

  async savePreset() {
    const name = await ask({
      title: gettext("Save as preset"),
      text: gettext("The next file with the same columns is then understood like this one."),
      act: gettext("Save"),
      input: { label: gettext("Name of the source"), value: this.upload.understanding.preset?.name ?? "" },
    });
    if (!name) return;
    try {
      const preset = await postJson("/api/v1/upload-presets/", { upload: this.upload.id, name });
      const sentence = interpolate(gettext("Saved as “%s”. The next file with these columns is recognised."), [preset.name]);
      replace(this.trouble, h("p", { class: "notice notice-good", role: "status" }, sentence));
      this.trouble.hidden = false;
      this.trouble.scrollIntoView({ block: "center" });
    } catch (error) {
      complain(this.trouble, error.message);
    }
  }

  async discard() {
    const answer = await ask({
      title: gettext("Discard this file?"),
      text: gettext("Nothing of it has been taken in. It is removed from the server."),
      act: gettext("Discard"),
      danger: true,
    });
    if (answer === null) return;
    try {
      await postJson(`${this.address}discard/`);
      location.assign("/uploads/");
    } catch (error) {
      complain(this.trouble, error.message);
    }
  }
}
