// Fetches what there is to show of one account in one period, shows it, and keeps it fresh while somebody looks.

import { draw } from "./chart.js";
import { MINUTE, age, day, duration, element, fill, moment, money, number, say, start, waited } from "./show.js";

const DAYS = { day: 1, week: 7, month: 31, year: 366 };
const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const isAsked = (each) => ["environment", "account", "currency"].every((key) => asked.get(key) === each[key]);
const state = {
  who: [isAsked, ({ currency }) => currency === "TRY", () => true].map((is) => start.balances.findIndex(is)).find((place) => place >= 0),
  range: asked.get("range") in DAYS || asked.get("range") === "custom" ? asked.get("range") : "week",
  first: asked.get("first"),
  last: asked.get("last"),
};
let report;
let shown = {}; // the state of what is on the screen
let arrivedAt = 0;
let request = 0;

function shift(date, days) {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 1440 * MINUTE).toISOString().slice(0, 10);
}

function whom() {
  const { environment, account, currency } = start.balances[state.who];
  return { environment, account, currency };
}

/** Today as the account's time zone has it. */
function today() {
  const zone = start.balances[state.who].report_timezone;
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" }).format(new Date());
}

function period() {
  if (state.range === "custom" && state.first && state.last) return { first: state.first, last: state.last };
  const last = state.last ?? today();
  return { first: shift(last, 1 - (DAYS[state.range] ?? 7)), last };
}

