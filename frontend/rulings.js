/** The pages of rulings: filters, the marked text with its facts, and corrections by people. */
import { rested } from "./lib/rested.js";
import { FactDialog } from "./rulings/dialog.js";
import { chosenWords } from "./rulings/offsets.js";

const filters = document.querySelector("form[data-filters]");
if (filters) {
  filters.addEventListener("change", (event) => event.target.type !== "search" && filters.requestSubmit());
  filters.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
  });
}

const page = document.querySelector("[data-ruling]");
if (page) read(page);

/** @param {HTMLElement} page */
function read(page) {
  const text = document.getElementById("ruling-text");
  const side = document.getElementById("ruling-side");
  const dialog = new FactDialog(document.getElementById("fact-dialog"), page.dataset.ruling, () => renew(page));
  watchLegend(page);

  // Pointing at a fact shows its words, pointing at words shows their facts.
  const scroll = rested(() => scrollTo(text, text.querySelector("mark.is-shown")), 120);
  const showFact = (chip) => {
    mark(page, [chip?.dataset.fact].filter(Boolean));
    if (chip) scroll();
  };
  for (const type of ["pointerover", "focusin"]) {
    side.addEventListener(type, (event) => showFact(event.target.closest("[data-fact]")));
    text.addEventListener(type, (event) => mark(page, event.target.closest("mark[data-facts]")?.dataset.facts.split(" ") ?? []));
  }
  for (const part of [text, side]) part.addEventListener("pointerleave", () => mark(page, []));

  side.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-fact]");
    if (chip) return dialog.edit(chip);
    const add = event.target.closest("[data-add]");
    if (add) dialog.add(Number(add.dataset.nextEvent), null);
  });
  text.addEventListener("click", (event) => {
    const words = event.target.closest("mark[data-facts]");
    if (!words || !document.getSelection().isCollapsed) return;
    const chip = side.querySelector(`[data-fact="${words.dataset.facts.split(" ").at(-1)}"]`);
    chip?.scrollIntoView({ block: "nearest" });
    chip?.focus({ preventScroll: true });
  });
  watchSelection(page, text, side, dialog);
}

/** Bring words to the middle of the text's own window; the page moves only where that is not enough. @param {HTMLElement} text @param {Element | null} words */
function scrollTo(text, words) {
  if (!words) return;
  const box = text.getBoundingClientRect();
  const middle = (Math.min(box.bottom, innerHeight) - Math.max(box.top, 0)) / 2 - Math.min(box.top, 0);
  const above = words.getBoundingClientRect().top - box.top + text.scrollTop;
  const most = text.scrollHeight - text.clientHeight;
  const top = Math.min(Math.max(0, above - middle), Math.max(0, most));
  text.scrollTo({ top, behavior: "smooth" });
  const shownAt = box.top + above - top;
  if (shownAt > innerHeight - 40) scrollBy({ top: shownAt - innerHeight / 2, behavior: "smooth" });
  else if (shownAt < 0) scrollBy({ top: shownAt - 80, behavior: "smooth" });
}

/** Mark the words and chips of these facts, and no others. @param {HTMLElement} page @param {string[]} facts */
function mark(page, facts) {
  for (const words of page.querySelectorAll("mark[data-facts]")) {
    words.classList.toggle("is-shown", words.dataset.facts.split(" ").some((fact) => facts.includes(fact)));
  }
  for (const chip of page.querySelectorAll("[data-fact]")) chip.classList.toggle("is-shown", facts.includes(chip.dataset.fact));
}

/** The switches of the legend; the address keeps what is switched off. @param {HTMLElement} page */
function watchLegend(page) {
  const boxes = [...page.querySelectorAll("[data-group]")];
  const off = new Set(new URLSearchParams(location.search).get("hide")?.split(",") ?? []);
  for (const box of boxes) box.checked = !off.has(box.dataset.group);
  const apply = () => {
    const hidden = boxes.filter((box) => !box.checked).map((box) => box.dataset.group);
    page.dataset.hide = hidden.join(" ");
    const address = new URL(location.href);
    if (hidden.length) address.searchParams.set("hide", hidden.join(","));
    else address.searchParams.delete("hide");
    history.replaceState(null, "", address);
  };
  for (const box of boxes) box.addEventListener("change", apply);
  apply();
}

/** Offer to add the words that a person has selected. */
function watchSelection(page, text, side, dialog) {
  const pick = document.getElementById("fact-pick");
  if (!pick) return;
  let words = null;
  const offer = rested(() => {
    const selection = document.getSelection();
    words = selection.rangeCount && !selection.isCollapsed ? chosenWords(text, selection.getRangeAt(0)) : null;
    pick.hidden = !words;
    if (!words) return;
    const box = selection.getRangeAt(0).getBoundingClientRect();
    const left = Math.min(Math.max(box.left, 8), innerWidth - pick.offsetWidth - 8);
    pick.style.setProperty("left", `${left + scrollX}px`);
    pick.style.setProperty("top", `${Math.min(box.bottom + 6, innerHeight - pick.offsetHeight - 8) + scrollY}px`);
  }, 150);
  document.addEventListener("selectionchange", offer);
  pick.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the selection
  pick.querySelector("button").addEventListener("click", () => {
    const next = Number(side.querySelector("[data-add]")?.dataset.nextEvent ?? 0);
    pick.hidden = true;
    if (words) dialog.add(next, words);
  });
}

/** Load the page again and take over its text and facts, so that the place in the text is kept. @param {HTMLElement} page */
async function renew(page) {
  const response = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ["ruling-text", "ruling-side"]) {
    const now = document.getElementById(id);
    const next = fresh.getElementById(id);
    if (!response.ok || !next) return location.reload();
    const top = now.scrollTop;
    now.replaceChildren(...next.childNodes);
    now.scrollTop = top;
  }
  document.getSelection().removeAllRanges();
}
