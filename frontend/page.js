/** What every page does: the theme switch, and asking before a destructive or revealing form is sent. */
import { CHOICES, chooseTheme, chosenTheme, followSystem } from "./lib/theme.js";

/** @param {HTMLElement} button */
function labelTheme(button) {
  const labels = { auto: gettext("Theme: follows the system"), light: gettext("Theme: light"), dark: gettext("Theme: dark") };
  const label = labels[chosenTheme()];
  button.setAttribute("aria-label", label);
  button.title = label;
}

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  labelTheme(button);
  button.addEventListener("click", () => {
    chooseTheme(CHOICES[(CHOICES.indexOf(chosenTheme()) + 1) % CHOICES.length]);
    labelTheme(button);
  });
}

// The language form returns to the page as it stands now: the address holds the whole view and changes under our hands.
for (const form of document.querySelectorAll("form[data-language]")) {
  form.addEventListener("submit", () => {
    form.elements.next.value = location.pathname + location.search;
  });
}

followSystem();
