/** One line on how the cameras fare, and how much comes in. */
import { h, replace } from "../lib/dom.js";
import { count } from "../lib/format.js";

/**
 * @param {HTMLElement} root
 * @param {import("./picture.js").Picture} picture
 */
export function showHealth(root, picture) {
  picture.addEventListener("health", () => {
    const { cameras = {}, events_per_s: rate = 0, shed = 0 } = picture.health;
    const part = (name, label) => cameras[name] > 0 && h("span", { class: `health-part is-${name}` }, h("i", { "aria-hidden": "true" }), `${label} ${count(cameras[name])}`);
    replace(root,
      part("ok", gettext("reporting")), part("stale", gettext("stale")), part("blind", gettext("cannot see")), part("silent", gettext("silent")),
      h("span", { class: "muted" }, interpolate(gettext("%s events/s"), [rate >= 10 ? count(rate) : rate.toFixed(1)])),
      shed > 0 && h("span", { class: "badge badge-warn", title: gettext("More came in than could be taken: measures and unsure events were left out first.") }, interpolate(gettext("%s left out"), [count(shed)])),
      h("a", { href: "/cameras/streams/" }, gettext("All streams")));
  });
}
