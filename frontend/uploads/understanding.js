/** The second step: what the file holds, why that is believed, and everything about it that a person may change. */
import { h } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { field, panel, select } from "./parts.js";

/**
 * @typedef {object} View
 * @property {any} upload
 * @property {any} understanding
 * @property {any} choices
 * @property {(changes: object) => void} change
 * @property {() => void} addKind ask for a kind of place that there is not yet
 */

const LEAVE_OUT = "\u0000out";
const ANOTHER = "\u0000another";
const NOT_KNOWN = "\u0000unknown";

/** Sentences that say why, one topic or several. */
function evidence(understanding, ...topics) {
  const found = understanding.evidence.filter((one) => topics.some((topic) => one.topic === topic || one.topic.startsWith(`${topic}:`)));
  if (!found.length) return null;
  return h("ul", { class: "evidence" }, ...found.map((one) => h("li", {}, one.sentence)));
}

/** What the file is, in one line, with the select of its kind. @param {View} view */
export function summary({ upload, understanding, choices, change }) {
  const { mapping, format, wrappers, header, preset } = understanding;
  const kinds = choices.kinds.map((kind) => [kind.code, kind.name]);
  const facts = [
    [format, ...wrappers].filter(Boolean).map((name) => name.toUpperCase()).join(" · "),
    mapping.reading?.encoding,
    header.length ? interpolate(ngettext("%s column", "%s columns", header.length), [header.length]) : "",
  ];
  return panel(
    "summary",
    gettext("What this file holds"),
    h(
      "div",
      { class: "summary" },
      field("kind", gettext("Kind of data"), select(kinds, upload.kind, (kind) => change({ kind })), evidence(understanding, "kind")),
      h(
        "div",
        { class: "summary-facts" },
        h("p", {}, ...facts.filter(Boolean).map((fact) => h("span", { class: "badge" }, fact))),
        preset &&
          h("p", { class: "notice notice-good" }, interpolate(gettext("Recognised by its columns: read like the source “%s”."), [preset.name])),
        understanding.document && documentFacts(understanding.document),
      ),
    ),
  );
}

function documentFacts(document) {
  const facts = (document.facts ?? []).map(([label, value]) => [h("dt", {}, label), h("dd", {}, value)]);
  return h(
    "div",
    { class: "stack" },
    h("p", {}, gettext("A court ruling is read as text; names and numbers of persons are masked on the way in. The check shows what is found.")),
    facts.length > 0 && h("dl", { class: "facts" }, ...facts.flat()),
    document.excerpt && h("pre", { class: "excerpt" }, document.excerpt),
  );
}

/** What must be decided first. @param {View} view */
export function questionsPanel({ understanding, choices, change }) {
  if (!understanding.open_questions.length) return null;
  const items = understanding.open_questions.map((question) => {
    const options = understanding.options[question.topic] ?? [];
    const why = evidence(understanding, question.topic.split(":")[0]);
    return h("li", {}, h("p", {}, question.sentence), options.length || question.topic === "category" ? null : why, answer(question, options, { mapping: understanding.mapping, choices, change }));
  });
  const title = interpolate(ngettext("%s question before the check", "%s questions before the check", items.length), [items.length]);
  return h(
    "section",
    { class: "panel questions", id: "questions", "aria-labelledby": "questions-title" },
    h("h2", { id: "questions-title" }, title),
    h("ol", {}, ...items),
  );
}

