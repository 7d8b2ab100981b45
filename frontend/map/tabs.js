/** The tabs of the side panel; the chosen one is part of the address. */

const ORDER = ["cell", "top", "watch"];

export class Tabs {
  /**
   * @param {HTMLElement} root
   * @param {import("./view.js").View} view
   */
  constructor(root, view) {
    this.root = root;
    this.view = view;
    for (const name of ORDER) {
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
    for (const name of ORDER) {
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
    const next = ORDER[(ORDER.indexOf(name) + step + ORDER.length) % ORDER.length];
    this.view.set({ tab: next });
    this.#tab(next).focus();
  }
}
