/** What a check or the taking in found: figures, quality with its parts, problems with their mends, map and histograms. */
import { getJson } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { count, percent } from "../lib/format.js";
import { hoursChart, monthsChart, smallMap } from "./charts.js";
import { complain, panel } from "./parts.js";

/** On the page of an upload that is over: fill the element with map, histograms and quality. @param {HTMLElement} element */
export async function drawFindings(element) {
  try {
    const upload = await getJson(`/api/v1/uploads/${element.dataset.upload}/`);
    if (upload.findings) replace(element, qualityPanel(upload.findings), picturesPanel(upload.findings));
    element.hidden = !upload.findings;
  } catch (error) {
    complain(element, error.message);
  }
}

/**
 * The third step of the wizard.
 * @param {any} findings
 * @param {{kind: string, onMend: (mends: string[]) => void}} options
 * @returns {(Node | null)[]}
 */
export function findingsView(findings, { kind, onMend }) {
  return [figuresPanel(findings), problemsPanel(findings, onMend), warningsPanel(findings), picturesPanel(findings), qualityPanel(findings, kind)];
}

function figure(value, label, tone) {
  return h("div", {}, h("span", { class: `figure ${tone}` }, count(value)), label);
}

function figuresPanel(findings) {
  const { rows, accepted, mendable, left_out: leftOut } = findings;
  const rejected = findings.rejected - mendable - leftOut;
  const share = (part, tone) => (part > 0 ? h("span", { class: tone, style: { "flex-grow": String(part) } }) : null);
  const bar = h(
    "div",
    { class: "split-bar", role: "img", "aria-label": interpolate(gettext("%s of %s rows are good"), [count(accepted), count(rows)]) },
    share(accepted, "is-good"),
    share(mendable, "is-warn"),
    share(rejected, "is-bad"),
    share(leftOut, "is-out"),
  );
  return panel(
    "figures",
    gettext("What would be taken in"),
    h("p", { class: "muted" }, gettext("The file was read to its end and everything was rolled back: nothing is in the database yet.")),
    h(
      "div",
      { class: "upload-figures" },
      figure(accepted, gettext("good"), "is-good"),
      figure(mendable, gettext("mendable"), mendable ? "is-warn" : ""),
      figure(rejected, gettext("rejected"), rejected ? "is-bad" : ""),
      leftOut > 0 && figure(leftOut, gettext("left out on purpose"), ""),
      figure(rows, gettext("rows in all"), ""),
    ),
    bar,
  );
}

function problemsPanel(findings, onMend) {
  if (!findings.problems.length && !findings.accepted_mends.length) {
    return panel("problems", gettext("Problems"), h("p", { class: "notice notice-good" }, gettext("No row has a problem.")));
  }
  const accepted = new Set(findings.accepted_mends.map((mend) => mend.code));
  const items = findings.problems.map((problem) => problemItem(problem, accepted, onMend));
  const settled = findings.accepted_mends.filter((mend) => !findings.problems.some((problem) => problem.mend === mend.code));
  const done = settled.map(({ code, sentence }) => {
    return h("li", { class: "problem" }, mendBox(code, sentence, true, () => onMend([...accepted].filter((one) => one !== code))));
  });
  return panel("problems", gettext("Problems"), h("ul", { class: "problems" }, ...items, ...done));
}

function problemItem(problem, accepted, onMend) {
  const lines = problem.lines.join(", ") + (problem.count > problem.lines.length ? " …" : "");
  const facts = [
    problem.column && interpolate(gettext("Column: %s"), [problem.column]),
    interpolate(gettext("Lines: %s"), [lines]),
  ].filter(Boolean);
  const values = problem.values.filter(Boolean).map((value) => h("code", {}, value));
  const toggle = (isOn) => onMend(isOn ? [...accepted, problem.mend] : [...accepted].filter((one) => one !== problem.mend));
  return h(
    "li",
    { class: "problem" },
    h("div", { class: "problem-head" }, h("strong", {}, problem.label), h("span", { class: `badge ${problem.code === "left_out" ? "" : problem.mend ? "badge-warn" : "badge-bad"}` }, interpolate(ngettext("%s row", "%s rows", problem.count), [count(problem.count)]))),
    h("p", {}, problem.sentence),
    h("p", { class: "muted small" }, facts.join(" · ")),
    values.length > 0 && h("p", { class: "values" }, ...values),
    problem.mend && mendBox(problem.mend, problem.mend_sentence, problem.is_accepted, toggle),
  );
}

