/** The page of one published table: draws its picture, and shows the choice as soon as it is made. */
import { replace } from "./lib/dom.js";
import { barChart, lineChart } from "./figures/charts.js";

const data = document.getElementById("figures-data");
if (data) {
  const chart = JSON.parse(data.textContent);
  replace(document.querySelector("[data-figures-chart]"), chart.isLine ? lineChart(chart) : barChart(chart));
}

const form = document.querySelector("form[data-choices]");
if (form) {
  /** @type {Set<string>} */
  const fresh = new Set();
  const axes = [form.elements.rows, form.elements.columns];
  form.addEventListener("change", (event) => {
    // Rows and columns by the same thing make no table: the other axis takes what this one had.
    const [rows, columns] = axes;
    if (axes.includes(event.target) && rows.value === columns.value) {
      const other = event.target === rows ? columns : rows;
      other.value = event.target.dataset.before;
    }
    // What becomes an axis shows everything, whatever it was held at before.
    if (axes.includes(event.target)) for (const axis of axes) if (axis.value !== axis.dataset.before) fresh.add(axis.value);
    form.requestSubmit();
  });
  for (const axis of axes) axis.dataset.before = axis.value;
  // An axis that shows everything needs no word in the address.
  form.addEventListener("formdata", (event) => {
    for (const select of form.querySelectorAll("[data-axis]")) {
      if (select.selectedIndex === 0) event.formData.delete(select.name);
    }
    for (const name of fresh) event.formData.delete(name);
  });
}
