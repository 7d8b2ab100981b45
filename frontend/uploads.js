/** The pages of uploads: send a file with its progress, follow the job that takes it in, then show what became of it. */
import { followJob } from "./job.js";
import { postForm } from "./lib/api.js";
import { h, replace } from "./lib/dom.js";

/**
 * Bytes as a person reads them.
 * @param {number} count
 * @returns {string}
 */
function readableSize(count) {
  const units = ["B", "KB", "MB", "GB"];
  const step = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), units.length - 1);
  return `${(count / 1024 ** step).toFixed(step ? 1 : 0)} ${units[step]}`;
}

/**
 * @param {HTMLElement} box
 * @param {string} sentence
 */
function complain(box, sentence) {
  box.hidden = false;
  replace(box, h("p", { class: "notice notice-bad", role: "alert" }, sentence));
}

/**
 * Draws how much of the file has been sent.
 * @param {HTMLElement} box
 * @param {File} file
 * @returns {(fraction: number) => void}
 */
function sendingBar(box, file) {
  const started = performance.now();
  const bar = h("progress", { max: "1", value: "0", "aria-label": gettext("Sending the file") });
  const percent = h("span", { class: "muted" }, "0 %");
  const text = h("span", { role: "status" });
  const head = h("div", { class: "progress-head" }, h("strong", {}, gettext("Sending the file")), percent);
  replace(box, h("div", { class: "progress" }, head, bar, h("div", { class: "progress-foot" }, text)));
  box.hidden = false;
  return (fraction) => {
    bar.value = fraction;
    percent.textContent = `${Math.floor(fraction * 100)} %`;
    const left = ((performance.now() - started) / 1000) * (1 / Math.max(fraction, 0.001) - 1);
    const sent = interpolate(gettext("%s of %s"), [readableSize(fraction * file.size), readableSize(file.size)]);
    const estimate = fraction < 1 ? interpolate(gettext("about %s s left"), [Math.max(1, Math.round(left))]) : gettext("checking …");
    text.textContent = `${sent} · ${estimate}`;
  };
}

/**
 * Follow the job of an upload in a box, then show the upload's page.
 * @param {string} jobId
 * @param {HTMLElement} box
 * @param {string} address page of the upload
 */
async function followUpload(jobId, box, address) {
  await followJob(jobId, box);
  location.assign(address);
}

/** The form: choose or drop a file, send it, follow it. */
class UploadForm {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.input = form.querySelector("#file");
    this.drop = form.querySelector("#drop");
    this.title = form.querySelector("#drop-title");
    this.note = form.querySelector("#drop-note");
    this.box = form.querySelector("#upload-progress");
    this.button = form.querySelector("#send");
    this.input.addEventListener("change", () => this.chosen());
    form.addEventListener("submit", (event) => this.submit(event));
    for (const name of ["dragenter", "dragover"]) this.drop.addEventListener(name, (event) => this.hover(event, true));
    for (const name of ["dragleave", "drop"]) this.drop.addEventListener(name, (event) => this.hover(event, false));
    this.drop.addEventListener("drop", (event) => this.dropped(event));
  }

  hover(event, isOver) {
    event.preventDefault();
    this.drop.classList.toggle("is-over", isOver);
  }

  dropped(event) {
    const files = event.dataTransfer?.files;
    if (!files?.length) return;
    if (files.length > 1) return complain(this.box, gettext("Drop one file at a time."));
    this.input.files = files;
    this.chosen();
  }

  chosen() {
    const file = this.input.files[0];
    this.box.hidden = true;
    if (!file) return;
    this.title.textContent = file.name;
    this.note.textContent = readableSize(file.size);
    const lower = file.name.toLowerCase();
    const guess = ["chicago", "nyc"].find((name) => lower.includes(name));
    if (guess) this.form.querySelector("#preset").value = guess;
  }

  /** @returns {string} what is wrong before anything is sent, or nothing */
  trouble() {
    const file = this.input.files[0];
    const limit = Number(this.form.dataset.limit);
    if (!file) return gettext("Choose a file first.");
    if (file.size <= limit) return "";
    const message = gettext("%s is %s large; this server takes in at most %s. Split it by year, or compress it with gzip, and upload the parts.");
    return interpolate(message, [file.name, readableSize(file.size), readableSize(limit)]);
  }

  async submit(event) {
    event.preventDefault();
    const trouble = this.trouble();
    if (trouble) return complain(this.box, trouble);
    const file = this.input.files[0];
    const form = new FormData(this.form);
    this.button.disabled = true;
    try {
      const upload = await postForm(this.form.getAttribute("action"), form, sendingBar(this.box, file));
      const address = `/uploads/${upload.id}/`;
      if (upload.already_there) this.sayAlreadyThere(upload, address);
      else await followUpload(upload.job, this.box, address);
    } catch (error) {
      complain(this.box, error.message);
    } finally {
      this.button.disabled = false;
    }
  }

  sayAlreadyThere(upload, address) {
    const sentence = interpolate(gettext("This content was uploaded before as “%s”. Nothing was changed."), [upload.file_name]);
    const link = h("a", { href: address }, gettext("Show that upload"));
    replace(this.box, h("div", { class: "notice notice-warn", role: "status" }, h("p", {}, sentence), link));
  }
}

const form = document.getElementById("upload-form");
if (form) new UploadForm(form);

const box = document.querySelector("#upload-progress[data-job]");
if (box) followUpload(box.dataset.job, box, location.href).catch((error) => complain(box, error.message));
