/** The form: choose or drop files, send each, say how it is understood; several can be checked and taken in together. */
import { followJob } from "../job.js";
import { getJson, postForm, postJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { complain, readableSize } from "./parts.js";

export class Receiver {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.input = form.querySelector("#file");
    this.drop = form.querySelector("#drop");
    this.box = form.querySelector("#upload-progress");
    this.queue = document.getElementById("queue");
    this.input.addEventListener("change", () => this.take([...this.input.files]));
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const name of ["dragenter", "dragover"]) this.drop.addEventListener(name, (event) => this.hover(event, true));
    for (const name of ["dragleave", "drop"]) this.drop.addEventListener(name, (event) => this.hover(event, false));
    this.drop.addEventListener("drop", (event) => this.take([...(event.dataTransfer?.files ?? [])]));
  }

  hover(event, isOver) {
    event.preventDefault();
    this.drop.classList.toggle("is-over", isOver);
  }

  /** @param {File} file @returns {string} what is wrong before anything is sent, or nothing */
  trouble(file) {
    const limit = Number(this.form.dataset.limit);
    if (file.size <= limit) return "";
    const message = gettext("%s is %s large; this server takes in at most %s. Split it by year, or compress it with gzip, and upload the parts.");
    return interpolate(message, [file.name, readableSize(file.size), readableSize(limit)]);
  }

  /** @param {File[]} files */
  async take(files) {
    if (!files.length) return;
    this.box.hidden = true;
    this.input.disabled = true;
    const rows = files.map((file) => new QueueRow(file));
    this.queue.hidden = false;
    const list = h("div", { class: "queue-rows" }, ...rows.map((row) => row.element));
    this.actions = h("div", { class: "queue-actions row" });
    replace(this.queue, h("h2", { id: "queue-title" }, gettext("Files just sent")), list, this.actions);
    for (const row of rows) await this.send(row, files.length === 1);
    this.input.disabled = false;
    this.input.value = "";
    if (files.length > 1) this.offer(rows);
  }

  async send(row, isAlone) {
    const trouble = this.trouble(row.file);
    if (trouble) return row.fail(trouble);
    const form = new FormData();
    form.append("file", row.file);
    try {
      const upload = await postForm(this.form.getAttribute("action"), form, (fraction) => row.sending(fraction));
      row.received(upload);
      if (upload.already_there) row.sayAlreadyThere(() => this.sendAgain(row));
      else if (isAlone) location.assign(`/uploads/${upload.id}/`);
    } catch (error) {
      row.fail(error.message);
    }
  }

  async sendAgain(row) {
    const form = new FormData();
    form.append("file", row.file);
    form.append("again", "true");
    try {
      const upload = await postForm(this.form.getAttribute("action"), form, (fraction) => row.sending(fraction));
      location.assign(`/uploads/${upload.id}/`);
    } catch (error) {
      row.fail(error.message);
    }
  }

  /** Offer to check all files together, then to take in those that are good. @param {QueueRow[]} rows */
  offer(rows) {
    const open = rows.filter((row) => row.upload?.state === "received" && !row.upload.already_there);
    if (!open.length) return;
    const text = interpolate(gettext("Check all %s files"), [open.length]);
    const button = h("button", { type: "button", class: "button button-primary", onclick: () => this.checkAll(open, button) }, text);
    replace(this.actions, button, h("span", { class: "muted small" }, gettext("Nothing is taken in by a check.")));
  }

  async checkAll(rows, button) {
    button.disabled = true;
    for (const row of rows) await row.run("check");
    const good = rows.filter((row) => row.upload?.state === "checked" && row.upload.findings?.accepted);
    if (!good.length) return replace(this.actions, h("p", { class: "muted" }, gettext("Open each file to see what it needs.")));
    const text = interpolate(gettext("Take in %s files"), [good.length]);
    const take = h("button", { type: "button", class: "button button-primary", onclick: () => this.takeAll(good, take) }, text);
    replace(this.actions, take, h("span", { class: "muted small" }, gettext("Rejected rows stay out; each file can be opened first.")));
    take.focus();
  }

  async takeAll(rows, button) {
    button.disabled = true;
    for (const row of rows) await row.run("commit");
    replace(this.actions, h("a", { class: "button", href: "/uploads/" }, gettext("Show all uploads")));
  }
}

/** One file of the queue. */
class QueueRow {
  /** @param {File} file */
  constructor(file) {
    this.file = file;
    this.upload = null;
    this.bar = h("progress", { max: "1", value: "0", "aria-label": gettext("Sending the file") });
    this.text = h("div", { class: "queue-text", role: "status" }, gettext("waiting"));
    this.open = h("a", { class: "button button-small", hidden: true }, gettext("Open"));
    this.job = h("div", { class: "queue-job", hidden: true });
    const name = h("div", { class: "queue-name" }, h("strong", {}, file.name), h("span", { class: "muted small" }, readableSize(file.size)));
    this.element = h("div", { class: "queue-row" }, name, h("div", { class: "queue-state progress" }, this.bar, this.text, this.job), this.open);
  }

  sending(fraction) {
    this.bar.hidden = false;
    this.bar.value = fraction;
    this.say(fraction < 1 ? `${Math.floor(fraction * 100)} %` : gettext("looking into the file …"));
  }

  say(...content) {
    replace(this.text, ...content);
  }

  fail(sentence) {
    this.bar.hidden = true;
    this.element.classList.add("is-bad");
    this.say(sentence);
  }

  received(upload) {
    this.upload = upload;
    this.bar.hidden = true;
    this.open.hidden = false;
    this.open.href = `/uploads/${upload.id}/`;
    if (upload.state === "refused") return this.fail(upload.message);
    this.say(h("span", { class: "badge badge-accent" }, upload.kind_label), " ", upload.state_label);
  }

  sayAlreadyThere(again) {
    const sentence = interpolate(gettext("This content was uploaded before as “%s”. Nothing was changed."), [this.upload.file_name]);
    this.open.textContent = gettext("Show that upload");
    const isCommitted = this.upload.state === "committed";
    const link = h("button", { type: "button", class: "button button-quiet button-small", onclick: again }, gettext("Read it as something else"));
    this.say(h("span", {}, sentence), isCommitted ? link : null);
  }

  /** Send a job for this file and follow it to its end. @param {"check" | "commit"} act */
  async run(act) {
    try {
      let upload = await postJson(`/api/v1/uploads/${this.upload.id}/${act}/`);
      this.job.hidden = false;
      const job = await followJob(upload.job, this.job);
      upload = await getJson(`/api/v1/uploads/${this.upload.id}/`);
      this.job.hidden = true;
      this.upload = upload;
      if (job.state === "failed") return this.fail(job.message);
      this.sayFindings(upload);
    } catch (error) {
      this.job.hidden = true;
      this.fail(error.message);
    }
  }

  sayFindings(upload) {
    const { accepted, rejected } = upload.findings ?? { accepted: 0, rejected: 0 };
    const badge = upload.state === "committed" ? "badge-good" : "badge-accent";
    const numbers = interpolate(gettext("%s good, %s rejected"), [count(accepted), count(rejected)]);
    this.say(h("span", { class: `badge ${badge}` }, upload.state_label), " ", numbers);
  }
}
