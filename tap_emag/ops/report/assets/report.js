"use strict";
const report = JSON.parse(document.getElementById("report").textContent);
const FIRST = 6; // rows of a table before the rest is asked for
const PALETTE = ["#3d7fe0", "#e58a1f", "#22a06b", "#d1495b", "#8a63d2", "#1fa3b5", "#b0893c", "#7a8494",
  "#d96bb0", "#7f9f1a", "#5560a8", "#96584a", "#c9a400"];
const LOCALES = { en: "en-GB", ro: "ro-RO" };
const choice = { account: "", currency: "", language: report.language };
const narrow = () => window.innerWidth < 640;
const words = () => report.words[choice.language];
const said = (name, values = {}) =>
  words().page[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);

function element(name, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
}

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function formats() {
  const locale = LOCALES[choice.language];
  const date = (options) => {
    const format = new Intl.DateTimeFormat(locale, options);
    return (value) => format.format(new Date(value));
  };
  const number = (options) => {
    const format = new Intl.NumberFormat(locale, options);
    return (value) => format.format(value); // decimals come as texts, and stay exact
  };
  const plain = number({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return {
    date: date({ dateStyle: "medium", timeZone: "UTC" }),
    month: date({ month: "long", year: "numeric", timeZone: "UTC" }),
    time: date({ dateStyle: "medium", timeStyle: "short" }),
    count: number({ maximumFractionDigits: 1 }),
    percent: number({ style: "unit", unit: "percent", minimumFractionDigits: 1 }),
    money: (value, row) => [plain(value), row.currency].filter(Boolean).join(" "),
    flag: (value) => said(value ? "yes" : "no"),
    id: String,
    word: translated,
    text: translated,
  };
}

// The axes and tooltips of charts, in the page's language.
function locales() {
  const locale = LOCALES[choice.language];
  const parts = new Intl.NumberFormat(locale, { useGrouping: "always" }).formatToParts(1234567.8);
  const part = (type) => parts.find((each) => each.type === type).value;
  const names = (options, dates) => {
    const format = new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" });
    return dates.map((day) => format.format(day).replace(/\.$/, ""));
  };
  const months = [...Array(12).keys()].map((month) => Date.UTC(2026, month, 1));
  const days = [...Array(7).keys()].map((day) => Date.UTC(2026, 1, 1 + day)); // from a Sunday on
  return {
    formatLocale: { decimal: part("decimal"), thousands: part("group"), grouping: [3], currency: ["", ""] },
    timeFormatLocale: {
      dateTime: "%-d %b %Y, %H:%M", date: "%-d %b %Y", time: "%H:%M", periods: ["AM", "PM"],
      days: names({ weekday: "long" }, days), shortDays: names({ weekday: "short" }, days),
      months: names({ month: "long" }, months), shortMonths: names({ month: "short" }, months),
    },
  };
}

function config() {
  const [quiet, line] = ["--quiet", "--line"].map(style);
  const font = getComputedStyle(document.body).fontFamily;
  return {
    background: "transparent", font, view: { stroke: null },
    scale: { bandPaddingInner: 0.3, bandPaddingOuter: 0.2 },
    axis: {
      labelColor: quiet, titleColor: quiet, gridColor: line, domainColor: line, tickColor: line,
      labelFontSize: narrow() ? 11 : 12, titleFontSize: 12, titleFontWeight: 500,
    },
    axisX: { labelFlush: false },
    axisQuantitative: { labelOverlap: "greedy", labelSeparation: 6 },
    axisTemporal: { labelOverlap: "greedy", labelSeparation: 6 },
    axisY: { labelLimit: narrow() ? 140 : 280 },
  };
}

const chosen = (row) =>
  (!choice.account || row.account_key === choice.account) &&
  (!choice.currency || row.currency == null || row.currency === choice.currency);

function largest(rows, { bars, measure }) {
  const sums = new Map();
  for (const row of rows) sums.set(row[bars], (sums.get(row[bars]) ?? 0) + row[measure]);
  const first = [...sums].sort((a, b) => b[1] - a[1]).slice(0, report.top);
  const names = new Set(first.map(([name]) => name));
  return rows.filter((row) => names.has(row[bars]));
}

const translated = (value) => words().values[value] ?? value;

// The colours of the values that are there; a value keeps its own whatever is chosen. Where
// there are more values than colours, the largest values differ.
function colours(chart, field, shown) {
  const sums = new Map();
  for (const row of chart.rows) sums.set(row[field], (sums.get(row[field]) ?? 0) + row[chart.measure]);
  const all = [...sums.keys()].sort().sort((a, b) => sums.get(b) - sums.get(a));
  const order = field === "account_key" ? report.accounts : all;
  const present = [...all].sort().filter((value) => shown.some((row) => row[field] === value));
  const free = PALETTE.filter((_, place) => place !== report.colours.unknown);
  const own = (value) => PALETTE[report.colours[value]] ?? free[order.indexOf(value) % free.length];
  return {
    domain: present.map(translated),
    range: present.map(own),
  };
}

function drawing(chart, rows, currency) {
  const spec = structuredClone(chart.specs[choice.language]);
  const shown = chart.top ? largest(rows, chart) : rows;
  const values = (row) => Object.entries(row).map(([name, value]) => [name, translated(value)]);
  spec.data = { values: shown.map((row) => Object.fromEntries(values(row))) };
  spec.encoding.color.scale = colours(chart, spec.encoding.color.field, shown);
  if (chart.bars)
    spec.height = report.step * Math.max(2, new Set(shown.map((row) => row[chart.bars])).size);
  if (currency)
    for (const each of [spec.encoding.x, spec.encoding.y, ...spec.encoding.tooltip])
      if (each.field === chart.measure) each.title += ` (${currency})`;
  return spec;
}

function legend({ domain, range }) {
  const entry = (text, place) => {
    const colour = element("i");
    colour.style.background = range[place];
    return element("li", {}, colour, text);
  };
  return element("ul", { className: "legend" }, ...domain.map(entry));
}

async function draw(place, spec) {
  await vegaEmbed(place, spec, {
    actions: false, ast: true, config: config(), defaultStyle: false, renderer: "svg",
    tooltip: { disableDefaultStyle: true }, ...locales(),
  });
}

function charts(question, drawn) {
  const chart = question.chart;
  const rows = chart.rows.filter(chosen);
  const panels = [];
  const currencies = chart.money ? [...new Set(rows.map((row) => row.currency))].sort() : [null];
  for (const currency of currencies) {
    const of = rows.filter((row) => !chart.money || row.currency === currency);
    if (!of.length) continue;
    const place = element("div");
    const name = chart.money ? currency ?? said("unknown") : null;
    const spec = drawing(chart, of, name);
    const heading = name ? [element("h3", { textContent: name })] : [];
    panels.push(element("div", { className: "panel" }, ...heading, legend(spec.encoding.color.scale), place));
    drawn.push(() => draw(place, spec));
  }
  return panels;
}

function table(question, rows) {
  const format = formats();
  const isNumber = (kind) => ["count", "money", "percent"].includes(kind);
  const isSaid = ({ name, kind }) => kind === "currency" || (choice.account && name === "account_key");
  const shown = question.columns.filter((column) => !isSaid(column));
  const head = shown.map(({ name, kind }) =>
    element("th", { textContent: words().columns[name] ?? name, className: isNumber(kind) ? "number" : "", scope: "col" }),
  );
  const body = element("tbody");
  const add = (some) => {
    for (const row of some) {
      const cells = shown.map(({ name, kind }) => {
        const value = row[name];
        const text = value == null ? "–" : format[kind](value, row);
        return element("td", { textContent: text, className: isNumber(kind) ? "number" : kind });
      });
      body.append(element("tr", {}, ...cells));
    }
  };
  add(rows.slice(0, FIRST));
  const scroll = element("div", { className: "scroll", tabIndex: 0 },
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), body));
  const rest = rows.slice(FIRST);
  if (!rest.length) return [scroll];
  const button = element("button", { type: "button", textContent: said("show_more", { count: format.count(rest.length) }) });
  button.addEventListener("click", () => { add(rest); button.remove(); });
  return [scroll, element("p", {}, button)];
}

