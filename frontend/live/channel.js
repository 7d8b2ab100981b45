/**
 * The live channel: server-sent events of the person's own jurisdiction. One a page.
 *
 * Out: an event for each message, named `message:TYPE` with the message as `detail`, and `state` whenever `state` changes:
 * "connecting", "on", "lost" (the line, or Redis behind it), "barred" (signed out).
 */

const SILENCE_MS = 16_000; // three beats
const AGAIN_MS = [2_000, 4_000, 8_000, 15_000];

export class LiveChannel extends EventTarget {
  /** @param {string} address of the stream */
  constructor(address) {
    super();
    this.address = address;
    this.state = "connecting";
    this.failures = 0;
    this.lastId = "";
    setInterval(() => this.#watch(), 2_000);
    addEventListener("pagehide", () => this.source?.close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
  }

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    this.heard = Date.now();
    this.source = new EventSource(this.address, { withCredentials: true });
    this.source.onmessage = (event) => this.#take(event);
    this.source.onerror = () => this.#failed();
  }

  /** @param {MessageEvent} event */
  #take(event) {
    this.heard = Date.now();
    this.failures = 0;
    const message = JSON.parse(event.data);
    if (message.type === "channel") this.#say(message.state === "on" ? "on" : "lost");
    else if (message.type === "bye") this.#end();
    if (message.type === "channel" && this.missed) {
      this.missed = false; // a line of our own making has no Last-Event-ID to send
      this.dispatchEvent(new CustomEvent("message:resync", { detail: message }));
    }
    this.dispatchEvent(new CustomEvent(`message:${message.type}`, { detail: message }));
  }

  /** The browser tries again by itself, unless the answer was an error: then we do, ever more rarely. */
  #failed() {
    this.#say("lost");
    if (this.source.readyState !== EventSource.CLOSED) return;
    this.missed = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), AGAIN_MS[Math.min(this.failures, AGAIN_MS.length - 1)]);
    this.failures += 1;
  }

  /** A line that broke without a word says nothing at all, not even beats. */
  #watch() {
    if (this.state === "barred" || this.source?.readyState !== EventSource.OPEN || Date.now() - this.heard < SILENCE_MS) return;
    this.#say("lost");
    this.missed = true;
    this.open();
  }

  #end() {
    this.source.close();
    this.#say("barred");
  }

  #say(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}
