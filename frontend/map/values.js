/** One byte a cell for each slot and category; kept in memory, with the other slots of the week fetched ahead. */
import { getBytes } from "../lib/api.js";

const KEPT = 64;

export class Values {
  /** @param {import("./types.js").Run} run */
  constructor(run) {
    this.run = run;
    /** @type {Map<string, Promise<Uint8Array>>} */
    this.kept = new Map();
  }

  /**
   * @param {number} slot
   * @param {string} category
   * @returns {Promise<Uint8Array>}
   */
  get(slot, category) {
    const query = new URLSearchParams({ slot: String(slot), category, v: this.run.tag });
    const address = `/api/v1/runs/${this.run.id}/values/?${query}`;
    let bytes = this.kept.get(address);
    if (!bytes) {
      bytes = getBytes(address).then((buffer) => new Uint8Array(buffer));
      bytes.catch(() => this.kept.delete(address));
      this.kept.set(address, bytes);
      if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
    }
    return bytes;
  }

  /** Fetch the whole week ahead, the nearest slots first, one request at a time; a newer call takes over. */
  async ahead(slot, category) {
    const walk = (this.walk = Symbol("walk"));
    const distance = (other) => Math.abs(other - slot) - (other > slot ? 0.5 : 0);
    const order = this.run.slot_starts.map((_, index) => index).sort((a, b) => distance(a) - distance(b));
    for (const near of order) {
      if (this.walk !== walk) return;
      await this.get(near, category).catch(() => {});
    }
  }

  /** The rate that a byte stands for (0 for the transparent byte). */
  rate(byte, category) {
    const scale = this.run.scale[category];
    return byte && scale?.maximum ? scale.minimum * (scale.maximum / scale.minimum) ** ((byte - 1) / 254) : 0;
  }
}