function answer(question, drawn) {
  const { empty } = words().questions[question.name];
  const quiet = (textContent) => element("p", { className: "quiet", textContent });
  const format = formats();
  if (question.missing) return [quiet(said("not_loaded", { names: question.missing }))];
  const rows = question.rows.filter(chosen);
  if (!rows.length) return [quiet(question.rows.length ? said("no_rows") : empty)];
  const made = [...charts(question, drawn)];
  const undated = rows.filter((row) => question.chart.dated && row[question.chart.dated] == null);
  if (undated.length) {
    const count = undated.reduce((sum, row) => sum + Number(row.orders), 0);
    made.push(quiet(said("undated", { count: format.count(count) })));
  }
  made.push(...table(question, rows));
  const total = question.totals.filter(chosen).reduce((sum, each) => sum + each.rows, 0);
  if (total > rows.length)
    made.push(quiet(said("shown", { shown: format.count(rows.length), rows: format.count(total) })));
  return made;
}

function card(question, drawn) {
  const { title, note } = words().questions[question.name];
  return element("section", { className: "card", id: question.name },
    element("h2", { textContent: title }),
    element("p", { className: "quiet", textContent: note }),
    ...answer(question, drawn),
    element("details", {},
      element("summary", { textContent: said("query") }),
      element("pre", {}, element("code", { textContent: question.query }))));
}