/** Buttons or a link with which a question is answered. */
function answer(question, options, { mapping, choices, change }) {
  const { topic } = question;
  const fields = { crs: "crs", time: "time_order", kind: "kind", place_kind: "place_kind" };
  const labels = Object.fromEntries([...choices.kinds, ...choices.place_kinds, ...choices.area_kinds, ...choices.crs, ...choices.categories].map((one) => [one.code, one.name]));
  const orders = { mdy: gettext("month/day/year"), dmy: gettext("day/month/year"), ymd: gettext("year-month-day") };
  const send = (value) => {
    if (fields[topic]) change({ [fields[topic]]: value, answered: [topic] });
    else if (["encoding", "sheet", "header"].includes(topic)) change({ reading: { [topic === "header" ? "header_rows" : topic]: topic === "header" ? Number(value) : value }, answered: [topic] });
    else if (topic.startsWith("column:")) change({ columns: { ...mapping.columns, [topic.slice(7)]: value }, answered: [topic] });
    else change({ options: { ...mapping.options, [topic]: value }, answered: [topic] });
  };
  const known = { time: ["mdy", "dmy"], kind: codesOf(choices.kinds), area_kind: codesOf(choices.area_kinds), place_kind: codesOf(choices.place_kinds) };
  const offered = options.length ? options : (known[topic] ?? []).map((value) => ({ value, sentence: "" }));
  if (topic === "category" && !options.length) return h("a", { class: "button button-small", href: "#categories-list" , onclick: (event) => jump(event, "categories") }, gettext("Go to the categories"));
  if (offered.length) {
    const buttons = offered.map(({ value, sentence }) =>
      h(
        "button",
        { type: "button", class: "option", onclick: () => send(value) },
        h("strong", {}, labels[value] ?? orders[value] ?? value),
        sentence && h("span", { class: "muted small" }, sentence),
      ),
    );
    return h("div", { class: "option-list" }, ...buttons);
  }
  const target = topic.startsWith("column:") ? `field-${topic.slice(7)}` : topic === "crs" ? "crs" : topic;
  const buttons = [h("a", { class: "button button-small", href: `#${target}`, onclick: (event) => jump(event, target) }, gettext("Show me where"))];
  if (!question.field) buttons.push(h("button", { type: "button", class: "button button-small", onclick: () => change({ answered: [topic] }) }, gettext("It is right as it stands")));
  return h("div", { class: "row" }, ...buttons);
}

function codesOf(named) {
  return named.map((one) => one.code);
}

/** Go to a control without changing the address, whose fragment holds the step. */
function jump(event, id) {
  event.preventDefault();
  const target = document.getElementById(id);
  target?.closest("details")?.setAttribute("open", "");
  target?.scrollIntoView({ block: "center" });
  target?.focus({ preventScroll: true });
}

/** The first rows under their titles, and what each column is taken for. @param {View} view */
export function previewPanel({ upload, understanding, choices }) {
  const { header, rows, lines, mapping } = understanding;
  if (!header.length) return null;
  const labels = fieldLabels(choices, upload.kind);
  const fieldOf = Object.fromEntries(Object.entries(mapping.columns ?? {}).map(([name, title]) => [title, name]));
  const heads = header.map((title) => {
    const name = fieldOf[title];
    return h(
      "th",
      { scope: "col", class: name ? "is-mapped" : "" },
      h("span", { class: name ? "badge badge-accent" : "badge is-unused" }, name ? labels[name] ?? name : gettext("not used")),
      h("span", { class: "title" }, title),
    );
  });
  const body = rows.map((row, index) =>
    h("tr", {}, h("th", { scope: "row", class: "number muted" }, lines[index] ?? ""), ...header.map((title, place) => h("td", { class: fieldOf[title] ? "is-mapped" : "" }, row[place] ?? ""))),
  );
  const table = h("table", { class: "table preview" }, h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "number" }, gettext("Line")), ...heads)), h("tbody", {}, ...body));
  return panel("preview", gettext("The first rows"), h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": gettext("The first rows") }, table));
}

function fieldLabels(choices, kind) {
  return Object.fromEntries(fieldsOf(choices, kind).map((one) => [one.name, one.label]));
}

function fieldsOf(choices, kind) {
  return choices.kinds.find((one) => one.code === kind)?.fields ?? [];
}

/** Which column holds which field. @param {View} view */
export function columnsPanel({ upload, understanding, choices, change }) {
  const { header, samples, mapping } = understanding;
  const fields = fieldsOf(choices, upload.kind);
  if (!fields.length || !header.length) return null;
  const columns = mapping.columns ?? {};
  const options = [["", gettext("– none –")], ...header.map((title) => [title, title])];
  const missing = new Set(understanding.open_questions.map((question) => question.field));
  const row = (one) => {
    const chosen = columns[one.name] ?? "";
    const set = (title) => {
      const next = { ...columns };
      if (title) next[one.name] = title;
      else delete next[one.name];
      change({ columns: next, answered: ["column", `column:${one.name}`] });
    };
    const control = select(options, chosen, set, { "aria-invalid": missing.has(one.name) ? "true" : null });
    const label = one.required ? `${one.label} *` : one.label;
    const examples = chosen && samples[chosen]?.length ? h("p", { class: "samples" }, samples[chosen].join(" · ")) : null;
    const why = understanding.evidence.filter((item) => item.topic === "column" && item.column && item.column === chosen);
    const reasons = why.map((item) => h("p", { class: "why" }, item.sentence));
    return field(`field-${one.name}`, label, control, examples, ...reasons, evidence(understanding, `column:${one.name}`));
  };
  const isShown = (one) => one.required || columns[one.name] || missing.has(one.name);
  const rest = fields.filter((one) => !isShown(one));
  return panel(
    "columns",
    gettext("Which column is what"),
    h("div", { class: "field-grid" }, ...fields.filter(isShown).map(row)),
    rest.length > 0 &&
      h("details", { class: "more" }, h("summary", {}, interpolate(gettext("More fields (%s)"), [rest.length])), h("div", { class: "field-grid" }, ...rest.map(row))),
    evidenceOfNone(understanding, columns),
  );
}