async function load() {
  const mine = ++request;
  $("main").setAttribute("aria-busy", "true");
  const question = new URLSearchParams({ ...whom(), ...period() });
  try {
    const answer = await fetch(`data?${question}`, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    const found = await answer.json();
    if (mine !== request) return; // the reader has asked for something else by now
    if (answer.ok) {
      report = found;
      shown = { ...state };
      arrivedAt = performance.now();
      show();
    } else {
      complain(found);
    }
  } catch {
    if (mine === request) complain({ title: say("unavailable_title"), advice: say("unavailable_advice") });
  } finally {
    if (mine === request) $("main").setAttribute("aria-busy", "false");
  }
}

/** Say what is wrong. Figures that are shown already stay, with their age and their period. */
function complain({ title, advice, detail }) {
  if (report) {
    Object.assign(state, shown);
    [$("first").value, $("last").value] = [report.first, report.last];
  }
  const again = element("button", { type: "button", textContent: say("try_again"), onclick: load });
  const parts = [element("h2", { textContent: title }), element("p", { textContent: advice })];
  if (detail) parts.push(element("pre", { textContent: detail }));
  $("notice").replaceChildren(...parts, again);
  $("notice").hidden = false;
}

function show() {
  $("notice").hidden = true;
  $("main").classList.remove("blank");
  const { environment, currency, account } = report.latest;
  $("environment").textContent = say(`environment_${environment}`);
  $("environment").className = `badge ${environment === "production" ? "" : "warn"}`;
  $("balance").textContent = money(report.latest.balance, currency);
  showAge();
  showThreshold();
  $("runway").replaceChildren(...report.runway.map(lasting));
  $("zone").textContent = say("time_zone", { zone: report.latest.report_timezone });
  redraw();
  showGates(currency);
  showDays(currency);
  $("first").value = report.first;
  $("last").value = report.last;
  $("first").max = $("last").max = report.today;
  $("later").disabled = report.last >= report.today;
  for (const button of document.querySelectorAll("[data-range]")) {
    button.setAttribute("aria-pressed", String(button.dataset.range === state.range));
  }
  const table = new URLSearchParams({ environment, account, currency, first: report.first, last: report.last });
  for (const what of ["observations", "days", "gates"]) $(`csv-${what}`).href = `csv/${what}?${table}`;
  const place = new URLSearchParams({ environment, account, currency, range: state.range });
  if (state.last) place.set("last", state.last);
  if (state.range === "custom") place.set("first", report.first);
  history.replaceState(null, "", `?${place}`);
}

function showAge() {
  if (!report) return;
  const { age_minutes: then, observed_at: at, is_stale: isStale } = report.latest;
  const minutes = Number(then) + (performance.now() - arrivedAt) / MINUTE;
  $("age").textContent = say("seen", { age: age(minutes), moment: moment(at) });
  $("freshness").textContent = `${isStale ? "⚠" : "✓"} ${say(isStale ? "is_stale" : "is_fresh")}`;
  $("freshness").className = `badge ${isStale ? "bad" : "good"}`;
}

function showThreshold() {
  const { threshold, is_below: isBelow, currency } = report.latest;
  $("threshold").hidden = threshold === null;
  $("threshold").textContent = `${isBelow ? "⚠ " : ""}${say(isBelow ? "below_threshold" : "above_threshold", { amount: money(threshold, currency) })}`;
  $("threshold").className = `badge ${isBelow ? "bad" : ""}`;
}

function lasting(window) {
  const { currency } = report.latest;
  const { days_at_average: days, average_outflow: average, days_at_p90: busy, p90_outflow: p90 } = window;
  const unknown = average === null ? "runway_unknown" : "runway_nothing";
  const parts = [
    element("p", { className: "figure small", textContent: days === null ? say(unknown) : say("runway_days", { days: number(days) }) }),
    element("p", { textContent: say("runway_window", { days: window.window_days }) }),
  ];
  const rounded = (amount) => money(amount, currency, { maximumFractionDigits: 2 });
  if (days !== null) parts.push(element("p", { className: "muted", textContent: say("runway_average", { amount: rounded(average) }) }));
  if (busy !== null) {
    parts.push(element("p", { className: "muted", textContent: say("runway_p90", { days: number(busy), amount: rounded(p90) }) }));
  }
  return element("div", {}, ...parts);
}

function redraw() {
  if (!report) return;
  const isDrawn = draw($("chart"), report, (text) => ($("chart-said").textContent = text));
  $("chart-empty").hidden = isDrawn;
}

function showGates(currency) {
  const cash = (name) => [`column_${name}`, "number", (gate) => money(gate[name], currency)];
  const outcome = ({ outcome: name, reason }) => {
    const kind = { opened: "good", waiting: "warn" }[name] ?? "bad";
    return element("span", { className: `badge ${kind}`, title: reason ?? "", textContent: say(`outcome_${name}`) });
  };
  const columns = [
    ["column_waiting_since", "moment", (gate) => moment(gate.waiting_since)],
    ["column_dag_id", "", (gate) => gate.dag_id],
    ["column_outcome", "", outcome],
    cash("required"),
    cash("first_balance"),
    cash("shortfall_at_start"),
    ["column_waited", "number", (gate) => waited(gate, report.now)],
    ["column_polls", "number", (gate) => number(gate.polls)],
    ["column_run_id", "id", (gate) => gate.run_id],
  ];
  fill($("gates"), columns, report.gates);
  const isCut = report.gates.length >= report.most_gates;
  $("gates-note").hidden = report.gates.length > 0 && !isCut;
  $("gates-note").textContent = isCut ? say("gates_most", { count: report.most_gates }) : say("gates_empty");
}

function showDays(currency) {
  const cash = (name) => [`column_${name}`, "number", (each) => money(each[name], currency)];
  const columns = [
    ["column_local_date", "moment", (each) => day(each.local_date)],
    ...["opening", "closing", "lowest", "highest", "net_change", "inflow", "outflow"].map(cash),
    ["column_observations", "number", (each) => number(each.observations)],
    ["column_longest_gap_minutes", "number", (each) => duration(each.longest_gap_minutes)],
    ["column_is_complete", "", (each) => say(each.is_complete ? "yes" : "no")],
  ];
  fill($("days"), columns, [...report.days].reverse());
  $("days-note").hidden = report.days.length > 0;
  $("days-note").textContent = say("days_empty");
}

function choose(changes) {
  Object.assign(state, changes);
  load();
}

function listen() {
  $("who").onchange = (event) => {
    report = undefined; // one account's figures never stand under another's name
    $("main").classList.add("blank");
    choose({ who: event.target.selectedIndex });
  };
  for (const button of document.querySelectorAll("[data-range]")) {
    button.onclick = () => choose({ range: button.dataset.range, first: null, last: null });
  }
  const move = (direction) => {
    const { first, last } = period();
    const days = Math.round((Date.parse(last) - Date.parse(first)) / (1440 * MINUTE)) + 1;
    const end = shift(last, direction * days);
    const isNow = end >= today();
    choose({ first: shift(first, direction * days), last: isNow && state.range !== "custom" ? null : end });
  };
  $("earlier").onclick = () => move(-1);
  $("later").onclick = () => move(1);
  for (const name of ["first", "last"]) {
    $(name).onchange = () => {
      const [first, last] = [$("first").value, $("last").value];
      if (first && last) choose({ range: "custom", first: first < last ? first : last, last: first < last ? last : first });
    };
  }
  addEventListener("theme", redraw);
  setInterval(showAge, MINUTE / 6);
  setInterval(() => document.hidden || load(), MINUTE);
}

function offer() {
  for (const environment of new Set(start.balances.map((each) => each.environment))) {
    const group = element("optgroup", { label: say(`environment_${environment}`) });
    start.balances.forEach(({ account, currency, environment: its }, place) => {
      const properties = { value: place, textContent: `${account} · ${currency}`, selected: place === state.who };
      if (its === environment) group.append(element("option", properties));
    });
    $("who").append(group);
  }
}

offer();
listen();
load();
