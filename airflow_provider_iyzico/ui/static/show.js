// How figures are written, and how tables are built. Money stays the string that the view gave: no digit passes through a float.

export const start = JSON.parse(document.getElementById("start").textContent);
const { words } = start;
/** The reader's own way to write figures and dates, in the language of the page. */
const locale = navigator.languages.find((each) => each.toLowerCase().split("-")[0] === start.language) ?? start.language;
const MINUTE = 60_000;

/** Put values into the words of that name. */
export function say(name, values = {}) {
  return (words[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/** Write an amount, all of its digits, as the reader's language writes that currency. */
export function money(amount, currency, options = {}) {
  if (amount === null || amount === undefined) return "–";
  const style = { style: "currency", currency, currencyDisplay: "narrowSymbol", maximumFractionDigits: 8, ...options };
  try {
    return new Intl.NumberFormat(locale, style).format(amount);
  } catch {
    return `${new Intl.NumberFormat(locale, { maximumFractionDigits: 8 }).format(amount)} ${currency}`; // a label of one's own
  }
}

/** Write a number of days, cut and not rounded: what does not last a day is not called one. */
export function lastingDays(days) {
  const cut = Math.floor(Number(days) * 10) / 10;
  return new Intl.NumberFormat(locale, { style: "unit", unit: "day", unitDisplay: "long", maximumFractionDigits: 1 }).format(cut);
}

export function number(amount, digits = 1) {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(amount);
}

/** Write a wall clock, which comes as milliseconds as if it were UTC. */
export function moment(at, options = { dateStyle: "medium", timeStyle: "short" }) {
  return at === null ? "–" : new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(at);
}

/** Write a local day, which comes as 2026-11-22. */
export function day(date) {
  return moment(Date.parse(`${date}T00:00:00Z`), { dateStyle: "medium", timeZone: "UTC" });
}

export function age(minutes) {
  if (minutes < 1) return say("just_now");
  const [amount, unit] = inUnits(minutes);
  return new Intl.RelativeTimeFormat(locale).format(-Math.round(amount), unit);
}

export function duration(minutes) {
  if (minutes === null) return "–";
  if (minutes < 0) return say("clocks_differ");
  const [amount, unit] = inUnits(minutes);
  const digits = unit === "hour" || unit === "day" ? 1 : 0;
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(amount);
}

function inUnits(minutes) {
  if (minutes * 60 < 59.5) return [minutes * 60, "second"];
  if (minutes < 90) return [minutes, "minute"];
  return minutes < 48 * 60 ? [minutes / 60, "hour"] : [minutes / 1440, "day"];
}

/** Write for how long a gate waited, so far or in all. */
export function waited({ minutes_waited: minutes, waiting_since: since, outcome }, now) {
  if (minutes === null) return outcome === "waiting" ? duration((now - since) / MINUTE) : "–";
  return outcome === "opened" && minutes >= 0 && minutes * 60 < 1 ? say("at_once") : duration(minutes);
}

/** Make an element; everything that is shown goes in as text. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/**
 * A link to a run in Airflow, or to one of its tasks. The frame that Airflow puts this page into lets no link leave it, so there
 * Airflow's own document follows it; both are of one origin.
 */
export function toRun({ dag_id: dag, run_id: run, task_id: task, map_index: place }, text) {
  const steps = ["dags", dag, "runs", run, ...(task ? ["tasks", task] : []), ...(place >= 0 ? ["mapped", place] : [])];
  const link = element("a", { href: `../${steps.map(encodeURIComponent).join("/")}`, textContent: text });
  link.onclick = (event) => {
    if (window.parent === window) return;
    event.preventDefault();
    Object.assign(window.parent.document.createElement("a"), { href: link.href }).click();
  };
  return link;
}

/** Fill a table. Each column is [words' name, class, function from row to text or element]. */
export function fill(table, columns, rows) {
  const head = columns.map(([name, kind]) => element("th", { scope: "col", className: kind, textContent: say(name) }));
  const body = rows.map((row) => {
    const cells = columns.map(([, kind, write], place) => {
      const cell = element(place === 0 ? "th" : "td", { className: kind });
      cell.dataset.label = head[place].textContent;
      if (place === 0) cell.scope = "row";
      cell.append(write(row));
      return cell;
    });
    return element("tr", { className: row.observations === 0 ? "unseen-day" : "" }, ...cells);
  });
  table.replaceChildren(element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
  table.hidden = rows.length === 0;
}

export { MINUTE };