/** Evidence about columns that belongs to none of the fields shown. */
function evidenceOfNone(understanding, columns) {
  const titles = new Set(Object.values(columns));
  const rest = understanding.evidence.filter((item) => item.topic === "column" && !titles.has(item.column));
  return rest.length ? h("ul", { class: "evidence" }, ...rest.map((item) => h("li", {}, item.sentence))) : null;
}

/** What each category of the file is. @param {View} view */
export function categoriesPanel({ understanding, choices, change }) {
  const { categories, mapping } = understanding;
  if (!categories.length) return null;
  const kept = mapping.categories ?? {};
  const codes = choices.categories.map((one) => [one.code, one.name]);
  const options = [[NOT_KNOWN, gettext("– not known yet –")], ...codes, [LEAVE_OUT, gettext("leave such rows out")]];
  const key = (value) => value.trim().toLowerCase();
  const send = (more) => change({ categories: { ...kept, ...more } });
  const rows = categories.map(({ value, count: rowsOfIt, code }, index) => {
    const chosen = code === null ? NOT_KNOWN : code === "" ? LEAVE_OUT : code;
    const set = (picked) => picked !== NOT_KNOWN && send({ [key(value)]: picked === LEAVE_OUT ? "" : picked });
    const control = select(options, chosen, set, { class: "input", id: `category-${index}`, "aria-label": interpolate(gettext("Category of “%s”"), [value]) });
    return h("tr", { class: code === null ? "is-open" : code === "" ? "is-out" : "" }, h("td", {}, value), h("td", { class: "number" }, count(rowsOfIt)), h("td", {}, control));
  });
  const open = categories.filter((one) => one.code === null);
  const note = understanding.categories_whole
    ? interpolate(gettext("Counted in all %s rows."), [count(understanding.categories_rows)])
    : interpolate(gettext("Counted in the first %s rows."), [count(understanding.categories_rows)]);
  const leaveOut = () => send(Object.fromEntries(open.map((one) => [key(one.value), ""])));
  return panel(
    "categories",
    gettext("Categories of the file"),
    h(
      "div",
      { class: "row row-between" },
      h("p", { class: "muted small" }, note),
      open.length > 0 && h("button", { type: "button", class: "button button-small", onclick: leaveOut }, interpolate(gettext("Leave out the %s that are not known"), [open.length])),
    ),
    evidence(understanding, "category"),
    h(
      "div",
      { class: "table-scroll categories-list", id: "categories-list" },
      h(
        "table",
        { class: "table" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, gettext("In the file")), h("th", { scope: "col", class: "number" }, gettext("Rows")), h("th", { scope: "col" }, gettext("Taken in as")))),
        h("tbody", {}, ...rows),
      ),
    ),
  );
}

