/**
 * The live picture: one byte a cell and category, as fetched and then patched by what the channel says, and how old it is.
 *
 * Out: `changed` (detail: {cells, rose}) when bytes of the shown category changed, `age` each second and on every turn of `state`.
 */
import { ApiError } from "../lib/api.js";

export const LATE_S = 10;
export const LOST_S = 60;
const ROSE = 6; // byte steps that are worth a glow: about a fifth more

export class Picture extends EventTarget {
  /** @param {import("./channel.js").LiveChannel} channel */
  constructor(channel) {
    super();
    this.channel = channel;
    /** @type {Map<string, Promise<Uint8Array>>} by category */
    this.kept = new Map();
    this.ready = new Map();
    this.slot = -1;
    this.run = 0;
    this.category = "";
    /** When the newest moment of the picture was, by this machine's clock; 0: never heard. */
    this.asOf = 0;
    this.health = null;
    channel.addEventListener("message:cells", (event) => this.#patch(event.detail));
    channel.addEventListener("message:health", (event) => this.#heal(event.detail));
    for (const type of ["resync", "reload"]) channel.addEventListener(`message:${type}`, () => this.forget());
    channel.addEventListener("state", () => this.#turned());
    setInterval(() => this.#tell(), 1_000);
  }

  /** @returns {"off" | "connecting" | "on" | "late" | "lost"} off: nothing has been fused yet */
  get state() {
    if (this.isMissing) return "off";
    if (this.channel.state === "connecting" || (!this.asOf && this.channel.state === "on")) return "connecting";
    const age = this.age_s;
    if (this.channel.state !== "on" || age > LOST_S) return "lost";
    return age > LATE_S ? "late" : "on";
  }

  /** Seconds since the newest moment that the picture knows. */
  get age_s() {
    return this.asOf ? Math.max(0, (Date.now() - this.asOf) / 1000) : Infinity;
  }

  /** The bytes of a category, fetched once and then kept current. Rejects where nothing has been fused yet. */
  get(category) {
    let bytes = this.kept.get(category);
    if (!bytes) {
      bytes = this.#fetch(category);
      bytes.catch(() => this.kept.delete(category));
      this.kept.set(category, bytes);
    }
    return bytes;
  }

  /** What was fetched before the line stood may lack what was said meanwhile. */
  #turned() {
    if (this.channel.state === "on" && this.kept.size) this.forget();
    this.#tell();
  }

  /** Something was missed, or the slot or the forecast beneath changed: fetch anew. */
  forget() {
    this.kept.clear();
    this.ready.clear();
    this.dispatchEvent(new Event("reload"));
  }

  async #fetch(category) {
    const response = await fetch(`/api/v1/live/values/?${new URLSearchParams({ category })}`, { credentials: "same-origin" });
    if (!response.ok || response.status === 204) {
      this.isMissing = true;
      this.#tell();
      const body = await response.json().catch(() => null);
      throw new ApiError(body?.error?.message ?? gettext("There is no live picture yet."), response.status, body?.error?.code ?? "no_live");
    }
    this.isMissing = false;
    const bytes = new Uint8Array(await response.arrayBuffer());
    this.slot = Number(response.headers.get("X-Live-Slot") ?? -1);
    this.run = Number(response.headers.get("X-Live-Run") ?? 0);
    this.fetchedAt = response.headers.get("X-Live-At") ?? "";
    this.#seen(this.fetchedAt);
    this.ready.set(category, bytes);
    this.#tell();
    return bytes;
  }

  /** @param {{at: string, run: number, slot: number, cells: number[], values: Record<string, number[]>}} message */
  #patch(message) {
    if (message.run !== this.run || message.slot !== this.slot) {
      if (this.run && this.ready.size) this.forget();
      return;
    }
    if (this.fetchedAt && Date.parse(message.at) < Date.parse(this.fetchedAt)) return; // said before what was fetched
    this.#seen(message.at);
    const rose = [];
    for (const [category, bytes] of this.ready) {
      const values = message.values[category];
      if (!values) continue;
      for (let at = 0; at < values.length; at += 1) {
        const cell = message.cells[at];
        if (category === this.category && values[at] >= bytes[cell] + ROSE) rose.push(cell);
        bytes[cell] = values[at];
      }
    }
    this.dispatchEvent(new CustomEvent("changed", { detail: { cells: message.cells, rose } }));
  }

  #heal(message) {
    this.health = message;
    this.#seen(message.at, message.lag_s);
    if (this.isMissing) this.forget(); // fusion has begun since
    this.dispatchEvent(new Event("health"));
    this.#tell();
  }

  /** The clocks of server and browser may differ: what has just arrived is as old as the server says it lags. */
  #seen(at, lag_s = 0) {
    if (!at) return;
    this.at = at;
    this.asOf = Math.max(this.asOf, Date.now() - 1000 * Math.max(0, lag_s || 0));
  }

  #tell() {
    this.dispatchEvent(new Event("age"));
  }
}
