/** The tabs of the side panel; the chosen one is part of the address. */

const ORDER = ["live", "cell", "top", "watch"];

export class Tabs {
  /**
   * @param {HTMLElement} root
   * @param {import("./view.js").View} view
   */
  constructor(root, view) {
    this.root = root;
    this.view = view;
    this.order = ORDER.filter((name) => this.#tab(name)); // without a live channel there is no such tab
    for (const name of this.order) {
      const tab = this.#tab(name);
      tab.addEventListener("click", () => view.set({ tab: name }));
      tab.addEventListener("keydown", (event) => this.#key(event, name));
    }
    view.on(["tab"], () => this.#show());
    this.#show();
  }

  #tab(name) {
    return this.root.querySelector(`#tab-${name}`);
  }

  #show() {
    for (const name of this.order) {
      const isChosen = name === this.view.state.tab;
      this.#tab(name).setAttribute("aria-selected", String(isChosen));
      this.#tab(name).tabIndex = isChosen ? 0 : -1;
      this.root.querySelector(`#panel-${name}`).hidden = !isChosen;
    }
  }

  #key(event, name) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = this.order[(this.order.indexOf(name) + step + this.order.length) % this.order.length];
    this.view.set({ tab: next });
    this.#tab(next).focus();
  }
}