/** How bytes, dates and coordinates are read. @param {View} view */
export function readingPanel(view) {
  const { upload, understanding, choices, change } = view;
  const { mapping, header, tables } = understanding;
  if (!header.length) return null;
  const reading = mapping.reading ?? {};
  const read = (changes) => change({ reading: { ...reading, ...changes } });
  const parts = [];
  if (tables.length > 1) {
    const names = tables.map((one, index) => [String(index), one.name]);
    const here = tables.findIndex((one) => one.sheet === (reading.sheet ?? null) && one.member === (reading.member ?? null));
    const pick = (index) => read({ sheet: tables[index].sheet, member: tables[index].member, header_rows: null });
    parts.push(field("sheet", gettext("Sheet or file inside"), select(names, String(Math.max(here, 0)), pick), evidence(understanding, "sheet")));
  }
  if (["csv", "tsv"].includes(understanding.format)) {
    const encodings = choices.encodings.map((name) => [name, name]);
    parts.push(field("encoding", gettext("Encoding of the text"), select(encodings, reading.encoding ?? "", (encoding) => read({ encoding })), evidence(understanding, "encoding")));
    const delimiters = [[",", gettext("comma")], [";", gettext("semicolon")], ["\t", gettext("tab")], ["|", "|"]];
    parts.push(field("delimiter", gettext("Columns are separated by"), select(delimiters, reading.delimiter ?? ",", (delimiter) => read({ delimiter })), evidence(understanding, "delimiter")));
  }
  if (["csv", "tsv", "xlsx", "xls"].includes(understanding.format)) {
    const counts = [0, 1, 2, 3, 4, 5].map((n) => [String(n), n ? interpolate(ngettext("%s row", "%s rows", n), [n]) : gettext("none: the file has no titles")]);
    parts.push(field("header", gettext("Rows of titles"), select(counts, String(reading.header_rows ?? 1), (n) => read({ header_rows: Number(n) })), evidence(understanding, "header")));
  }
  parts.push(...placeParts(view), ...timeParts(upload, understanding, choices, change));
  return panel("reading", gettext("How it is read"), h("div", { class: "field-grid" }, ...parts));
}

function placeParts(view) {
  const { understanding, choices, change } = view;
  const { mapping, options } = understanding;
  const parts = [];
  const columns = mapping.columns ?? {};
  if (columns.latitude || columns.geometry) {
    const known = new Map(choices.crs.map((one) => [one.code, `${one.name} (${one.code})`]));
    for (const one of options.crs ?? []) if (!known.has(one.value)) known.set(one.value, one.value);
    parts.push(field("crs", gettext("Coordinate system"), select([...known], mapping.crs, (crs) => change({ crs, answered: ["crs"] })), evidence(understanding, "crs")));
  }
  if (columns.latitude) {
    const box = h("input", { type: "checkbox", id: "swapped", checked: mapping.swapped, onchange: (event) => change({ swapped: event.target.checked }) });
    parts.push(h("div", { class: "field check-field" }, h("label", { for: "swapped" }, box, " ", gettext("Latitude and longitude stand for each other")), evidence(understanding, "swapped")));
  }
  return parts.concat(kindParts(view));
}

function kindParts({ upload, understanding, choices, change, addKind }) {
  const { mapping } = understanding;
  const parts = [];
  if (upload.kind === "places") {
    const kinds = [["", gettext("– choose –")], ...choices.place_kinds.map((one) => [one.code, one.name]), [ANOTHER, gettext("Another kind …")]];
    const set = (place_kind) => (place_kind === ANOTHER ? addKind() : change({ place_kind }));
    parts.push(field("place_kind", gettext("Kind of place"), select(kinds, mapping.place_kind ?? "", set), evidence(understanding, "place_kind")));
  }
  if (upload.kind === "areas") {
    const kinds = [["", gettext("– choose –")], ...choices.area_kinds.map((one) => [one.code, one.name])];
    const set = (area_kind) => change({ options: { ...mapping.options, area_kind }, answered: ["area_kind"] });
    parts.push(field("area_kind", gettext("Kind of area"), select(kinds, mapping.options?.area_kind ?? "", set), evidence(understanding, "area_kind")));
  }
  return parts;
}

function timeParts(upload, understanding, choices, change) {
  if (upload.kind !== "incidents") return [];
  const { mapping } = understanding;
  const orders = [["ymd", gettext("year-month-day")], ["mdy", gettext("month/day/year")], ["dmy", gettext("day/month/year")]];
  const zones = [["", gettext("that of the jurisdiction")], ...choices.time_zones.map((zone) => [zone, zone])];
  const parts = [
    field("time", gettext("Order of dates"), select(orders, mapping.time_order, (time_order) => change({ time_order, answered: ["time"] })), evidence(understanding, "time")),
    field("time_zone", gettext("Clock of the times"), select(zones, mapping.time_zone ?? "", (zone) => change({ time_zone: zone || null })), evidence(understanding, "time_zone")),
  ];
  if (!mapping.columns?.category) {
    const codes = [["", gettext("– choose –")], ...choices.categories.map((one) => [one.code, one.name])];
    const set = (category) => change({ options: { ...mapping.options, category }, answered: ["category"] });
    parts.push(field("category", gettext("The whole file is"), select(codes, mapping.options?.category ?? "", set)));
  }
  return parts;
}