function mendBox(code, sentence, isOn, toggle) {
  const box = h("input", { type: "checkbox", id: `mend-${code}`, checked: isOn, onchange: (event) => toggle(event.target.checked) });
  return h("label", { class: "mend", for: `mend-${code}` }, box, h("span", {}, h("strong", {}, gettext("Mend:")), " ", sentence));
}

function warningsPanel(findings) {
  if (!findings.warnings.length) return null;
  const items = findings.warnings.map((warning) => h("li", { class: "notice notice-warn" }, warning.sentence));
  return panel("warnings", gettext("Good, but worth a look"), h("ul", { class: "upload-warnings" }, ...items));
}

/** The map and the histograms, as far as there is something to draw. */
function picturesPanel(findings) {
  const pictures = [];
  if (findings.map) {
    const outside = findings.map.outside
      ? h("p", { class: "muted small" }, interpolate(gettext("%s points of the sample lie beyond this map; they stand on its edge."), [count(findings.map.outside)]))
      : null;
    pictures.push(h("figure", { class: "picture" }, h("figcaption", {}, gettext("Where the rows lie (a sample)")), smallMap(findings.map), outside));
  }
  const charts = [];
  if (Object.keys(findings.months).length) charts.push(h("figure", {}, h("figcaption", {}, gettext("Rows by month")), monthsChart(findings.months)));
  if (findings.hours.some((value) => value > 0)) charts.push(h("figure", {}, h("figcaption", {}, gettext("Rows by hour of the day")), hoursChart(findings.hours)));
  if (charts.length) pictures.push(h("div", { class: "picture" }, ...charts));
  if (!pictures.length) return null;
  return panel("pictures", gettext("Where and when"), h("div", { class: "pictures" }, ...pictures));
}

/** A share that is not whole is never rounded up to 100 %. @param {number} share */
function shareText(share) {
  return share > 0.99 && share < 1 ? percent(Math.min(share, 0.9999), 2) : percent(share);
}

function qualityPanel(findings) {
  const { quality } = findings;
  if (!quality) return null;
  const parts = quality.parts.map((part) =>
    h(
      "li",
      { class: "quality-part" },
      h("span", { class: "quality-name" }, h("strong", {}, part.label), h("span", { class: "muted small" }, part.meaning)),
      h("meter", { min: "0", max: "1", low: "0.5", high: "0.9", optimum: "1", value: String(part.share), "aria-label": part.label }),
      h("span", { class: "number" }, shareText(part.share)),
      h("span", { class: "muted small number" }, interpolate(gettext("weight %s"), [part.weight])),
    ),
  );
  const gaps = quality.gaps.slice(0, 12).join(", ") + (quality.gaps.length > 12 ? " …" : "");
  return panel(
    "quality",
    gettext("Quality of the data"),
    h(
      "div",
      { class: "quality" },
      h("div", { class: "score", role: "img", "aria-label": interpolate(gettext("Score %s of 100"), [quality.score]) }, h("strong", {}, String(quality.score)), h("span", {}, "/ 100")),
      h("ul", { class: "quality-parts" }, ...parts),
    ),
    h("p", { class: "muted small" }, gettext("The score is the weighted mean of these parts.")),
    quality.gaps.length > 0 && h("p", { class: "notice notice-warn" }, interpolate(gettext("Months with few or no rows: %s"), [gaps])),
  );
}
