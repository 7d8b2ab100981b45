/** Undoing an upload: ask for the reason, send the job, follow it. */
import { followJob } from "../job.js";
import { postJson } from "../lib/api.js";
import { ask, complain } from "./parts.js";

/** @param {HTMLElement} element with `data-upload` and `data-rows` */
export function offerUndo(element) {
  const button = element.querySelector("button");
  const box = element.querySelector("[data-box]");
  button.addEventListener("click", async () => {
    const reason = await ask({
      title: gettext("Undo this upload?"),
      text: interpolate(gettext("%s rows are removed and everything is as it was before. Forecasts made since stay as they are."), [element.dataset.rows]),
      act: gettext("Undo"),
      danger: true,
      input: { label: gettext("Reason (kept in the audit trail)") },
    });
    if (!reason) return;
    button.disabled = true;
    try {
      const upload = await postJson(`/api/v1/uploads/${element.dataset.upload}/undo/`, { reason });
      box.hidden = false;
      const job = await followJob(upload.job, box);
      if (job.state === "succeeded") return location.reload();
      complain(box, job.message || job.state_label);
    } catch (error) {
      complain(box, error.message);
    }
    button.disabled = false;
  });
}
