/** The theme: "auto" follows the system, "light" and "dark" are the person's choice, kept in this browser. */

const KEY = "haechi-theme";
/** @typedef {"auto" | "light" | "dark"} Choice */
/** @type {Choice[]} */
export const CHOICES = ["auto", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");

/** @returns {Choice} */
export function chosenTheme() {
  let stored = null;
  try {
    stored = localStorage.getItem(KEY);
  } catch {
    // storage may be forbidden by the browser's policy; the system's theme then stands
  }
  return CHOICES.find((choice) => choice === stored) ?? "auto";
}

/** Put the theme on the root element and tell the parts that draw by themselves (`haechi:theme`). */
export function applyTheme() {
  const choice = chosenTheme();
  const theme = choice === "auto" ? (system.matches ? "dark" : "light") : choice;
  const root = document.documentElement;
  const changed = root.dataset.theme !== theme;
  root.dataset.themeChoice = choice;
  root.dataset.theme = theme;
  if (changed) document.dispatchEvent(new CustomEvent("haechi:theme", { detail: theme }));
}

/** @param {Choice} choice */
export function chooseTheme(choice) {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    document.documentElement.dataset.themeChoice = choice;
  }
  applyTheme();
}

/** Follow the system while the choice is "auto". */
export function followSystem() {
  system.addEventListener("change", applyTheme);
}

/** @returns {boolean} */
export function isDark() {
  return document.documentElement.dataset.theme === "dark";
}
