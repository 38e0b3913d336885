// The month at a glance: does it close, and if not, by how much.

import { badge } from "./batch.js";
import { link } from "./files.js";
import { lacking } from "./lack.js";
import { day, element, fill, moment, money, number, say, start } from "./show.js";

const $ = (id) => document.getElementById(id);
const KINDS = { closes: "good", unexplained: "bad", unknown: "bad", gaps: "warn", under_way: "warn", open: "" };
/** Each line of the roll-forward, with the sign that stands before it. */
const LINES = [
  ["opening", ""],
  ["came_in", "+"],
  ["left_total", "−"],
  ["left_commission", "−"],
  ["returned_total", "+"],
  ["returned_commission", "+"],
  ["expected_closing", "="],
  ["closing", ""],
  ["unexplained", ""],
  ["under_way", ""],
];

/** What a month that is over can be had as. */
const STATEMENTS = { csv: "CSV", camt053: "camt.053", mt940: "MT940" };

function named(month) {
  return moment(Date.parse(`${month}-01T00:00:00Z`), { month: "long", year: "numeric" });
}

export function showMonth(found, who, period) {
  const { lack, verdict, figures, month } = found;
  const { currency } = who;
  $("month-lack").hidden = !lack;
  $("month-lack").replaceChildren(...(lack ? lacking(lack, "lack_month") : []));
  for (const id of ["glance", "rollforward-card", "months-card"]) $(id).hidden = Boolean(lack);
  if (lack) return;
  const cash = (amount) => money(amount, currency);
  const missing = figures ? figures.days - figures.complete_days : 0;
  const values = { amount: cash(figures?.unexplained), under_way: cash(figures?.under_way) };
  const said = say(`verdict_${verdict}`, { month: named(month), days: number(missing), ...values });
  $("verdict").textContent = `${verdict === "closes" ? "✓" : verdict === "open" ? "…" : "⚠"} ${said}`;
  $("verdict").className = `said ${KINDS[verdict]}`;
  $("verdict-advice").hidden = !["unexplained", "under_way", "gaps"].includes(verdict);
  $("verdict-advice").textContent = say(`month_advice_${verdict}`);
  $("statement").hidden = !figures;
  const line = ([name, sign]) =>
    element(
      "tr",
      { className: ["expected_closing", "unexplained"].includes(name) ? "sum" : "" },
      element("td", { className: "sign", textContent: sign }),
      element("th", { scope: "row", textContent: say(`column_${name}`) }),
      element("td", { className: "number", textContent: cash(figures[name]) }),
    );
  showStatements(who, month, Boolean(figures) && new Date(found.now).toISOString().slice(0, 7) > month);
  $("statement").replaceChildren(...(figures ? [element("tbody", {}, ...[...LINES, ["not_arrived", ""]].map(line))] : []));
  const written = (each, name) => (name === "unexplained" && Number(each[name]) ? badge(cash(each[name]), "bad") : cash(each[name]));
  const columns = LINES.map(([name]) => [`column_${name}`, "number", (each) => written(each, name)]);
  const perDay = [
    ["column_local_date", "moment", (each) => day(each.local_date)],
    ...columns,
    ["column_observations", "number", (each) => number(each.observations)],
    ["column_is_complete", "", (each) => say(each.is_complete ? "yes" : "no")],
  ];
  fill($("rollforward"), perDay, found.days);
  const perMonth = [
    ["column_month", "moment", (each) => named(each.month)],
    ["column_verdict", "", (each) => badge(say(`verdict_short_${each.verdict}`), KINDS[each.verdict])],
    ...columns,
    ["column_complete_days", "number", (each) => `${number(each.complete_days)} / ${number(each.days)}`],
  ];
  fill($("months"), perMonth, found.months);
  for (const [id, rows] of [["rollforward", found.days], ["months", found.months]]) {
    $(`${id}-note`).hidden = rows.length > 0;
    $(`${id}-note`).textContent = say(`${id}_empty`);
  }
  const whole = { ...period, first: `${month}-01`, last: lastDay(month) };
  for (const what of ["rollforward", "months"]) link(`csv-${what}`, `file/${what}`, { ...who, ...whole });
}

function showStatements(who, month, isThere) {
  $("statements").hidden = !isThere;
  const link = ([kind, name]) => {
    const made = element("a", { className: "csv", textContent: `${name} ↓` });
    made.href = `file/statement/${kind}?${new URLSearchParams({ ...who, month, lang: start.language })}`;
    made.setAttribute("aria-label", say("download_of", { kind: name, what: say("statement") }));
    return made;
  };
  $("statement-files").replaceChildren(...(isThere ? Object.entries(STATEMENTS).map(link) : []));
}

function lastDay(month) {
  const [year, number] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number, 0)).toISOString().slice(0, 10);
}
