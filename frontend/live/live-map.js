/** What the live channel adds to the map page: its parts, and how they hang together. */
import { Alerts } from "./alerts.js";
import { LiveChannel } from "./channel.js";
import { Feed } from "./feed.js";
import { showHealth } from "./health.js";
import { LiveLayer } from "./layer.js";
import { CellNow } from "./now.js";
import { Picture } from "./picture.js";

export class LiveMap {
  /**
   * @param {string} address of the stream
   * @param {import("../map/risk-map.js").RiskMap} riskMap
   * @param {import("../map/view.js").View} view
   * @param {import("../lib/format.js").Clock} clock
   */
  constructor(address, riskMap, view, clock) {
    Object.assign(this, { view, riskMap });
    const at = (id) => document.getElementById(id);
    const alerts = at("live-alerts");
    this.channel = new LiveChannel(address);
    this.picture = new Picture(this.channel);
    this.layer = new LiveLayer(this.picture, view, { switcher: at("live-switch"), age: at("live-age"), notice: at("live-notice") }, clock);
    this.cellNow = new CellNow(view, this.layer, this.picture, () => riskMap.cells);
    const show = (place, zoom) => riskMap.flyTo(place, zoom);
    this.alerts = view.start.allowed.includes("make_plan") ? new Alerts(alerts, this.channel, riskMap, { show, badge: at("alert-count"), categories: view.start.categories }) : null;
    if (!this.alerts) alerts.closest("section").hidden = true;
    this.feed = new Feed(at("live-feed"), this.channel, clock);
    showHealth(at("live-health"), this.picture);
    view.on(["live"], () => this.alerts?.show(this.layer.isOn));
  }

  /** Begin to listen: after the first picture, which it must not slow down. */
  open() {
    this.channel.open();
    this.feed.load();
    this.alerts?.show(this.layer.isOn);
    this.alerts?.load();
  }

  /**
   * @param {import("../map/hexagons.js").HexagonLayer} hexagons
   * @param {() => void} step draw the chosen picture anew
   * @param {() => Uint8Array | null} shown the bytes that are drawn
   */
  drawOn(hexagons, step, shown) {
    this.layer.drawOn(hexagons);
    this.picture.addEventListener("reload", step);
    this.picture.addEventListener("changed", (event) => {
      const bytes = this.picture.ready.get(this.view.state.category);
      if (!this.layer.isOn || !bytes || shown() !== bytes) return;
      hexagons.setValues(bytes);
      hexagons.glow(event.detail.rose);
      performance.mark("haechi:live-drawn", { detail: event.detail.cells.length });
    });
    if (this.layer.isOn) step();
  }
}