function fresh(each) {
  const format = formats();
  const lines = [element("strong", { textContent: each.account_key })];
  const line = (textContent, className = "quiet") => lines.push(element("div", { textContent, className }));
  if (each.last_sync_at) line(`${said("last_sync")}: ${format.time(each.last_sync_at)}`);
  else line(said("no_syncs"));
  if (each.last_sync_at)
    line(each.incomplete.length ? said("incomplete", { names: each.incomplete.join(", ") }) : said("complete"),
      each.incomplete.length ? "bad" : "good");
  if (each.orders != null) line(`${said("orders_from")}: ${format.count(each.orders)}`);
  return element("div", {}, ...lines);
}

function options(name, values) {
  const select = document.getElementById(name);
  select.replaceChildren(new Option(said("all"), ""), ...values.map((value) => new Option(value, value)));
  select.value = choice[name];
}

let turn = 0;
async function show() {
  const mine = ++turn;
  document.documentElement.lang = choice.language;
  delete document.documentElement.dataset.drawn;
  document.title = said("heading");
  for (const each of document.querySelectorAll("[data-word]")) each.textContent = said(each.dataset.word);
  document.getElementById("written").textContent = `${said("written")} ${formats().time(report.written)}`;
  options("account", report.accounts);
  options("currency", report.currencies);
  document.getElementById("language").value = choice.language;
  document.getElementById("fresh").replaceChildren(...report.fresh.map(fresh));
  document.getElementById("contents").replaceChildren(...report.questions.map(({ name }) =>
    element("li", {}, element("a", { href: `#${name}`, textContent: words().questions[name].title }))));
  const drawn = [];
  document.getElementById("questions").replaceChildren(...report.questions.map((each) => card(each, drawn)));
  for (const each of drawn) {
    await each();
    if (mine !== turn) return;
  }
  document.documentElement.dataset.drawn = String(drawn.length);
}

const language = document.getElementById("language");
language.replaceChildren(...Object.entries(report.languages).map(([code, name]) => new Option(name, code)));
for (const name of Object.keys(choice))
  document.getElementById(name).addEventListener("change", (event) => {
    choice[name] = event.target.value;
    show();
  });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
matchMedia("(max-width: 639px)").addEventListener("change", show);
show();
